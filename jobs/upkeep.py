"""Upkeep of the lake by its one writer: compaction, purge, vacuum. What changes a version ends with a landing row.

Deletes are copy-on-write, so a deleted listen is gone from the newest version at once and from disk with the vacuum: at
the latest 24 h of retention plus 12 h until the next vacuum.
"""

from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from delta.tables import DeltaTable
from pyspark.sql import functions as F  # noqa: N812

from conf.postgres import connect, transaction
from jobs import land_delta
from jobs.land import Lander
from jobs.landing import Landing
from jobs.tables import CLIENTS, LANDING, LISTENS, MAPPING, REJECTED_LISTENS, TABLES, TRACKS, USERS

FILES_PER_MONTH = 8
FILES_PER_TABLE = 32
RETENTION = timedelta(hours=24)
KEPT_LANDINGS = timedelta(days=7)
"""Landing rows older than this go, but for the newest: what they name was vacuumed long ago."""


def compact(lander: Lander, now: datetime | None = None, files: int = FILES_PER_MONTH) -> Landing | None:
    """Rewrite months of more than `files` files, and small tables in many files, as one each; None: nothing to do."""
    last = lander.start()
    if last is None:
        return None
    months = crowded_months(lander, files)
    crowded = [
        table.name
        for table in (TRACKS, CLIENTS, USERS, MAPPING, REJECTED_LISTENS)
        if land_delta.file_count(lander.spark, lander.lake, table.name) > FILES_PER_TABLE
    ]
    for year, month in months:
        lander.lock.check()
        _open(lander, LISTENS.name).optimize().where(f"year = {year:d} AND month = {month:d}").executeCompaction()
    for name in crowded:
        lander.lock.check()
        _open(lander, name).optimize().executeCompaction()
    if land_delta.file_count(lander.spark, lander.lake, LANDING.name) > FILES_PER_TABLE:
        _tidy_landings(lander, last, now or datetime.now(UTC))
    if not months and not crowded:
        return None
    return lander.conclude("compact", last.position, last.newest_listen_ts, 0, now or datetime.now(UTC))


def crowded_months(lander: Lander, files: int) -> list[tuple[int, int]]:
    """The months of listens that have more than `files` files, oldest first."""
    paths = lander.spark.read.format("delta").load(land_delta.location(lander.lake, LISTENS.name)).inputFiles()
    counts = Counter(_month(unquote(path)) for path in paths)
    return sorted(month for month, count in counts.items() if count > files)


def purge(lander: Lander, now: datetime | None = None) -> Landing | None:
    """Remove tracks that no listen has any more: their names may be all that is left of a deleted history."""
    last = lander.start()
    if last is None:
        return None
    before = land_delta.version(lander.spark, lander.lake, TRACKS.name)
    listened = lander.spark.read.format("delta").load(land_delta.location(lander.lake, LISTENS.name))
    tracks = lander.spark.read.format("delta").load(land_delta.location(lander.lake, TRACKS.name))
    orphans = tracks.select("track_id").join(listened.select("track_id"), "track_id", "left_anti").persist()
    try:
        if orphans.isEmpty():
            return None
        lander.lock.check()
        merge = _open(lander, TRACKS.name).alias("t").merge(orphans.alias("s"), "t.track_id = s.track_id")
        merge.whenMatchedDelete().execute()
    finally:
        orphans.unpersist()
    if land_delta.version(lander.spark, lander.lake, TRACKS.name) == before:
        return None
    return lander.conclude("purge", last.position, last.newest_listen_ts, 0, now or datetime.now(UTC))


def vacuum(lander: Lander, now: datetime | None = None, retention: timedelta = RETENTION) -> list[str]:
    """Remove files that no version of the last 24 h needs, nor one that a running job reads; the tables vacuumed.

    A table whose newest version the newest landing row does not name yet is left for the next time.
    """
    last = lander.start()
    if last is None:
        return []
    moment = now or datetime.now(UTC)
    kept = max(retention, _longest_running(lander, moment))
    done = []
    for name in TABLES:
        named = last.versions.get(name)
        if name != LANDING.name and named != land_delta.version(lander.spark, lander.lake, name):
            continue
        lander.lock.check()
        _open(lander, name).vacuum(kept.total_seconds() / 3600)
        done.append(name)
    return done


def _longest_running(lander: Lander, now: datetime) -> timedelta:
    """How far back the oldest running request reads, and an hour: what it reads was current when it started."""
    with closing(connect(lander.dsn)) as connection, transaction(connection) as cursor:
        cursor.execute("SELECT min(started) FROM request WHERE state = 'running'")
        row = cursor.fetchone()
    return timedelta() if row is None or row[0] is None else now - row[0] + timedelta(hours=1)


def _tidy_landings(lander: Lander, last: Landing, now: datetime) -> None:
    """One file again, and no rows older than KEPT_LANDINGS; the mirror likewise."""
    lander.lock.check()
    old = (F.col("landed_at") < F.lit(now - KEPT_LANDINGS)) & (F.col("landing_id") < last.landing_id)
    _open(lander, LANDING.name).delete(old)
    lander.lock.check()
    _open(lander, LANDING.name).optimize().executeCompaction()
    with closing(connect(lander.dsn)) as connection, transaction(connection) as cursor:
        cursor.execute("DELETE FROM landing WHERE landed_at < %s AND id < %s", (now - KEPT_LANDINGS, last.landing_id))


def _open(lander: Lander, name: str) -> DeltaTable:
    return DeltaTable.forPath(lander.spark, land_delta.location(lander.lake, name))


def _month(path: str) -> tuple[int, int]:
    """(year, month) of a data file's path: .../year=2024/month=5/part-..."""
    parts = dict(part.split("=", 1) for part in path.split("/") if part.startswith(("year=", "month=")))
    return int(parts["year"]), int(parts["month"])
