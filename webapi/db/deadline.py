"""A deadline for every wait on PostgreSQL in this process: a frozen server says nothing for ever.

psycopg2 calls this back whenever it would block; it is process-wide, so only the web server installs it. A request that
has waited in vain once waits no more: what it asks after that, or its error page, fails at once.
"""

import select
import threading
import time

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, set_wait_callback
from psycopg2.extensions import connection as Connection  # noqa: N812

SECONDS = 4.0
"""Longest wait for a connection or one statement: clients get their 503 within 5 s."""


class _Request(threading.local):
    """The request that this thread is answering."""

    under_way = False
    in_vain = False


_request = _Request()


def install_deadline() -> None:
    """From now on a statement, or a connection attempt, fails with OperationalError after SECONDS."""
    set_wait_callback(_wait)


def begin_request() -> None:
    """This thread answers a request from now on."""
    _request.under_way, _request.in_vain = True, False


def end_request() -> None:
    """It has the answer; what is still to be read while it is sent has the whole time again."""
    _request.under_way = _request.in_vain = False


def waited_in_vain() -> bool:
    """Whether PostgreSQL has not answered this request in time."""
    return _request.in_vain


def _wait(connection: Connection) -> None:
    deadline = time.monotonic() + (0.0 if _request.in_vain else SECONDS)
    poller = None
    while (state := connection.poll()) != POLL_OK:
        if poller is None:
            poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
        if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
            _request.in_vain = _request.under_way
            raise psycopg2.OperationalError("PostgreSQL did not answer in time: it is frozen or overloaded")
