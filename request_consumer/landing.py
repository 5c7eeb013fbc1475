"""The landing thread of the request consumer: the one writer of the lake, in a Spark pool of its own.

It lands when positions moved and the interval has passed, a backlog without pause, and between landings keeps the lake
in order. An error is kept as an alarm until a later round succeeds; retries come slower and slower, up to a minute.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID

import pyarrow as pa
from py4j.protocol import Py4JNetworkError
from pyspark.sql import SparkSession

from conf.postgres import Pool, dsn
from conf.settings import Settings
from jobs import upkeep
from jobs.land import Lander
from jobs.landing import Landing
from jobs.listens.account_deletion import purge_wanted
from jobs.listens.changes import waiting
from jobs.lock import LakeLock, LakeLockLostError
from jobs.session import LANDING_POOL, forget_frames
from request_consumer import erasure, request_rows
from request_consumer.duties import QUIET_SECONDS, Checks, Due

log = logging.getLogger(__name__)

COMPACT_SECONDS = 1200.0
VACUUM_SECONDS = 12 * 3600.0
PURGE_SECONDS = 6 * 3600.0
"""With 24 h of retention and 12 h until the next vacuum, an orphan's name is gone from disk after 42 h."""
PURGE_SOON_SECONDS = 60.0
"""After an account was deleted."""
TIDY_LANDINGS = 64
REST_SECONDS = 20.0
"""Idle for so long, the JVM is asked once to give memory back."""
POLL_SECONDS = 0.5
LONGEST_BACKOFF = 60.0


