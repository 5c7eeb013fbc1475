"""What a user would take instead on one machine: DuckDB on the lake's own Parquet files, the SQL she would write.

Tables are those of the newest Delta version, as deltalake names their files (the lake has no deletion vectors, so its
files are exactly its rows). Items are 64-bit hashes of what our jobs group by, names join last. It picks no spelling
for an item and no period before, measures no time, and stores nothing: it has the lesser task.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import duckdb
import psutil
import pyarrow as pa
from deltalake import DeltaTable

from jobs.ranges import STATS_RANGES, Period, periods

ENTITIES = ("artists", "recordings", "releases", "release_groups")
Found = TypeVar("Found")
Lists = dict[tuple[str, str], pa.Table]
"""By entity and range; of users: user_id, items (list of item, listen_count); of everybody: item, listen_count."""

RESOLVED = """
SELECT t.track_id, t.artist_name, t.artist_key, t.track_name, t.track_name_key, t.release_name, t.release_key,
       t.release_group_mbid, coalesce(t.recording_mbid, m.recording_mbid) AS recording_mbid,
       coalesce(t.release_mbid, m.release_mbid) AS release_mbid,
       CASE WHEN len(t.artist_mbids) > 0 THEN t.artist_mbids WHEN len(m.artist_mbids) > 0 THEN m.artist_mbids
            ELSE [] END AS artist_mbids
  FROM tracks t
  LEFT JOIN mapping m ON m.recording_msid = t.recording_msid AND m.user_id IS NULL AND (t.recording_mbid IS NULL
       OR m.recording_mbid IS NULL OR m.recording_mbid = t.recording_mbid)"""
"""Here one source at most says something of an MSID; the rule for several is in jobs/listens/mapping.py."""
ITEMS = {
    "artists": """
SELECT track_id, hash(artist_key, artist_mbid) AS item, artist_key, artist_mbid
  FROM (SELECT track_id, artist_key,
               unnest(CASE WHEN len(artist_mbids) = 0 THEN [NULL] ELSE list_distinct(artist_mbids) END) AS artist_mbid
          FROM resolved)""",
    "recordings": """
SELECT track_id, hash(track_name_key, recording_mbid, artist_key, artist_mbids, nullif(release_key, ''), release_mbid)
       AS item
  FROM resolved""",
    "releases": """
SELECT track_id, hash(release_key, release_mbid, artist_key, artist_mbids) AS item
  FROM resolved WHERE release_key <> ''""",
    "release_groups": """
SELECT track_id, hash(release_key, release_group_mbid, artist_key, artist_mbids) AS item
  FROM resolved WHERE release_key <> ''""",
}
PLAYED = """
SELECT user_id, track_id, {counts}
  FROM (SELECT user_id, track_id, epoch(listened_at)::BIGINT AS second FROM listens)
 WHERE second >= {first} AND second < {end} GROUP BY user_id, track_id"""
COUNTED = """
SELECT user_id, item, {sums} FROM played JOIN {entity}_track USING (track_id) GROUP BY user_id, item"""
LISTS = """
SELECT user_id, list({{'item': item, 'listen_count': {stats_range}}} ORDER BY {stats_range} DESC, item) AS items
  FROM counted WHERE {stats_range} > 0 GROUP BY user_id"""
SITEWIDE = """
SELECT item, sum(least({stats_range}, 500))::BIGINT AS listen_count
  FROM counted WHERE {stats_range} > 0 GROUP BY item ORDER BY listen_count DESC, item"""

_USER_SUMS = """
SELECT count(*), sum(listen_count), sum(listen_count * listen_count), sum(listen_count * user_id)
  FROM (SELECT user_id, unnest(items, recursive := true) FROM lists)"""
_SITEWIDE_SUMS = """
SELECT count(*), sum(listen_count), sum(listen_count * listen_count), 0 FROM lists"""


@dataclass(frozen=True)
class Cost:
    """What a run took, of the process it ran in."""

    seconds: float
    cpu: float
    peak: float
    """MB resident, everything of this process included."""


def metered(work: Callable[[], Found]) -> tuple[Found, Cost]:
    """Run it in this process."""
    Path("/proc/self/clear_refs").write_text("5")
    process = psutil.Process(os.getpid())
    cpu, started = sum(process.cpu_times()[:2]), time.monotonic()
    found = work()
    seconds, cpu = time.monotonic() - started, sum(process.cpu_times()[:2]) - cpu
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return found, Cost(seconds, cpu, peak / 1024)


def opened(lake: str) -> duckdb.DuckDBPyConnection:
    """The tables of the newest data as views; two threads."""
    connection = duckdb.connect(config={"threads": 2})
    for name in ("listens", "tracks"):
        connection.read_parquet(DeltaTable(f"{lake}/{name}").file_uris()).create_view(name)
    connection.register("mapping", DeltaTable(f"{lake}/mapping").to_pyarrow_table())
    return connection


def user_lists(lake: str, newest: int, entities: Iterable[str], ranges: Iterable[str]) -> Lists:
    """Every user's lists, whole; from opening the files to Arrow tables. `newest`: T, epoch seconds."""
    return _lists(lake, newest, tuple(entities), tuple(ranges), LISTS)


