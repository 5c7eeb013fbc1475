"""The versions of answers, kept in memory while nothing was heard of a change: then a read asks PostgreSQL nothing.

A listening session hears of every commit that changes one, within about a millisecond (conf/migrations/0005). Nothing
is believed while that session is down, and when it comes back all is forgotten. It is tried with a query every two
seconds that has two to be answered: only so long can an answer be old when a line dies without a word. Who changes
something in this process forgets it at once.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.broker import BrokerUnavailableError
from conf.broker.postgresql_session import PostgreSQLSession
from conf.postgres import Pool
from webapi.db.versions import Versioned

MOST = 20_000
"""Versions kept by one worker; beyond, all are forgotten."""
TRIED_SECONDS = 2.0
TIMEOUT_SECONDS = 2.0
RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)

Found = TypeVar("Found", bound=Versioned)
Asked = tuple[str, ...]


class Versions:
    """Those of one worker process; safe to share between threads. Believes nothing until it is told that it hears."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self.hears = False
        """Whether changes are heard now."""
        self._heard = 0
        """Grows with all that is heard: a version read before and kept after a change would stay for ever."""
        self._known: dict[Asked, tuple[Versioned, float]] = {}
        self._of_user: defaultdict[tuple[str, int], set[Asked]] = defaultdict(set)

    def find(self, asked: Asked, read: Callable[[Cursor], Found | None]) -> Found | None:
        """What was asked for, kept or read now. `asked` begins with its kind; None, for no user, is not kept.

        Raises StoreUnavailableError when it has to be read.
        """
        with self._lock:
            heard = self._heard
        known = self.known(asked)
        if known is not None:
            return known  # type: ignore[return-value]  # of one kind all are of one type
        asked_at = time.monotonic()
        with self._pool.statement() as cursor:
            found = read(cursor)
        if found is not None:
            self._keep(asked, found, heard, asked_at)
        return found

    def known(self, asked: Asked) -> Versioned | None:
        """What was asked for, if it is kept and holds."""
        with self._lock:
            known = self._known.get(asked) if self.hears else None
        return known[0] if known is not None and known[1] > time.monotonic() else None

    def forget(self, kind: str, user_id: int | None = None) -> None:
        """Those of a kind, of one user or of all; the empty kind is every kind."""
        with self._lock:
            self._heard += 1
            if user_id is not None:
                for asked in self._of_user.pop((kind, user_id), ()):
                    self._known.pop(asked, None)
                return
            for key in [key for key in self._of_user if kind in ("", key[0])]:
                for asked in self._of_user.pop(key):
                    self._known.pop(asked, None)

    def hear(self, hears: bool) -> None:
        """Whether changes are heard from now on; what was kept until now is forgotten."""
        self.forget("")
        with self._lock:
            self.hears = hears

    def _keep(self, asked: Asked, found: Versioned, heard: int, asked_at: float) -> None:
        with self._lock:
            if not self.hears or self._heard != heard:
                return
            if len(self._known) >= MOST:
                self._known.clear()
                self._of_user.clear()
            self._known[asked] = (found, asked_at + found.lasts)
            self._of_user[asked[0], found.user_id].add(asked)


class Hearing(threading.Thread):
    """Listens to the channel `changed` until its end."""

    def __init__(self, url: str, versions: Versions) -> None:
        super().__init__(name="web-hearing", daemon=True)
        self._url = url
        self._versions = versions
        self._stopping = threading.Event()

    def run(self) -> None:
        """Connect, hear; again after an error."""
        while not self._stopping.is_set():
            try:
                self._hear()
            except (BrokerUnavailableError, psycopg2.Error) as problem:
                log.warning("answers are checked one by one: %s", problem)
            finally:
                self._versions.hear(False)
            self._stopping.wait(RETRY_SECONDS)

    def end(self) -> None:
        """Stop within a turn."""
        self._stopping.set()

    def _hear(self) -> None:
        session = PostgreSQLSession(self._url, TIMEOUT_SECONDS)
        try:
            session.run("LISTEN changed", {}, seconds=TIMEOUT_SECONDS)
            self._versions.hear(True)
            while not self._stopping.is_set():
                session.wait_for_notification(TRIED_SECONDS)
                heard = session.take_notifications()
                for told in heard:
                    kind, _, user_id = told.partition(" ")
                    self._versions.forget(kind, int(user_id) if user_id.isdecimal() else None)
                if not heard:
                    session.run("SELECT 1", {}, seconds=TIMEOUT_SECONDS)
        finally:
            session.close()
