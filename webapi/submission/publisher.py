"""Publishing submissions: a publish that returned is durable in the queue; any doubt is BrokerUnavailableError."""

import threading
import time
from contextlib import suppress

from conf.broker import INCOMING, Broker, BrokerUnavailableError, open_broker
from conf.faults import fault_point
from conf.postgres import StoreUnavailableError
from conf.settings import Settings
from jobs.listens.listen import Submission

__all__ = ["BrokerUnavailableError", "Publisher"]

STALE_SECONDS = 0.5
"""A kept connection that fails faster than this was cut while idle; one that fails slower has used up our time."""


class Publisher:
    """Safe to share between threads: each has a broker connection of its own, opened on first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._local = threading.local()

    def publish(self, submission: Submission) -> None:
        """Return once the submission is durable in the queue `incoming`.

        Raises BrokerUnavailableError within about 5 s; it may be in the queue then, which does no harm: published
        again under its message id it is written once. A connection that broke while it lay idle is replaced once.
        """
        body = submission.encode()
        fault_point("publisher.publish")
        reused, started = self._opened() is not None, time.monotonic()
        try:
            self._send(body)
        except BrokerUnavailableError:
            if not reused or time.monotonic() - started > STALE_SECONDS:
                raise
            self._send(body)
        fault_point("publisher.confirmed")

    def close(self) -> None:
        """Close this thread's connection; the next publish opens a new one."""
        broker = self._opened()
        self._local.broker = None
        if broker is not None:
            with suppress(BrokerUnavailableError):
                broker.close()

    def _opened(self) -> Broker | None:
        broker: Broker | None = getattr(self._local, "broker", None)
        return broker

    def _send(self, body: bytes) -> None:
        try:
            broker = self._opened() or self._open()
            broker.publish(INCOMING, [body])
        except BrokerUnavailableError:
            self.close()
            raise

    def _open(self) -> Broker:
        try:
            broker = open_broker(self._settings)
        except StoreUnavailableError as problem:
            raise BrokerUnavailableError(f"the queue tables cannot be reached: {problem}") from None
        self._local.broker = broker
        return broker
