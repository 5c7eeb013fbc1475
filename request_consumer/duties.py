"""What the landing thread does between landings, and when: checks of the rules, and duties that outlive restarts."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs import expectations, reports
from jobs.landing import Landing
from jobs.reports import Report
from jobs.tables import LISTENS

log = logging.getLogger(__name__)

RETRY_SECONDS = 600.0
"""A duty that failed is tried again after this long; meanwhile landing goes on."""
CHECK_SECONDS = 600.0
QUIET_SECONDS = 120.0
"""After a start nothing but landing: whoever starts the system waits for its first answers."""


class Checks:
    """When the rules are checked: on demand all rows; by itself, every ten minutes at most, what is new.

    By itself not while somebody waits for a result, unless it has been put off for as long again: while the JVM is
    cold, a check takes as much as a run of all statistics.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._when = time.monotonic() + QUIET_SECONDS - CHECK_SECONDS
        self._asked = False
        self._left: list[str] = []
        self._version: Landing | None = None
        self._after = 0
        self._written: list[Report] = []
        known = reports.read(settings.data_dir)
        self.broken = [line for report in known for line in report.broken]
        """A line per rule that the newest reports say is broken."""
        self._listens = next((report for report in known if report.table == LISTENS.name), None)

    def wanted(self, last: Landing, busy: Callable[[], bool]) -> bool:
        """Whether somebody has asked, or there is something new and the time has come, or some tables are left.

        `busy`: whether somebody waits for a result.
        """
        self._asked = self._asked or reports.take(self._settings.data_dir)
        if self._asked:
            return True
        waited = time.monotonic() - self._when
        moved = self._listens is None or self._listens.data_version != last.landing_id
        if not self._left and not (moved and waited > CHECK_SECONDS):
            return False
        return waited > 2 * CHECK_SECONDS or not busy()

    def run(self, spark: SparkSession, last: Landing) -> None:
        """Check the next table, and write its report: a landing waits for one at most. All are of one data version."""
        if not self._left:
            self._begin(last)
        assert self._version is not None
        name, *left = self._left
        self._left = []  # should this fail, it begins anew
        self._written += expectations.check_lake(spark, self._settings, self._version, [name], self._after)
        self._left = left
        if not left:
            self._end()

    def _begin(self, last: Landing) -> None:
        self._when, self._version, self._written = time.monotonic(), last, []
        self._after = 0 if self._asked else self._beyond(last)
        self._left = expectations.checked_by_itself(last, self._after)

    def _end(self) -> None:
        self._asked = False
        self._listens = next(report for report in self._written if report.table == LISTENS.name)
        self.broken = [line for report in self._written for line in report.broken]
        for line in self.broken:
            log.error("rule broken in the lake: %s", line)

    def _beyond(self, last: Landing) -> int:
        """Rows up to here were found good already; what was found bad is looked at again."""
        seen = self._listens
        if seen is None or seen.position > last.position:
            return 0
        return seen.position if seen.kept else seen.beyond


class Due:
    """When each duty was last done, kept in DATA_DIR/upkeep.json so that restarts do not postpone it for ever."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.data_dir / "upkeep.json"
        try:
            self._done: dict[str, float] = orjson.loads(self._path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            self._done = {}

    def take(self, duty: str, seconds: float) -> bool:
        """Whether the duty is due; then it is due again in RETRY_SECONDS, unless `done` says that it was done.

        A duty never seen before is first due after its time.
        """
        now = datetime.now(UTC).timestamp()
        if duty not in self._done:
            self._keep(duty, now)
        if now - self._done[duty] < seconds:
            return False
        self._keep(duty, now - seconds + RETRY_SECONDS)
        return True

    def done(self, duty: str) -> None:
        """The duty was done now."""
        self._keep(duty, datetime.now(UTC).timestamp())

    def _keep(self, duty: str, when: float) -> None:
        self._done[duty] = when
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(self._done))
        fresh.replace(self._path)
