"""The one writer of the lake: an OS lock in a local lake folder and an advisory lock in PostgreSQL.

Two JVMs on one folder can lose a commit, Delta does not see it. Whoever writes holds both locks and asks `check` right
before every commit. Both fall with their process, so that another takes over at once.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg2

from conf.postgres import Connection, StoreUnavailableError, connect

LAKE_LOCK = 5_714_000_001
"""Key of the advisory lock; one store has one lake."""
SETTLE_SECONDS = 2.0
"""After another process let go: time for its JVM, which ends a moment later, to be gone."""


class LakeLockLostError(RuntimeError):
    """This process may no longer write the lake; nothing was committed. Acquire the lock again, then start over."""


class LakeLock:
    """Both locks of one lake, for one process. Not shared between threads without care: `check` is one statement."""

    def __init__(self, dsn: str, lake: str) -> None:
        self._dsn = dsn
        self._folder = local_folder(lake)
        self._file: IO[bytes] | None = None
        self._connection: Connection | None = None
        self._refused = False

    @property
    def held(self) -> bool:
        """Whether acquire succeeded and neither release nor a failed check came after it."""
        return self._connection is not None

    def acquire(self, wait: float = 0.0) -> bool:
        """Take both locks, waiting up to `wait` seconds; False when another process keeps them.

        Raises StoreUnavailableError when PostgreSQL cannot be reached.
        """
        if self.held:
            return True
        deadline = time.monotonic() + wait
        while not self._try():
            self._refused = True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.5)
        if self._refused:
            time.sleep(SETTLE_SECONDS)
            self._refused = False
        return True

    def check(self) -> None:
        """Return when both locks are still ours. Raises LakeLockLostError, and lets go of the other one."""
        try:
            kept = self._holds_file() and self._holds_advisory()
        except (psycopg2.Error, OSError):
            kept = False
        if not kept:
            self.release()
            raise LakeLockLostError(
                "the lock of the lake was lost (PostgreSQL restarted, the session was ended, or the lake's folder was "
                "replaced): nothing was committed; the landing starts over when the lock is ours again"
            )

    def release(self) -> None:
        """Let go of both; harmless when not held."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _try(self) -> bool:
        if not self._try_file():
            return False
        try:
            if self._try_advisory():
                return True
        except psycopg2.Error as problem:
            self.release()
            raise StoreUnavailableError(
                "the connection for the lake's lock was lost; PostgreSQL may be restarting"
            ) from (problem)
        except StoreUnavailableError:
            self.release()
            raise
        self.release()
        return False

    def _try_file(self) -> bool:
        if self._folder is None:
            return True
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = (self._folder / ".writer.lock").open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            self._file = None
            return False
        return True

    def _try_advisory(self) -> bool:
        connection = connect(self._dsn, application="listenlake lake lock", autocommit=True)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('tcp_keepalives_idle', '10', false),"
                " set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '2', false),"
                " pg_try_advisory_lock(%s)",
                (LAKE_LOCK,),
            )
            row = cursor.fetchone()
        if row is not None and row[3]:
            self._connection = connection
            return True
        connection.close()
        return False

    def _holds_file(self) -> bool:
        if self._folder is None:
            return True
        if self._file is None:
            return False
        return os.path.samestat(os.fstat(self._file.fileno()), (self._folder / ".writer.lock").stat())

    def _holds_advisory(self) -> bool:
        if self._connection is None:
            return False
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted"
                " AND (classid::bigint << 32) + objid::bigint = %s)",
                (LAKE_LOCK,),
            )
            row = cursor.fetchone()
        return row is not None and bool(row[0])


def local_folder(lake: str) -> Path | None:
    """The lake's folder when it is a local one (a path or file: URL), else None."""
    if lake.startswith("/"):
        return Path(lake)
    parts = urlsplit(lake)
    return Path(parts.path) if parts.scheme == "file" else None
