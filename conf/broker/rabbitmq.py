"""RabbitMQ, 3.10 or newer, through pika.

Queues are classic and durable; whoever comes first declares them. Quorum queues would count deliveries for us, but
RabbitMQ 3.10 (Debian 12) writes the name of a new one to disk minutes later: a node killed before that comes back
with an empty queue, confirmed messages gone. So the count is a header, kept here: a message that comes marked as
redelivered was delivered once more than its header says, and is replaced by a copy that says so (at the tail), before
anybody gets it. Each replacement is confirmed before the original is acked: a message may be there twice, never not
at all. A message delivered too often, or rejected, is replaced by one in `<queue>.dead_letter` that has the reason.
"""

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pika
from pika import spec
from pika.channel import Channel

from conf.broker import BrokerUnavailableError, DeadLetter, Delivery
from conf.broker.amqp_consumer import AmqpConsumer, Arrived
from conf.broker.amqp_link import PATIENCE, AmqpLink
from conf.broker.amqp_publisher import AmqpPublisher, Message
from conf.broker.reason import storable

REASON, DELIVERIES = "x-listenlake-reason", "x-listenlake-deliveries"
"""Headers: why it is a dead letter; how often it had been delivered when this copy was published."""


class _Open:
    """Everything that ends with a link."""

    def __init__(self, url: str) -> None:
        self.link = AmqpLink(url)
        try:
            self.publisher = AmqpPublisher(self.link)
            self.consumer = AmqpConsumer(self.link)
        except BrokerUnavailableError:
            self.link.close()
            raise
        self.declared: set[str] = set()
        self.held: dict[int, Arrived] = {}
        self.careful: dict[str, bool] = {}
        """Whether the next message of a queue is taken alone."""


