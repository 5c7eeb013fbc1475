"""Publishing submissions: a publish that returned is durable in the queue; any doubt is BrokerUnavailableError."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from conf.broker import INCOMING, Broker, BrokerUnavailableError, open_broker
from conf.faults import fault_point
from conf.postgres import StoreUnavailableError
from conf.settings import Settings
from jobs.listens.listen import Submission
from webapi.db.deadline import waited_in_vain

__all__ = ["BrokerUnavailableError", "Publisher"]

STALE_SECONDS = 0.5
"""A kept connection that fails faster than this was cut while idle; one that fails slower has used up our time."""
BATCH_BYTES = 8_000_000
"""Of messages sent together; one message may be bigger."""


def _shut() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass
class _Message:
    body: bytes
    gate: threading.Lock = field(default_factory=_shut)
    """Opened when it is done, and for who is the next to send before that."""
    done: bool = False
    problem: BrokerUnavailableError | None = None


class Publisher:
    """One connection for all threads of a process, opened on first use.

    A thread that finds nobody sending sends; who comes meanwhile waits, and one of them sends for all when the turn is
    over. So under load one round trip, and one wait for the disk, is for many, and only who has something to do wakes.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._in_postgresql = not settings.broker_url.startswith("amqp")
        self._lock = threading.Lock()
        self._sending = False
        self._waiting: list[_Message] = []
        self._broker: Broker | None = None

    def publish(self, submission: Submission) -> None:
        """Return once the submission is durable in the queue `incoming`.

        Raises BrokerUnavailableError within about 5 s; it may be in the queue then, which does no harm: published
        again under its message id it is written once. A connection that broke while it lay idle is replaced once.
        """
        if self._in_postgresql and waited_in_vain():
            raise BrokerUnavailableError("PostgreSQL, where the queue is, does not answer")
        mine = _Message(submission.encode())
        fault_point("publisher.publish")
        with self._lock:
            self._waiting.append(mine)
            waits, self._sending = self._sending, True
        if waits:
            mine.gate.acquire()
        if not mine.done:
            self._send_what_waits()
        if mine.problem is not None:
            raise BrokerUnavailableError(str(mine.problem)) from mine.problem
        fault_point("publisher.confirmed")

    def close(self) -> None:
        """Close the connection; the next publish opens a new one. Not while somebody publishes."""
        broker, self._broker = self._broker, None
        if broker is not None:
            with suppress(BrokerUnavailableError):
                broker.close()

    def _send_what_waits(self) -> None:
        with self._lock:
            batch = self._next_batch()
        problem: BrokerUnavailableError | None = BrokerUnavailableError("publishing failed; the log says why")
        try:
            self._send_patiently([message.body for message in batch])
            problem = None
        except BrokerUnavailableError as found:
            problem = found
        finally:
            self._settle(batch, problem)

    def _next_batch(self) -> list[_Message]:
        size = count = 0
        for message in self._waiting:
            size += len(message.body)
            if count and size > BATCH_BYTES:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    def _settle(self, batch: list[_Message], problem: BrokerUnavailableError | None) -> None:
        """Those who came while a sending failed have waited as long as it took: they are not made to wait again."""
        with self._lock:
            if problem is not None:
                batch, self._waiting = batch + self._waiting, []
            for message in batch:
                message.done, message.problem = True, problem
            follows = self._waiting[:1]
            self._sending = bool(follows)
        for message in batch + follows:
            message.gate.release()

    def _send_patiently(self, bodies: list[bytes]) -> None:
        reused, started = self._broker is not None, time.monotonic()
        try:
            self._send(bodies)
        except BrokerUnavailableError:
            if not reused or time.monotonic() - started > STALE_SECONDS:
                raise
            self._send(bodies)

    def _send(self, bodies: list[bytes]) -> None:
        try:
            if self._broker is None:
                self._broker = self._open()
            self._broker.publish(INCOMING, bodies)
        except BrokerUnavailableError:
            self.close()
            raise

    def _open(self) -> Broker:
        try:
            return open_broker(self._settings)
        except StoreUnavailableError as problem:
            raise BrokerUnavailableError(f"the queue tables cannot be reached: {problem}") from None
