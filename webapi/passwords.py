"""Checking a name and a password, for the log-in page and for protocols that send both.

The answer takes equally long whether the user is unknown, has no password, or has another one. Guesses are limited by
address and by name.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import request

from jobs.listens.msid import fold
from jobs.listens.users import User, find_password, password_matches
from webapi.costs import GUESS_WINDOW
from webapi.errors import ApiError, UnavailableError
from webapi.services import services

PER_ADDRESS, PER_NAME = 30, 10
"""Attempts in a minute (GUESS_WINDOW). Of a name: whoever guesses keeps its owner waiting too, and never for longer."""
TOO_MANY = "Too many attempts. Please wait a little and try again."
BUSY = "Too many people are logging in at this moment. Please try again."
AT_ONCE, WAIT_SECONDS = 2, 3.0
"""argon2 takes 64 MiB each time: a worker does so many at once, the others wait so long."""

_turns = threading.BoundedSemaphore(AT_ONCE)


def user_of_password(name: str, password: str) -> User | None:
    """The user of that name and password; None when either is wrong.

    Raises ApiError 429 for too many attempts, UnavailableError, StoreUnavailableError.
    """
    limit_attempts(name)
    with services().pool.transaction() as cursor:
        user, password_hash = find_password(cursor, name)
    with a_turn_to_hash():
        return user if password_matches(password_hash, password) else None


@contextmanager
def a_turn_to_hash() -> Iterator[None]:
    """While a password is hashed, which takes much memory. Raises UnavailableError when too many do it already."""
    if not _turns.acquire(timeout=WAIT_SECONDS):
        raise UnavailableError(BUSY)
    try:
        yield
    finally:
        _turns.release()


def limit_attempts(name: str) -> None:
    """Count one attempt. Raises ApiError 429, before anything is looked up, when there were too many."""
    limiter = services().limiter
    key = hashlib.sha256(fold(name).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    for bucket, limit in ((f"login:address:{request.remote_addr}", PER_ADDRESS), (f"login:name:{key}", PER_NAME)):
        if not limiter.take(bucket, limit, window=GUESS_WINDOW).allowed:
            raise ApiError(429, TOO_MANY)
