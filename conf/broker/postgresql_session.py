"""One PostgreSQL session whose every wait has a deadline, however the server fails.

A stopped server refuses, a killed one resets, but a frozen one says nothing for ever, and on a Unix socket no TCP
timeout ends that. So the session runs libpq asynchronously: each statement is sent, and polled until its deadline.
Asynchronous sessions are in autocommit: every statement here is one transaction.
"""

import select
import time
from collections.abc import Mapping
from typing import Any, NoReturn

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import POLL_OK, POLL_READ

from conf.broker import BrokerUnavailableError

_OPTIONS = "-c timezone=UTC -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"


class PostgreSQLSession:
    """An open session. Any error but a refused statement closes it: its locks go, and with them its claims."""

    def __init__(self, url: str, seconds: float) -> None:
        """Connect within that many seconds, or raise BrokerUnavailableError."""
        try:
            self._connection = psycopg2.connect(url, application_name="listenlake-broker", options=_OPTIONS, async_=1)
        except psycopg2.OperationalError as problem:
            raise _unavailable(problem) from None
        self._poll(time.monotonic() + seconds)

    @property
    def lost(self) -> bool:
        """Whether the server has hung up, as far as can be known without asking it."""
        if self._connection.closed:
            return True
        try:
            self.drain()
        except BrokerUnavailableError:
            return True
        return False

    def run(
        self, statement: str | sql.Composable, parameters: Mapping[str, Any], *, seconds: float
    ) -> list[tuple[Any, ...]]:
        """One statement as one transaction: its rows. Raises BrokerUnavailableError when it is not done in time."""
        deadline = time.monotonic() + seconds
        try:
            cursor = self._connection.cursor()
            cursor.execute(statement, parameters)
        except psycopg2.Error as problem:
            self._refuse(problem)
        self._poll(deadline)
        return cursor.fetchall() if cursor.description else []

    def drain(self) -> None:
        """Read what the server has sent, without waiting."""
        try:
            self._connection.poll()
        except psycopg2.Error as problem:
            self.close()
            raise _unavailable(problem) from None

    def forget_notifications(self) -> None:
        """What was rung until now is answered by the statement that follows."""
        self.drain()
        self._connection.notifies.clear()

    def take_notifications(self) -> list[str]:
        """The texts of what was rung since they were last taken or forgotten."""
        self.drain()
        texts = [notice.payload for notice in self._connection.notifies]
        self._connection.notifies.clear()
        return texts

    def wait_for_notification(self, seconds: float) -> None:
        """Return when a bell has rung since the last `forget_notifications`, or after that time."""
        self.drain()
        if not self._connection.notifies and _ready(self._connection.fileno(), select.POLLIN, seconds):
            self.drain()

    def close(self) -> None:
        """End the session. Does not wait for the server."""
        if not self._connection.closed:
            self._connection.close()

    def _poll(self, deadline: float) -> None:
        try:
            while (state := self._connection.poll()) != POLL_OK:
                event = select.POLLIN if state == POLL_READ else select.POLLOUT
                if not _ready(self._connection.fileno(), event, deadline - time.monotonic()):
                    self.close()
                    raise BrokerUnavailableError("PostgreSQL did not answer in time: it is frozen or overloaded")
        except psycopg2.Error as problem:
            self._refuse(problem)

    def _refuse(self, problem: psycopg2.Error) -> NoReturn:
        """A statement that is wrong is our fault and raised as it is; everything else means: not available."""
        if isinstance(problem, (psycopg2.ProgrammingError, psycopg2.DataError, psycopg2.IntegrityError)):
            raise problem
        self.close()
        raise _unavailable(problem) from None


def _ready(descriptor: int, event: int, seconds: float) -> bool:
    poller = select.poll()
    poller.register(descriptor, event)
    return bool(poller.poll(max(0.0, seconds) * 1000))


def _unavailable(problem: Exception) -> BrokerUnavailableError:
    said = str(problem).strip().splitlines() or [type(problem).__name__]
    return BrokerUnavailableError(
        f"the queue tables cannot be reached ({said[-1]}); `make up` starts the embedded PostgreSQL, "
        "DATABASE_URL names another"
    )