def sitewide_lists(lake: str, newest: int) -> Lists:
    """Everybody's lists: a user's plays of an item count up to 500 times."""
    return _lists(lake, newest, ENTITIES, STATS_RANGES, SITEWIDE)


def _lists(lake: str, newest: int, entities: tuple[str, ...], ranges: tuple[str, ...], query: str) -> Lists:
    found: Lists = {}
    with opened(lake) as connection:
        _count(connection, [period for period in periods(newest) if period.stats_range in ranges])
        for entity in entities:
            connection.execute(f"CREATE TEMP TABLE {entity}_track AS {ITEMS[entity]}")
            sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in ranges)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE counted AS {COUNTED.format(entity=entity, sums=sums)}")
            for name in ranges:
                found[entity, name] = connection.sql(query.format(stats_range=name)).to_arrow_table()
    return found


def _count(connection: duckdb.DuckDBPyConnection, asked: list[Period]) -> None:
    """Tables resolved and played: one scan for all ranges."""
    counts = ", ".join(
        f"count(*) FILTER (WHERE second >= {one.from_ts} AND second < {one.until_ts}) AS {one.stats_range}"
        for one in asked
    )
    first, end = min(one.from_ts for one in asked), max(one.until_ts for one in asked)
    connection.execute(f"CREATE TEMP TABLE resolved AS {RESOLVED}")
    connection.execute(f"CREATE TEMP TABLE played AS {PLAYED.format(counts=counts, first=first, end=end)}")


def artist_names(lake: str) -> pa.Table:
    """item, artist_key, artist_mbid of every artist: what its lists are joined with to be compared."""
    with opened(lake) as connection:
        connection.execute(f"CREATE TEMP TABLE resolved AS {RESOLVED}")
        names = f"SELECT DISTINCT item, artist_key, artist_mbid FROM ({ITEMS['artists']})"  # noqa: S608 - constants
        return connection.sql(names).to_arrow_table()


def flat_listens(lake: str, path: Path) -> None:
    """One Parquet file in the shape of the original's: every listen with its names and MBIDs, text throughout."""
    with opened(lake) as connection:
        connection.execute(f"CREATE TEMP TABLE resolved AS {RESOLVED}")
        connection.execute(
            "COPY (SELECT l.user_id, epoch(l.listened_at)::BIGINT AS listened_at, r.* EXCLUDE (track_id)"  # noqa: S608
            f" FROM listens l JOIN resolved r USING (track_id)) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
        )


def sums(lists: Mapping[tuple[str, str], pa.Table]) -> dict[tuple[str, str], tuple[int, ...]]:
    """Of every entity and range that has any: rows, listens, sum of squares, and sum of count times user id."""
    found = {}
    for key, table in lists.items():
        with duckdb.connect(config={"threads": 2}) as connection:
            connection.register("lists", table)
            of_users = "user_id" in table.column_names
            [row] = connection.execute(_USER_SUMS if of_users else _SITEWIDE_SUMS).fetchall()
        if row[0]:
            found[key] = tuple(int(value) for value in row)
    return found
