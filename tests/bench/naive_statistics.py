"""The original's shape, written by us: plain Spark, a scan and an aggregate for each entity and range, text keys.

Listens are one flat Parquet file with names and MBIDs (made before, untimed). The aggregate is used twice, to count and
to rank; the first 1000 of each user; every row passes Python as Row, dict and JSON text before it is stored. A process
of its own that is told on its standard input what to compute:

    python -m tests.bench.naive_statistics FLAT.parquet < requests
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conf import postgres
from conf.settings import PROJECT
from jobs.ranges import Period
from tests.bench.meter import Usage, measured
from tests.bench.system import Bench

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOP = 1000
MESSAGE = 25
"""Users of a message of the original."""
HEAP = "4g"
COLUMNS = {
    "artists": "artist_key, artist_mbid",
    "recordings": "track_name_key, recording_mbid, artist_key, artist_mbids, release_key, release_mbid",
    "releases": "release_key, release_mbid, artist_key, artist_mbids",
    "release_groups": "release_key, release_group_mbid, artist_key, artist_mbids",
}
SOURCES = {
    "artists": "(SELECT *, explode_outer(array_distinct(artist_mbids)) AS artist_mbid FROM listens)",
    "recordings": "listens",
    "releases": "(SELECT * FROM listens WHERE release_key <> '')",
    "release_groups": "(SELECT * FROM listens WHERE release_key <> '')",
}
QUERY = """
WITH counted AS (
    SELECT user_id, {columns}, count(*) AS listen_count
      FROM {source} WHERE listened_at >= {first} AND listened_at < {end} GROUP BY user_id, {columns}
), total AS (
    SELECT user_id, count(*) AS total_count FROM counted GROUP BY user_id
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY listen_count DESC) AS rank FROM counted
), grouped AS (
    SELECT user_id, sort_array(collect_list(struct(listen_count, {columns})), false) AS items
      FROM ranked WHERE rank <= {top} GROUP BY user_id
)
SELECT user_id, total_count, items FROM grouped JOIN total USING (user_id)"""
_TABLE = """
CREATE UNLOGGED TABLE IF NOT EXISTS naive_result (user_id integer, entity text, stats_range text, data jsonb,
    PRIMARY KEY (user_id, entity, stats_range))"""
_STORE = """
INSERT INTO naive_result VALUES (%s, %s, %s, %s::jsonb)
ON CONFLICT (user_id, entity, stats_range) DO UPDATE SET data = EXCLUDED.data"""


@dataclass
class Naive:
    """The running process, seen from the benchmark."""

    process: "subprocess.Popen[str]"
    bench: Bench

    def ask(self, entity: str, period: Period) -> tuple[float, Usage]:
        """Compute and store one entity and range: seconds and cost, PostgreSQL's included."""
        return self.told([entity, period.stats_range, period.from_ts, period.until_ts])

    def told(self, asked: list[str | int]) -> tuple[float, Usage]:
        """What the process makes of one line on its standard input, until it says that it has stored it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with measured(self._roots) as usage:
            started = time.monotonic()
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
            said = self.process.stdout.readline()
            seconds = time.monotonic() - started
        assert said.startswith("stored "), f"the naive peer failed at {asked}: {said!r}"
        return seconds, usage

    def _roots(self) -> dict[str, list[int]]:
        return {"postgres": self.bench.roots()["postgres"], "python": [self.process.pid]}


@contextmanager
def naive_peer(bench: Bench, flat: Path, module: str = "tests.bench.naive_statistics") -> Iterator[Naive]:
    """Start it on a file of listens; ended with the block."""
    command = [sys.executable, "-m", module, str(flat)]
    with (bench.system.logs / f"{module}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=PROJECT,
            env={**os.environ, **bench.system.environment, "PYTHONPATH": str(PROJECT)},
        )  # fmt: skip
    try:
        yield Naive(process, bench)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def naive_session(flat: str) -> "SparkSession":
    """Plain Spark, with the file of listens as the view `listens`."""
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", HEAP)
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "200")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.local.dir", str(Path(flat).parent))
        .getOrCreate()
    )
    spark.read.parquet(flat).createOrReplaceTempView("listens")
    return spark


@contextmanager
def _naive(flat: str) -> "Iterator[SparkSession]":
    spark = naive_session(flat)
    yield spark
    spark.stop()


def main(flat: str, session: "Callable[[str], AbstractContextManager[SparkSession]]" = _naive) -> None:
    """Answer every request: [entity, range, first second, first second after it] -> stored N."""
    connection = postgres.connect(os.environ["DATABASE_URL"], application="naive peer")
    with postgres.transaction(connection) as cursor:
        # Peers start together, and IF NOT EXISTS is no help against one who makes the table at the same moment.
        cursor.execute("SELECT pg_advisory_xact_lock(1)")
        cursor.execute(_TABLE)
    with session(flat) as spark:
        _answer(spark, connection)
    connection.close()


def _answer(spark: "SparkSession", connection: postgres.Connection) -> None:
    for line in sys.stdin:
        entity, stats_range, first, end = json.loads(line)
        query = QUERY.format(columns=COLUMNS[entity], source=SOURCES[entity], first=first, end=end, top=TOP)
        stored = 0
        for message in messages((row.asDict(recursive=True) for row in spark.sql(query).toLocalIterator()), MESSAGE):
            with postgres.transaction(connection) as cursor:
                for user in message:
                    data = json.dumps({"count": user["total_count"], "items": user["items"]})
                    cursor.execute(_STORE, (user["user_id"], entity, stats_range, data))
            stored += len(message)
        print(f"stored {stored}", flush=True)


def messages(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """The rows, so many at a time."""
    while message := list(islice(rows, size)):
        yield message


if __name__ == "__main__":
    main(sys.argv[1])
