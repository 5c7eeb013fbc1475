"""Consuming on one AMQP link: the broker pushes up to a credit, and nothing waits unseen behind long work."""

import itertools
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pika
from pika import spec

from conf.broker.amqp_link import AmqpLink


@dataclass(frozen=True)
class Arrived:
    """One message as the broker pushed it."""

    subscription: "Subscription"
    method: spec.Basic.Deliver
    properties: pika.BasicProperties
    body: bytes


@dataclass
class Subscription:
    """A consumer of one queue, which may hold `credit` messages."""

    queue: str
    tag: str
    credit: int
    inbox: deque[Arrived]
    """Pushed and not yet taken: of the queue, whichever subscription it came through."""
    unsettled: set[int] = field(default_factory=set)
    """Delivery tags of everything pushed and not settled, in the inbox or in hand."""
    cancelled: bool = False
    """By the broker: the queue was deleted."""


class AmqpConsumer:
    """The subscriptions of one link.

    A subscription ends once its credit is used up, so that an ack lets nothing come that nobody asked for, and when
    less is asked for than its credit. What it has pushed stays in the queue's inbox and is taken first.
    """

    def __init__(self, link: AmqpLink) -> None:
        self._link = link
        self._numbers = itertools.count(1)
        self._current: dict[str, Subscription] = {}
        self._known: list[Subscription] = []
        self._inboxes: defaultdict[str, deque[Arrived]] = defaultdict(deque)
        link.channel.add_on_cancel_callback(self._on_cancel)

    def take(self, queue: str, most: int, seconds: float) -> list[Arrived] | None:
        """Up to `most` messages; [] after that time; None when the queue was deleted and must be declared again."""
        inbox = self._inboxes[queue]
        subscription = self._current.get(queue)
        if subscription is not None and subscription.credit > most:
            self._unsubscribe(queue)
            subscription = None
        if subscription is None and not inbox:
            subscription = self._subscribed(queue, most)
        self._link.wait(lambda: inbox or (subscription is not None and subscription.cancelled), seconds)
        self._link.flush()
        if subscription is not None and subscription.cancelled:
            del self._current[queue]
            if not inbox:
                return None
        elif subscription is not None and len(subscription.unsettled) >= subscription.credit:
            self._unsubscribe(queue)
        return [inbox.popleft() for _ in range(min(most, len(inbox)))]

    def stop(self, queue: str) -> list[Arrived]:
        """Let nothing more come from a queue: what has been pushed and not taken, which is the caller's now."""
        if queue in self._current:
            self._unsubscribe(queue)
        inbox = self._inboxes[queue]
        rest = list(inbox)
        inbox.clear()
        return rest

    def settle(self, message: Arrived, method: Callable[..., None], **named: Any) -> None:
        """Ack or return one message."""
        self._link.send(method, message.method.delivery_tag, **named)
        message.subscription.unsettled.discard(message.method.delivery_tag)

    def in_hand(self, queue: str) -> int:
        """Messages of a queue pushed to this link and not settled."""
        self._known = [s for s in self._known if s.unsettled or self._current.get(s.queue) is s]
        return sum(len(s.unsettled) for s in self._known if s.queue == queue)

    def _subscribed(self, queue: str, most: int) -> Subscription:
        fresh = Subscription(queue, f"listenlake-{next(self._numbers)}", most, self._inboxes[queue])
        self._current[queue] = fresh
        self._known = [s for s in self._known if s.unsettled] + [fresh]
        self._link.call(self._link.channel.basic_qos, prefetch_count=most)
        self._link.call(
            self._link.channel.basic_consume,
            queue=queue,
            consumer_tag=fresh.tag,
            on_message_callback=lambda _channel, *message: _push(fresh, *message),
        )
        return fresh

    def _unsubscribe(self, queue: str) -> None:
        self._link.call(self._link.channel.basic_cancel, consumer_tag=self._current.pop(queue).tag)

    def _on_cancel(self, frame: Any) -> None:
        for subscription in self._current.values():
            if subscription.tag == frame.method.consumer_tag:
                subscription.cancelled = True


def _push(
    subscription: Subscription, method: spec.Basic.Deliver, properties: pika.BasicProperties, body: bytes
) -> None:
    subscription.unsettled.add(method.delivery_tag)
    subscription.inbox.append(Arrived(subscription, method, properties, body))
