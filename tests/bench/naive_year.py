"""Sections of the year in music in the original's shape, written by us: plain Spark, the listens read once for each.

Eight of ours, those that need no metadata and no similarity. Listens are one flat Parquet file with names and MBIDs
(made before, untimed); every row passes Python as Row, dict and JSON text before it is stored.

    python -m tests.bench.naive_year FLAT.parquet < requests
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from conf import postgres
from jobs.years import days_of
from tests.bench.naive_statistics import COLUMNS, MESSAGE, QUERY, SOURCES, messages, naive_session

TOP = 50
_TOP = "SELECT user_id, named_struct('total', total_count, 'items', items) AS data FROM ({lists})"


def _top(entity: str) -> str:
    """The statistic's own query, of the year."""
    lists = QUERY.replace("{columns}", COLUMNS[entity]).replace("{source}", SOURCES[entity]).replace("{top}", str(TOP))
    return _TOP.replace("{lists}", lists)


QUERIES = {
    "listen_count": """
SELECT user_id, count(*) AS data FROM listens WHERE listened_at >= {first} AND listened_at < {end} GROUP BY user_id""",
    "listens_per_day": """
SELECT user_id, sort_array(collect_list(struct(day, listen_count))) AS data
  FROM (SELECT user_id, to_date(timestamp_seconds(listened_at)) AS day, count(*) AS listen_count
          FROM listens WHERE listened_at >= {first} AND listened_at < {end} GROUP BY ALL)
 GROUP BY user_id""",
    "day_of_week": """
SELECT user_id, max_by(day, listen_count) AS data
  FROM (SELECT user_id, date_format(timestamp_seconds(listened_at), 'EEEE') AS day, count(*) AS listen_count
          FROM listens WHERE listened_at >= {first} AND listened_at < {end} GROUP BY ALL)
 GROUP BY user_id""",
    "top_artists": _top("artists"),
    "top_recordings": _top("recordings"),
    "top_release_groups": _top("release_groups"),
    "new_artists_discovered": """
WITH credited AS {credited},
heard AS (SELECT DISTINCT user_id, artist_key, artist_mbid FROM credited
           WHERE listened_at >= {first} AND listened_at < {end}),
before AS (SELECT DISTINCT user_id, artist_key, artist_mbid FROM credited WHERE listened_at < {first}),
artist AS (
    SELECT h.user_id, h.artist_mbid, if(h.artist_mbid IS NULL, h.artist_key, NULL) AS name,
           max(m.user_id IS NOT NULL OR coalesce(n.by_name OR n.user_id IS NOT NULL AND h.artist_mbid IS NULL, false))
             AS known
      FROM (SELECT *, max(artist_mbid) OVER (PARTITION BY user_id, artist_key) AS spelled FROM heard) h
      LEFT JOIN (SELECT DISTINCT user_id, artist_mbid FROM before) m
        ON m.user_id = h.user_id AND m.artist_mbid = h.artist_mbid
      LEFT JOIN (SELECT user_id, artist_key, max(artist_mbid IS NULL) AS by_name FROM before GROUP BY ALL) n
        ON n.user_id = h.user_id AND n.artist_key = h.artist_key
     WHERE h.artist_mbid IS NOT NULL OR h.spelled IS NULL
     GROUP BY ALL
)
SELECT user_id, count_if(NOT known) AS data FROM artist GROUP BY user_id""",
    "top_discoveries": """
SELECT user_id, collect_list(struct(recording_mbid, listen_count, track_name, artist_name)) AS data
  FROM (SELECT user_id, recording_mbid, first(track_name) AS track_name, first(artist_name) AS artist_name,
               count(*) AS listen_count
          FROM listens WHERE listened_at < {end} AND recording_mbid IS NOT NULL GROUP BY user_id, recording_mbid
        HAVING min(listened_at) >= {first} AND count(*) > 3)
 GROUP BY user_id""",
}
"""By section: user_id, data."""
_TABLE = """
CREATE UNLOGGED TABLE IF NOT EXISTS naive_year (user_id integer, section text, data jsonb,
    PRIMARY KEY (user_id, section))"""
_STORE = """
INSERT INTO naive_year VALUES (%s, %s, %s::jsonb)
ON CONFLICT (user_id, section) DO UPDATE SET data = EXCLUDED.data"""


def main(flat: str) -> None:
    """Answer every request: [section, year] -> stored N."""
    spark = naive_session(flat)
    connection = postgres.connect(os.environ["DATABASE_URL"], application="naive peer")
    with postgres.transaction(connection) as cursor:
        cursor.execute(_TABLE)
    for line in sys.stdin:
        section, year = json.loads(line)
        days = days_of(year)
        query = QUERIES[section].format(first=days.from_ts, end=days.to_ts, credited=SOURCES["artists"])
        found = spark.sql(query)
        rows = (row.asDict(recursive=True) for row in found.toLocalIterator())
        print(f"stored {_store(connection, section, rows)}", flush=True)
    connection.close()
    spark.stop()


def _store(connection: postgres.Connection, section: str, rows: Iterator[dict[str, Any]]) -> int:
    stored = 0
    for message in messages(rows, MESSAGE):
        with postgres.transaction(connection) as cursor:
            for user in message:
                cursor.execute(_STORE, (user["user_id"], section, json.dumps(user["data"], default=str)))
        stored += len(message)
    return stored


if __name__ == "__main__":
    main(sys.argv[1])
