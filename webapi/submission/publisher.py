"""Publishing submissions: a publish that returned is durable in the queue; any doubt is BrokerUnavailableError."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from conf.broker import INCOMING, Broker, BrokerUnavailableError, open_broker
from conf.faults import fault_point
from conf.postgres import StoreUnavailableError
from conf.settings import Settings
from jobs.listens.listen import Submission

__all__ = ["BrokerUnavailableError", "Publisher"]

STALE_SECONDS = 0.5
"""A kept connection that fails faster than this was cut while idle; one that fails slower has used up our time."""
BATCH_BYTES = 8_000_000
"""Of messages sent together; one message may be bigger."""


@dataclass
class _Message:
    body: bytes
    done: bool = False
    problem: BrokerUnavailableError | None = None


class Publisher:
    """One connection for all threads of a process, opened on first use.

    A thread that finds nobody sending sends what waits, its own and that of others; who comes meanwhile waits for the
    next turn. So under load one round trip, and one wait for the disk, is for many.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = threading.Condition()
        self._sending = False
        self._waiting: list[_Message] = []
        self._broker: Broker | None = None

    def publish(self, submission: Submission) -> None:
        """Return once the submission is durable in the queue `incoming`.

        Raises BrokerUnavailableError within about 5 s; it may be in the queue then, which does no harm: published
        again under its message id it is written once. A connection that broke while it lay idle is replaced once.
        """
        mine = _Message(submission.encode())
        fault_point("publisher.publish")
        with self._turn:
            self._waiting.append(mine)
        while not mine.done:
            self._wait_or_send(mine)
        if mine.problem is not None:
            raise BrokerUnavailableError(str(mine.problem)) from mine.problem
        fault_point("publisher.confirmed")

    def close(self) -> None:
        """Close the connection; the next publish opens a new one. Not while somebody publishes."""
        broker, self._broker = self._broker, None
        if broker is not None:
            with suppress(BrokerUnavailableError):
                broker.close()

    def _wait_or_send(self, mine: _Message) -> None:
        with self._turn:
            self._turn.wait_for(lambda: mine.done or not self._sending)
            if mine.done:
                return
            self._sending, batch = True, self._next_batch()
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
        with self._turn:
            self._sending = False
            if problem is not None:
                batch, self._waiting = batch + self._waiting, []
            for message in batch:
                message.done, message.problem = True, problem
            self._turn.notify_all()

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
