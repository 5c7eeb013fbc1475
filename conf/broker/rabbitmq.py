"""RabbitMQ, 3.10 or newer, through pika.

A queue is a quorum queue, on one node too: it is the only kind that counts deliveries across a killed consumer and a
restarted broker (classic queues only say "redelivered"), and dead letters need that count. (On one node it replicates
nothing.) The limit itself is kept here, as in the embedded broker, because it is a setting, and a queue's arguments
cannot change: a message delivered too often, or rejected, is published to `<queue>.dead_letter` with its reason,
confirmed, then acked. The broker's own limit and dead-letter exchange stay only as a net far above ours.
`<queue>.dead_letter` is a classic durable queue: looking at it counts nothing, so looking never drops a letter.
Whoever comes first declares both.
"""

import hashlib
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pika
from pika import spec
from pika.channel import Channel

from conf.broker import BrokerUnavailableError, DeadLetter, Delivery
from conf.broker.amqp_consumer import AmqpConsumer, Arrived
from conf.broker.amqp_link import PATIENCE, AmqpLink
from conf.broker.amqp_publisher import AmqpPublisher
from conf.broker.reason import storable

REASON, DELIVERIES = "x-listenlake-reason", "x-listenlake-deliveries"
"""Headers of a dead letter."""
_NET = 1000
"""Deliveries after which the broker itself gives up: never reached, MAX_DELIVERIES is at most 100."""


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
        """Persistent and mandatory; returns when all are confirmed. A queue deleted meanwhile is declared again."""
        if not bodies:
            return
        with self._ready(queue) as held:
            unroutable = held.publisher.send(queue, [(body, {}) for body in bodies])
            if unroutable:
                _declare(held.link, queue)
                unroutable = held.publisher.send(queue, unroutable)
            if unroutable:
                raise BrokerUnavailableError(f"RabbitMQ has no queue {queue}, though it was just declared")

    def consume(self, queue: str, max_messages: int, wait_seconds: float) -> list[Delivery]:
        """The broker pushes. Messages at the end of their deliveries are buried on the way.

        The first message of a connection comes alone, and so does one at its last chance: returned messages come
        first, and the one that kills its consumer should only take itself down with it.
        """
        deadline = time.monotonic() + wait_seconds
        while True:
            with self._ready(queue) as held:
                most = 1 if held.careful.get(queue, True) else max_messages
                arrived = held.consumer.take(queue, most, deadline - time.monotonic())
                if arrived is None:
                    held.declared.discard(queue)
                taken = self._handed_out(held, queue, arrived or [])
            if taken or time.monotonic() >= deadline:
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
                for message in _in_hand(held, [delivery]):
                    self._bury(held, delivery.queue, message, reason, delivery.deliveries)
                held.link.flush()

    def keep_alive(self) -> None:
        """Answer heartbeats. Raises BrokerUnavailableError for a lost connection: what was in hand comes again."""
        if self._open is not None:
            with self._dropped_on_error():
                self._open.link.flush()

    def depth(self, queue: str) -> int:
        """Messages waiting, or in hand here: AMQP does not tell what others hold."""
        with self._ready(queue) as held:
            return _declare(held.link, queue) + held.consumer.in_hand(queue)

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
                    _send_one(held, queue, body, {})
                    held.link.send(channel.basic_ack, method.delivery_tag)
                    count += 1
            held.link.close_channel(channel)
        return count

    def close(self) -> None:
        """The end of the connection gives back what is in hand."""
        if self._open is not None:
            self._open.link.close()
            self._open = None

    def _handed_out(self, held: _Open, queue: str, arrived: Sequence[Arrived]) -> list[Delivery]:
        taken = []
        for message in arrived:
            deliveries = _deliveries(message.properties)
            held.careful[queue] = deliveries >= self._max_deliveries
            if deliveries > self._max_deliveries:
                before = deliveries - 1
                self._bury(held, queue, message, f"delivered {before} times and never done", before)
            else:
                tag = next(self._tags)
                held.held[tag] = message
                taken.append(Delivery(queue, message.body, tag, deliveries))
        return taken

    @staticmethod
    def _bury(held: _Open, queue: str, message: Arrived, reason: str, deliveries: int) -> None:
        _declare(held.link, queue)
        headers = {REASON: storable(reason), DELIVERIES: deliveries}
        _send_one(held, f"{queue}.dead_letter", message.body, headers)
        held.consumer.settle(message, held.link.channel.basic_ack)

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


def _declare(link: AmqpLink, queue: str) -> int:
    """Declare a queue and its dead letters; how many messages wait in it."""
    dead = f"{queue}.dead_letter"
    link.call(link.channel.queue_declare, queue=dead, durable=True)
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": _NET,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead,
    }
    answer = link.call(link.channel.queue_declare, queue=queue, durable=True, arguments=arguments)
    return int(answer.method.message_count)


def _send_one(held: _Open, queue: str, body: bytes, headers: dict[str, Any]) -> None:
    if held.publisher.send(queue, [(body, headers)]):
        raise BrokerUnavailableError(f"RabbitMQ has no queue {queue}: somebody deletes queues just now")


def _in_hand(held: _Open, deliveries: Sequence[Delivery]) -> list[Arrived]:
    return [held.held.pop(d.tag) for d in deliveries if d.tag in held.held]


def _deliveries(properties: pika.BasicProperties) -> int:
    """This delivery included; newer brokers count returns that are nobody's fault separately."""
    headers = properties.headers or {}
    return 1 + max(int(headers.get("x-delivery-count", 0)), int(headers.get("x-acquired-count", 0)))


def _dead(link: AmqpLink, channel: Channel, queue: str) -> Iterator[tuple[Any, pika.BasicProperties, bytes]]:
    """The dead letters there are now, one by one, unacked."""
    dead = f"{queue}.dead_letter"
    answers: list[tuple[Any, ...]] = []
    channel.add_callback(lambda _frame: answers.append(()), [spec.Basic.GetEmpty], one_shot=False)
    count = link.call(channel.queue_declare, queue=dead, durable=True).method.message_count
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
    deaths = headers.get("x-death") or [{}]
    return DeadLetter(
        id=properties.message_id or hashlib.sha256(body).hexdigest(),
        queue=queue,
        body=body,
        reason=str(headers.get(REASON) or deaths[0].get("reason", "unknown")),
        deliveries=int(headers.get(DELIVERIES, 0)),
        created=datetime.fromtimestamp(properties.timestamp, UTC) if properties.timestamp else None,
    )
