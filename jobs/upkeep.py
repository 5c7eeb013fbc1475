"""Upkeep of the lake by its one writer: compaction, purge, vacuum. What changes a version ends with a landing row.

Deletes are copy-on-write, so a deleted listen is gone from the newest version at once and from disk with the vacuum: at
the latest 24 h of retention plus 12 h until the next vacuum. The receipts of deleted accounts learn of each stage.
"""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from conf.postgres import connect, transaction
from jobs import land_delta
from jobs.land import Lander
from jobs.landing import Landing
from jobs.listens.account_deletion import mark_purged
from jobs.tables import CLIENTS, LANDING, LISTENS, METADATA_TABLES, TABLES, TRACKS, Table

FILES_PER_MONTH = 8
MONTHS_AT_ONCE = 24
"""In one commit, side by side; between two commits it is asked whether the lake is still ours."""
FILES_PER_TABLE = 32
RETENTION = timedelta(hours=24)
KEPT_LANDINGS = timedelta(days=7)
"""Landing rows older than this go, but for the newest: what they name was vacuumed long ago."""


@dataclass(frozen=True)
class Vacuumed:
    """What a vacuum did."""

    tables: list[str]
    before: datetime | None
    """Every file of listens and listeners replaced before this time is gone; None: a table was left for next time."""


def compact(lander: Lander, now: datetime | None = None, files: int = FILES_PER_MONTH) -> Landing | None:
    """Rewrite months of more than `files` files, and small tables in many files, as one each; None: nothing to do."""
    last = lander.start()
    if last is None:
        return None
    months = crowded_months(lander, files)
    crowded = [
        name
        for name in TABLES
        if name not in (LISTENS.name, LANDING.name)
        and land_delta.file_count(lander.spark, lander.lake, name) > FILES_PER_TABLE
    ]
    for first in range(0, len(months), MONTHS_AT_ONCE):
        lander.lock.check()
        some = months[first : first + MONTHS_AT_ONCE]
        chosen = " OR ".join(f"(year = {year:d} AND month = {month:d})" for year, month in some)
        _open(lander, LISTENS.name).optimize().where(chosen).executeCompaction()
    for name in crowded:
        lander.lock.check()
        _open(lander, name).optimize().executeCompaction()
    if not months and not crowded:
        return None
    return lander.conclude("compact", last.position, last.newest_listen_ts, 0, now or datetime.now(UTC))


def crowded_months(lander: Lander, files: int) -> list[tuple[int, int]]:
    """The months of listens that have more than `files` files, oldest first."""
    paths = _read(lander, LISTENS.name).inputFiles()
    counts = Counter(_month(unquote(path)) for path in paths)
    return sorted(month for month, count in counts.items() if count > files)


def purge(lander: Lander, now: datetime | None = None) -> Landing | None:
    """Remove tracks and clients that no listen has any more: their names may be all that is left of a history."""
    last = lander.start()
    if last is None:
        return None
    purged = [_purge(lander, table, column) for table, column in ((TRACKS, "track_id"), (CLIENTS, "client_id"))]
    landing = None
    if any(purged):
        landing = lander.conclude("purge", last.position, last.newest_listen_ts, 0, now or datetime.now(UTC))
    with closing(connect(lander.dsn)) as connection, transaction(connection) as cursor:
        mark_purged(cursor, last.position, now or datetime.now(UTC))
    return landing


def _purge(lander: Lander, table: Table, column: str) -> bool:
    """Remove the rows of a table of ids that no listen names; whether there were any."""
    listened = _read(lander, LISTENS.name).select(column)
    orphans = _read(lander, table.name).select(column).join(listened, column, "left_anti").persist()
    try:
        if orphans.isEmpty():
            return False
        lander.lock.check()
        merge = _open(lander, table.name).alias("t").merge(orphans.alias("s"), f"t.{column} = s.{column}")
        merge.whenMatchedDelete().execute()
    finally:
        orphans.unpersist()
    return True


def vacuum(lander: Lander, now: datetime | None = None, retention: timedelta = RETENTION) -> Vacuumed:
    """Remove files that no version of the last 24 h needs, nor one that a running job reads, and what the log tells
    of such versions.

    A table whose newest version the newest landing row does not name yet is left for the next time. Metadata tables,
    which may wait long for an interrupted import to be done again, hold nothing of any listener.
    """
    last = lander.start()
    if last is None:
        return Vacuumed([], None)
    moment = now or datetime.now(UTC)
    kept = max(retention, _longest_running(lander, moment))
    done = []
    for name in (*TABLES, *(name for name in METADATA_TABLES if name in last.versions)):
        named = last.versions.get(name)
        if name != LANDING.name and named != land_delta.version(lander.spark, lander.lake, name):
            continue
        lander.lock.check()
        _open(lander, name).vacuum(kept.total_seconds() / 3600)
        lander.lock.check()
        land_delta.shorten_log(lander.spark, lander.lake, name)
        done.append(name)
    return Vacuumed(done, moment - kept if TABLES.keys() <= set(done) else None)


def _longest_running(lander: Lander, now: datetime) -> timedelta:
    """How far back the oldest running request reads, and an hour: what it reads was current when it started."""
    with closing(connect(lander.dsn)) as connection, transaction(connection) as cursor:
        cursor.execute("SELECT min(started) FROM request WHERE state = 'running'")
        row = cursor.fetchone()
    return timedelta() if row is None or row[0] is None else now - row[0] + timedelta(hours=1)


def tidy_landings(lander: Lander, now: datetime | None = None) -> None:
    """The landing rows in one file again, those older than KEPT_LANDINGS gone; the mirror likewise."""
    last = lander.start()
    if last is None:
        return
    oldest = (now or datetime.now(UTC)) - KEPT_LANDINGS
    lander.lock.check()
    _open(lander, LANDING.name).delete((F.col("landed_at") < F.lit(oldest)) & (F.col("landing_id") < last.landing_id))
    lander.lock.check()
    _open(lander, LANDING.name).optimize().executeCompaction()
    with closing(connect(lander.dsn)) as connection, transaction(connection) as cursor:
        cursor.execute("DELETE FROM landing WHERE landed_at < %s AND id < %s", (oldest, last.landing_id))


def _read(lander: Lander, name: str) -> DataFrame:
    return lander.spark.read.format("delta").load(land_delta.location(lander.lake, name))


def _open(lander: Lander, name: str) -> DeltaTable:
    return DeltaTable.forPath(lander.spark, land_delta.location(lander.lake, name))


def _month(path: str) -> tuple[int, int]:
    """(year, month) of a data file's path: .../year=2024/month=5/part-..."""
    parts = dict(part.split("=", 1) for part in path.split("/") if part.startswith(("year=", "month=")))
    return int(parts["year"]), int(parts["month"])
