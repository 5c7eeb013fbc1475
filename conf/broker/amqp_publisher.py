"""Publishing on one AMQP link: persistent, mandatory, and done when the broker has confirmed."""

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import pika
from pika import spec
from pika.channel import Channel

from conf.broker import BrokerUnavailableError
from conf.broker.amqp_link import PATIENCE, AmqpLink

BYTES_PER_SECOND = 5_000_000
"""Slowest transfer that still counts as working: what is added to PATIENCE for big bodies."""
WINDOW_MESSAGES, WINDOW_BYTES = 500, 8_000_000
"""How much is sent before its confirms are awaited."""

Message = tuple[bytes, Mapping[str, Any]]
"""Body and headers."""


class AmqpPublisher:
    """Publishes on the link's channel, with a window of confirms instead of a round trip per message."""

    def __init__(self, link: AmqpLink) -> None:
        """Switch the channel to confirms."""
        self._link = link
        self._published = itertools.count(1)
        self._unconfirmed: set[int] = set()
        self._returned: set[str] = set()
        self._refused = False
        link.channel.add_on_return_callback(self._on_return)
        link.call(link.channel.confirm_delivery, ack_nack_callback=self._on_confirm)

    def send(self, queue: str, messages: Sequence[Message]) -> list[Message]:
        """Await every confirm. Returns those that had no queue to go to; all others are durable."""
        self._returned.clear()
        ids: dict[str, Message] = {}
        size = 0
        for message in messages:
            ids[self._emit(queue, *message)] = message
            size += len(message[0])
            if len(self._unconfirmed) >= WINDOW_MESSAGES or size >= WINDOW_BYTES:
                self._await_confirms(size)
                size = 0
        self._await_confirms(size)
        return [message for message_id, message in ids.items() if message_id in self._returned]

    def _emit(self, queue: str, body: bytes, headers: Mapping[str, Any]) -> str:
        message_id = str(uuid4())
        properties = pika.BasicProperties(
            content_type="application/octet-stream",
            delivery_mode=2,
            headers=dict(headers),
            message_id=message_id,
            timestamp=int(time.time()),
        )
        self._unconfirmed.add(next(self._published))
        self._link.send(self._link.channel.basic_publish, "", queue, body, properties, mandatory=True)
        return message_id

    def _await_confirms(self, size: int) -> None:
        if not self._link.wait(lambda: not self._unconfirmed, PATIENCE + size / BYTES_PER_SECOND):
            raise BrokerUnavailableError(
                "RabbitMQ did not confirm in time: it is frozen, overloaded, or blocks publishers because disk or "
                "memory run out (`rabbitmqctl status` shows its alarms)"
            )
        if self._refused:
            raise BrokerUnavailableError("RabbitMQ refused a message (nack): see the broker's log")

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        if method.multiple:
            self._unconfirmed = {tag for tag in self._unconfirmed if tag > method.delivery_tag}
        else:
            self._unconfirmed.discard(method.delivery_tag)
        if isinstance(method, spec.Basic.Nack):
            self._refused = True

    def _on_return(self, _channel: Channel, _method: Any, properties: pika.BasicProperties, _body: bytes) -> None:
        self._returned.add(str(properties.message_id))