class LandingLoop(threading.Thread):
    """Start it, ask `detail` for part_status, set `stop` to end it; it lets go of the lock at the end."""

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        lock: LakeLock,
        stop: threading.Event,
        at_work: Collection[UUID] = (),
    ) -> None:
        super().__init__(name="landing", daemon=True)
        self.error: str | None = None
        """Why the last round failed; null while all is well."""
        self.dead = False
        """The JVM is gone: this process must end, its supervisor starts another."""
        self.hurried = False
        """Somebody waits for what is there to land: the next one comes before its interval has passed."""
        self._spark = spark
        self._settings = settings
        self._lock = lock
        self._pool = Pool(dsn(settings), "landing")
        self._ending = stop
        self._at_work = at_work
        self._lander: Lander | None = None
        self._last: Landing | None = None
        self._began = time.monotonic()
        self._landed = float("-inf")
        self._landings = 0
        self._rested = True
        self._backlog = False
        self._cut = 0
        self._due = Due(settings)
        self._checks = Checks(settings)
        self._imported: SimpleQueue[tuple[Mapping[str, int], Future[Landing]]] = SimpleQueue()

    def name_import(self, versions: Mapping[str, int]) -> "Future[Landing]":
        """Ask for a data version with these versions of metadata tables, which another thread has committed."""
        future: Future[Landing] = Future()
        self._imported.put((versions, future))
        return future

    def detail(self) -> dict[str, Any]:
        """Figures for part_status: the newest data version, its position, whether this process writes, alarms."""
        return {
            "landing_id": self._last.landing_id if self._last else 0,
            "position": self._last.position if self._last else 0,
            "writer": self._lock.held,
            "alarm": f"landing: {self.error}" if self.error else None,
            "alarms": [f"rules: {line}" for line in self._checks.broken],
        }

    def run(self) -> None:
        """The loop. However it ends without being told to, the process must end with it: `dead`."""
        try:
            self._loop()
        finally:
            if not self._ending.is_set():
                self.dead = True
                self._ending.set()
            self._pool.discard()
            self._lock.release()

    def _loop(self) -> None:
        self._spark.sparkContext.setLocalProperty("spark.scheduler.pool", LANDING_POOL)
        backoff = 1.0
        while not self._ending.is_set():
            pause = POLL_SECONDS
            try:
                self.round()
                self.error, backoff = None, 1.0
            except (Py4JNetworkError, ConnectionRefusedError) as problem:
                self._alarm(problem)
                return
            except Exception as problem:  # noqa: BLE001 - the loop: whatever it was, alarm and try again
                self._alarm(problem)
                pause, backoff = backoff, min(backoff * 2, LONGEST_BACKOFF)
            self._ending.wait(pause)

    def round(self) -> Landing | None:
        """One look: land if something waits, else keep order. Raises what landing raises."""
        if not self._lock.held and not self._lock.acquire():
            self._lander = None
            return None
        if self._lander is None:
            self._lander = Lander(self._spark, self._settings, self._lock)
            self._last = self._lander.start()
        if self._is_time() and self._waits():
            return self._land(self._lander)
        self._name_imports(self._lander)
        self._keep_order(self._lander)
        return None

    def _name_imports(self, lander: Lander) -> None:
        """One landing row each; after landing, for what an interrupted one has left must not be named by it."""
        while True:
            try:
                versions, future = self._imported.get_nowait()
            except Empty:
                return
            if not future.set_running_or_notify_cancel():
                continue
            try:
                self._last = lander.conclude_import(versions)
            except Exception as problem:
                future.set_exception(problem)
                raise
            self._rested = False
            future.set_result(self._last)
            log.info("imported metadata is data version %d", self._last.landing_id)

    def _land(self, lander: Lander) -> Landing | None:
        started, self.hurried = time.monotonic(), False
        landing = lander.land()
        forget_frames()
        self._landed, self._rested = time.monotonic(), False
        self._backlog = lander.cut
        self._cut += lander.cut
        if landing is not None:
            self._last = landing
            self._landings += 1
            seconds = self._landed - started
            log.info("landed %d listens as data version %d in %.1f s", landing.rows, landing.landing_id, seconds)
        return landing

    def _is_time(self) -> bool:
        passed = time.monotonic() - self._landed >= self._settings.landing_interval
        return self._backlog or self.hurried or passed

    def _waits(self) -> bool:
        with self._pool.transaction() as cursor:
            return waiting(cursor, self._last.position if self._last else 0)

    def _keep_order(self, lander: Lander) -> None:
        """At most one duty a round, so that a landing never waits for two."""
        if self._landings >= TIDY_LANDINGS:
            self._landings = 0
            upkeep.tidy_landings(lander)
        elif self._is_crowded() or self._is_due("compact", COMPACT_SECONDS):
            self._cut = 0
            self._fulfil("compact", lambda: upkeep.compact(lander))
        elif self._is_due("purge", self._purge_seconds()):
            self._fulfil("purge", lambda: upkeep.purge(lander))
        elif self._is_due("vacuum", VACUUM_SECONDS):
            self._fulfil("vacuum", lambda: self._clear_away(lander))
        elif self._last is not None and self._checks.wanted(self._last, self._is_awaited):
            self._checks.run(self._spark, self._last)
            self._rested = False
        elif not self._rested and time.monotonic() - self._landed > REST_SECONDS:
            self._rested = True
            rest(self._spark)

    def _is_awaited(self) -> bool:
        with self._pool.session() as connection:
            return request_rows.any_open(connection)

    def _is_crowded(self) -> bool:
        """After a backlog of so many landings months have that many files, and nothing else waits to land.

        Whoever reads all of ten million listens landed so takes a third longer than from compacted months.
        """
        return self._cut > upkeep.FILES_PER_MONTH

    def _purge_seconds(self) -> float:
        with self._pool.transaction() as cursor:
            return PURGE_SOON_SECONDS if purge_wanted(cursor) else PURGE_SECONDS

    def _clear_away(self, lander: Lander) -> None:
        """Files that nobody needs any more, and what else is left of what was deleted."""
        vacuumed = upkeep.vacuum(lander)
        with self._pool.session() as connection:
            erasure.complete(self._settings, connection, vacuumed.before, datetime.now(UTC), self._at_work)

    def _is_due(self, duty: str, seconds: float) -> bool:
        return time.monotonic() - self._began > QUIET_SECONDS and self._due.take(duty, seconds)

    def _fulfil(self, duty: str, act: Callable[[], object]) -> None:
        started = time.monotonic()
        act()
        self._due.done(duty)
        if self._lander is not None:
            self._last = self._lander.start()
        log.info("%s took %.1f s", duty, time.monotonic() - started)

    def _alarm(self, problem: Exception) -> None:
        self.error = f"{type(problem).__name__}: {str(problem).splitlines()[0] if str(problem) else ''}"
        self._lander = None
        if isinstance(problem, LakeLockLostError):
            log.warning("%s", self.error)
        else:
            log.error("landing: %s", self.error, exc_info=problem)


def rest(spark: SparkSession) -> None:
    """Give memory back to the machine: an idle system stays small."""
    jvm: Any = spark._jvm
    jvm.System.gc()
    pa.default_memory_pool().release_unused()
