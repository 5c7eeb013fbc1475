"""The broker: durable queues between the parts. One interface, two implementations, one behaviour suite.

`open_broker(settings)` gives RabbitMQ for amqp:// and queue tables in PostgreSQL for postgresql:. Promises of both:
a publish that returned is durable; a delivery not acked is delivered again when its consumer dies or releases it; after
`max_deliveries` deliveries, or a reject, a message is a dead letter, kept with its reason until somebody retries it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from conf.settings import Settings

INCOMING = "incoming"
SPARK_REQUEST = "spark_request"
SPAN_REQUEST = "span_request"
"""Requests that somebody waits for, answered beside those of `spark_request`."""
LONG_REQUEST = "long_request"
"""Requests for models, similarity and years: statistics, in `spark_request`, do not wait for them."""
SPARK_RESULT = "spark_result"
QUEUES = (INCOMING, SPARK_REQUEST, SPAN_REQUEST, LONG_REQUEST, SPARK_RESULT)


class BrokerUnavailableError(RuntimeError):
    """The broker cannot take or give messages now: nothing was promised, try again."""


@dataclass(frozen=True)
class Delivery:
    """One message in the consumer's hand. `tag` belongs to the broker object that delivered it."""

    queue: str
    body: bytes
    tag: int
    deliveries: int
    """How often this message has been delivered, this time included (1 = first)."""


@dataclass(frozen=True)
class DeadLetter:
    """A message given up on, with the reason."""

    id: str
    queue: str
    body: bytes
    reason: str
    deliveries: int
    created: datetime | None


class Broker(Protocol):
    """A connection to the broker for one thread. Every method may raise BrokerUnavailableError."""

    def publish(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Return only when every body is durable in the queue; after an error some may be there."""

    def consume(self, queue: str, max_messages: int, wait_seconds: float) -> list[Delivery]:
        """Up to max_messages deliveries, oldest first; waits for the first one, [] after wait_seconds."""

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Their effects are durable: forget them. Deliveries of a lost connection are ignored (they come again)."""

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """Not done, give them to somebody again at once."""

    def reject(self, delivery: Delivery, reason: str) -> None:
        """This message can never be done: make it a dead letter."""

    def keep_alive(self) -> None:
        """Answer heartbeats; to be called at least every 30 s by a thread busy with long work."""

    def depth(self, queue: str) -> int:
        """Messages waiting or in hand."""

    def oldest_age(self, queue: str) -> float | None:
        """Seconds since the oldest message waiting or in hand was published; 0 for none, None where nobody knows."""

    def dead_letter_count(self, queue: str) -> int:
        """How many dead letters a queue has."""

    def dead_letters(self, queue: str, limit: int = 100) -> list[DeadLetter]:
        """The oldest dead letters of a queue; looking does not take them."""

    def retry_dead_letters(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """Put dead letters (all, or those ids) back into their queue with a fresh delivery count; how many."""

    def drop_dead_letters(self, queue: str, unwanted: Callable[[bytes], bool]) -> int:
        """Forget for ever the dead letters of a queue whose body is unwanted; how many."""

    def close(self) -> None:
        """Give back what is in hand and close."""


def open_broker(settings: Settings) -> Broker:
    """A new broker connection for this thread, as BROKER_URL says."""
    if settings.broker_url.startswith("amqp"):
        from conf.broker.rabbitmq import RabbitMQBroker

        return RabbitMQBroker(settings.broker_url, max_deliveries=settings.max_deliveries)
    from conf.broker.postgresql import PostgreSQLBroker
    from conf.postgres import dsn

    return PostgreSQLBroker(dsn(settings), max_deliveries=settings.max_deliveries)
