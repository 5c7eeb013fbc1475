"""A deadline for every wait on PostgreSQL in this process: a frozen server says nothing for ever.

psycopg2 calls this back whenever it would block; it is process-wide, so only the web server installs it.
"""

import select
import time

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, set_wait_callback
from psycopg2.extensions import connection as Connection  # noqa: N812

SECONDS = 4.0
"""Longest wait for a connection or one statement: clients get their 503 within 5 s."""


def install_deadline() -> None:
    """From now on a statement, or a connection attempt, fails with OperationalError after SECONDS."""
    set_wait_callback(_wait)


def _wait(connection: Connection) -> None:
    deadline = time.monotonic() + SECONDS
    poller = None
    while (state := connection.poll()) != POLL_OK:
        if poller is None:
            poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
        if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise psycopg2.OperationalError("PostgreSQL did not answer in time: it is frozen or overloaded")
