"""The landing thread of the request consumer: the one writer of the lake, in a Spark pool of its own.

It lands when positions moved and the interval has passed, a backlog without pause, and between landings keeps the lake
in order. An error is kept as an alarm until a later round succeeds; retries come slower and slower, up to a minute.
"""

import logging
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
from py4j.protocol import Py4JNetworkError
from pyspark.sql import SparkSession

from conf.postgres import connect, dsn, transaction
from conf.settings import Settings
from jobs import expectations, upkeep
from jobs.land import Lander
from jobs.landing import Landing
from jobs.listens.changes import waiting
from jobs.lock import LakeLock, LakeLockLostError
from jobs.session import LANDING_POOL

log = logging.getLogger(__name__)

COMPACT_SECONDS = 3600.0
VACUUM_SECONDS = 12 * 3600.0
PURGE_SECONDS = 24 * 3600.0
CHECK_SECONDS = 600.0
REST_SECONDS = 20.0
"""Idle for so long, the JVM is asked once to give memory back."""
POLL_SECONDS = 0.5
LONGEST_BACKOFF = 60.0


class LandingLoop(threading.Thread):
    """Start it, ask `detail` for part_status, set `stop` to end it; it lets go of the lock at the end."""

    def __init__(self, spark: SparkSession, settings: Settings, lock: LakeLock, stop: threading.Event) -> None:
        super().__init__(name="landing", daemon=True)
        self.error: str | None = None
        """Why the last round failed; null while all is well."""
        self.dead = False
        """The JVM is gone: this process must end, its supervisor starts another."""
        self._spark = spark
        self._settings = settings
        self._lock = lock
        self._ending = stop
        self._lander: Lander | None = None
        self._last: Landing | None = None
        self._landed = float("-inf")
        self._rested = True
        self._backlog = False
        self._wanted = threading.Event()
        self._due = Due(settings)
        self._checked: tuple[int, float] = (0, float("-inf"))

    def detail(self) -> dict[str, Any]:
        """Figures for part_status: the newest data version, its position, whether this process writes, the alarm."""
        return {
            "landing_id": self._last.landing_id if self._last else 0,
            "position": self._last.position if self._last else 0,
            "writer": self._lock.held,
            "landing_error": self.error,
        }

    def check_now(self) -> None:
        """Ask for the Great Expectations report now."""
        self._wanted.set()

    def run(self) -> None:
        """The loop."""
        self._spark.sparkContext.setLocalProperty("spark.scheduler.pool", LANDING_POOL)
        backoff = 1.0
        while not self._ending.is_set():
            pause = POLL_SECONDS
            try:
                self.round()
                self.error, backoff = None, 1.0
            except (Py4JNetworkError, ConnectionRefusedError) as problem:
                self._alarm(problem)
                self.dead = True
                self._ending.set()
            except Exception as problem:  # noqa: BLE001 - the loop: whatever it was, alarm and try again
                self._alarm(problem)
                pause, backoff = backoff, min(backoff * 2, LONGEST_BACKOFF)
            self._ending.wait(pause)
        self._lock.release()

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
        self._keep_order(self._lander)
        return None

    def _land(self, lander: Lander) -> Landing | None:
        started = time.monotonic()
        landing = lander.land()
        self._landed, self._rested = time.monotonic(), False
        self._backlog = landing is not None and landing.rows * 2 >= self._settings.landing_batch
        if landing is not None:
            self._last = landing
            seconds = self._landed - started
            log.info("landed %d listens as data version %d in %.1f s", landing.rows, landing.landing_id, seconds)
        return landing

    def _is_time(self) -> bool:
        return self._backlog or time.monotonic() - self._landed >= self._settings.landing_interval

    def _waits(self) -> bool:
        with closing(connect(dsn(self._settings))) as connection, transaction(connection) as cursor:
            self._backlog = self._backlog and waiting(cursor, self._last.position if self._last else 0)
            return self._backlog or waiting(cursor, self._last.position if self._last else 0)

    def _keep_order(self, lander: Lander) -> None:
        """At most one duty a round, so that a landing never waits for two."""
        if self._due.take("compact", COMPACT_SECONDS):
            self._last = upkeep.compact(lander) or self._last
        elif self._due.take("purge", PURGE_SECONDS):
            self._last = upkeep.purge(lander) or self._last
        elif self._due.take("vacuum", VACUUM_SECONDS):
            upkeep.vacuum(lander)
        elif self._is_to_check() and self._last is not None:
            self._checked = (self._last.landing_id, time.monotonic())
            self._wanted.clear()
            expectations.check_lake(self._spark, self._settings, self._last)
            self._rested = False
        elif not self._rested and time.monotonic() - self._landed > REST_SECONDS:
            self._rested = True
            rest(self._spark)

    def _is_to_check(self) -> bool:
        version, when = self._checked
        moved = self._last is not None and self._last.landing_id != version
        return self._wanted.is_set() or (moved and time.monotonic() - when > CHECK_SECONDS)

    def _alarm(self, problem: Exception) -> None:
        self.error = f"{type(problem).__name__}: {str(problem).splitlines()[0] if str(problem) else ''}"
        self._lander = None
        if isinstance(problem, LakeLockLostError):
            log.warning("%s", self.error)
        else:
            log.error("landing: %s", self.error, exc_info=problem)


class Due:
    """When each duty was last taken, kept in DATA_DIR/upkeep.json so that restarts do not postpone it for ever."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.data_dir / "upkeep.json"
        try:
            self._taken: dict[str, float] = orjson.loads(self._path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            self._taken = {}

    def take(self, duty: str, seconds: float) -> bool:
        """Whether the duty is due; if so it counts as taken. A duty never seen before is first due after its time."""
        now = datetime.now(UTC).timestamp()
        known = duty in self._taken
        if known and now - self._taken[duty] < seconds:
            return False
        self._taken[duty] = now
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(orjson.dumps(self._taken))
        return known


def rest(spark: SparkSession) -> None:
    """Give memory back to the machine: an idle system stays small."""
    jvm: Any = spark._jvm
    jvm.System.gc()
    pa.default_memory_pool().release_unused()