class RabbitMQBroker:
    """The queues of one RabbitMQ virtual host, for one thread. See `conf.broker.Broker`."""

    def __init__(self, url: str, *, max_deliveries: int) -> None:
        self._url = url
        self._max_deliveries = max_deliveries
        self._tags = itertools.count(1)
        self._open: _Open | None = None

    def publish(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Persistent and mandatory; returns when all are confirmed."""
        if not bodies:
            return
        with self._ready(queue) as held:
            _send(held, queue, [(body, {}) for body in bodies])

    def consume(self, queue: str, max_messages: int, wait_seconds: float) -> list[Delivery]:
        """The broker pushes; messages that come again are counted, or buried, on the way.

        A message at its last chance is handed out alone, so that it can only take itself down with its consumer.
        """
        deadline = time.monotonic() + wait_seconds
        while True:
            with self._ready(queue) as held:
                most = 1 if held.careful.get(queue) else max_messages
                arrived = held.consumer.take(queue, most, deadline - time.monotonic())
                if arrived is None:
                    held.declared.discard(queue)
                fresh = self._counted(held, queue, arrived or [])
                taken = [self._hand_out(held, queue, message) for message in self._apart(held, queue, fresh)]
            if taken or (time.monotonic() >= deadline and not arrived):
                return taken

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Confirm them to the broker."""
        with self._connected() as held:
            if held is not None:
                for message in _in_hand(held, deliveries):
                    held.consumer.settle(message, held.link.channel.basic_ack)
                held.link.flush()

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """Back to the head of the queue."""
        with self._connected() as held:
            if held is not None:
                for message in _in_hand(held, deliveries):
                    held.consumer.settle(message, held.link.channel.basic_nack, requeue=True)
                held.link.flush()

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Confirmed among the dead letters, then acked: it may be there twice, never not at all."""
        with self._connected() as held:
            if held is not None:
                dead = {REASON: storable(reason), DELIVERIES: delivery.deliveries}
                _replace(held, _dead_queue(delivery.queue), [(m, dead) for m in _in_hand(held, [delivery])])

    def keep_alive(self) -> None:
        """Answer heartbeats. Raises BrokerUnavailableError for a lost connection: what was in hand comes again."""
        if self._open is not None:
            with self._dropped_on_error():
                self._open.link.flush()

    def depth(self, queue: str) -> int:
        """Messages waiting, or in hand here: AMQP does not tell what others hold."""
        with self._ready(queue) as held:
            return _declare(held.link, queue) + held.consumer.in_hand(queue)

    def oldest_age(self, queue: str) -> float | None:
        """AMQP tells nothing of a message that nobody takes, and to take one counts as a delivery."""
        return None if self.depth(queue) else 0.0

    def dead_letter_count(self, queue: str) -> int:
        """As RabbitMQ has counted."""
        with self._ready(queue) as held:
            _declare(held.link, queue)
            dead = held.link.channel.queue_declare
            return int(held.link.call(dead, queue=_dead_queue(queue), passive=True).method.message_count)

    def dead_letters(self, queue: str, limit: int = 100) -> list[DeadLetter]:
        """The oldest ones: taken on a channel of its own, whose end puts them back in their place."""
        with self._ready(queue) as held:
            channel = held.link.open_channel()
            taken = list(itertools.islice(_dead(held.link, channel, queue), limit))
            held.link.close_channel(channel)
        return [_dead_letter(queue, properties, body) for _, properties, body in taken]

    def retry_dead_letters(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """Each is confirmed in its queue before it leaves the dead letters: it may be there twice, never not at all."""
        wanted = None if ids is None else set(ids)
        count = 0
        with self._ready(queue) as held:
            channel = held.link.open_channel()
            for method, properties, body in _dead(held.link, channel, queue):
                if wanted is None or _dead_letter(queue, properties, body).id in wanted:
                    _send(held, queue, [(body, {})])
                    held.link.send(channel.basic_ack, method.delivery_tag)
                    count += 1
            held.link.close_channel(channel)
        return count

    def drop_dead_letters(self, queue: str, unwanted: Callable[[bytes], bool]) -> int:
        """Taken on a channel of its own: the unwanted ones are acked, its end puts the others back in their place."""
        count = 0
        with self._ready(queue) as held:
            channel = held.link.open_channel()
            for method, _, body in _dead(held.link, channel, queue):
                if unwanted(body):
                    held.link.send(channel.basic_ack, method.delivery_tag)
                    count += 1
            held.link.close_channel(channel)
        return count

    def close(self) -> None:
        """The end of the connection gives back what is in hand."""
        if self._open is not None:
            self._open.link.close()
            self._open = None

    def _counted(self, held: _Open, queue: str, arrived: Sequence[Arrived]) -> list[Arrived]:
        """Those that come for the first time; the others are replaced, with their count, or are dead."""
        fresh, again, dead = [], [], []
        for message in arrived:
            before = _before(message)
            if not message.method.redelivered:
                fresh.append(message)
            elif before < self._max_deliveries:
                again.append((message, {DELIVERIES: before}))
            else:
                dead.append((message, {DELIVERIES: before, REASON: f"delivered {before} times and never done"}))
        _replace(held, queue, again)
        _replace(held, _dead_queue(queue), dead)
        return fresh

    def _apart(self, held: _Open, queue: str, fresh: list[Arrived]) -> list[Arrived]:
        """The first one alone, if there is one at its last chance; the others go back as they are.

        So does what was pushed behind them: it would be counted, were the link to end now.
        """
        last_chance = [message for message in fresh if _before(message) + 1 >= self._max_deliveries]
        if fresh:
            held.careful[queue] = bool(last_chance)
        if not last_chance:
            return fresh
        others = [message for message in fresh if message is not last_chance[0]]
        others += self._counted(held, queue, held.consumer.stop(queue))
        _replace(held, queue, [(message, {DELIVERIES: _before(message)}) for message in others])
        return last_chance[:1]

    def _hand_out(self, held: _Open, queue: str, message: Arrived) -> Delivery:
        tag = next(self._tags)
        held.held[tag] = message
        return Delivery(queue, message.body, tag, _before(message) + 1)

    @contextmanager
    def _ready(self, queue: str) -> Iterator[_Open]:
        """An open link on which the queue has been declared."""
        with self._connected() as held:
            if held is None:
                held = self._open = _Open(self._url)  # noqa: PLW2901 - the new one takes the lost one's place
            if queue not in held.declared:
                _declare(held.link, queue)
                held.declared.add(queue)
            yield held

    @contextmanager
    def _connected(self) -> Iterator[_Open | None]:
        """The link, if it is still there."""
        if self._open is not None and self._open.link.lost:
            self.close()
        with self._dropped_on_error():
            yield self._open

    @contextmanager
    def _dropped_on_error(self) -> Iterator[None]:
        try:
            yield
        except BrokerUnavailableError:
            self.close()
            raise


def _dead_queue(queue: str) -> str:
    return f"{queue}.dead_letter"


def _declare(link: AmqpLink, queue: str) -> int:
    """Declare a queue and its dead letters, kept on disk rather than in memory; how many messages wait in it."""
    waiting = 0
    for name in (_dead_queue(queue), queue):
        arguments = {"x-queue-mode": "lazy"}
        answer = link.call(link.channel.queue_declare, queue=name, durable=True, arguments=arguments)
        waiting = answer.method.message_count
    return waiting


def _send(held: _Open, queue: str, messages: Sequence[Message]) -> None:
    """Publish, confirmed; a queue deleted meanwhile is declared again."""
    missing = held.publisher.send(queue, messages)
    if missing:
        _declare(held.link, queue.removesuffix(".dead_letter"))
        missing = held.publisher.send(queue, missing)
    if missing:
        raise BrokerUnavailableError(f"RabbitMQ has no queue {queue}, though it was just declared")


def _replace(held: _Open, queue: str, messages: Sequence[tuple[Arrived, dict[str, Any]]]) -> None:
    """Publish copies with those headers to a queue, confirmed; then ack the originals.

    It returns when the acks have arrived: one that a dying link still held would bring the original again beside its
    copy, counted as if somebody had had it in hand.
    """
    if not messages:
        return
    _send(held, queue, [(message.body, headers) for message, headers in messages])
    for message, _ in messages:
        held.consumer.settle(message, held.link.channel.basic_ack)
    held.link.call(held.link.channel.queue_declare, queue=queue, durable=True, passive=True)


def _in_hand(held: _Open, deliveries: Sequence[Delivery]) -> list[Arrived]:
    return [held.held.pop(d.tag) for d in deliveries if d.tag in held.held]


def _before(message: Arrived) -> int:
    """How often it had been delivered before this time."""
    counted = (message.properties.headers or {}).get(DELIVERIES, 0)
    return int(counted) + (1 if message.method.redelivered else 0)


def _dead(link: AmqpLink, channel: Channel, queue: str) -> Iterator[tuple[Any, pika.BasicProperties, bytes]]:
    """The dead letters there are now, one by one, unacked."""
    dead = _dead_queue(queue)
    answers: list[tuple[Any, ...]] = []
    channel.add_callback(lambda _frame: answers.append(()), [spec.Basic.GetEmpty], one_shot=False)
    count = link.call(channel.queue_declare, queue=dead, passive=True).method.message_count
    for _ in range(count):
        answers.clear()
        link.send(channel.basic_get, dead, lambda _channel, *answer: answers.append(answer))
        if not link.wait(lambda: answers, PATIENCE):
            raise BrokerUnavailableError("RabbitMQ did not give a dead letter in time")
        if not answers[0]:
            return
        method, properties, body = answers[0]
        yield method, properties, body


def _dead_letter(queue: str, properties: pika.BasicProperties, body: bytes) -> DeadLetter:
    headers = properties.headers or {}
    return DeadLetter(
        id=properties.message_id or hashlib.sha256(body).hexdigest(),
        queue=queue,
        body=body,
        reason=str(headers.get(REASON, "unknown")),
        deliveries=int(headers.get(DELIVERIES, 0)),
        created=datetime.fromtimestamp(properties.timestamp, UTC) if properties.timestamp else None,
    )
