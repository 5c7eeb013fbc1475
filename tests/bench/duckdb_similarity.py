"""Similar recordings by a plain self-join in DuckDB, on the lake's own Parquet files: what a user would write.

The rules are ours (jobs/similarity/recording.py), each fix included, so that the results are equal; the work is the
original's: raw pairs of listens, counted, capped, summed. It names nothing and stores nothing: it has the lesser task.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from tests.bench.duckdb_statistics import opened

_TRACKS = """
CREATE TEMP TABLE track AS
SELECT t.track_id, t.artist_key, coalesce(t.recording_mbid, m.recording_mbid, t.recording_msid) AS recording,
       CASE WHEN len(t.artist_mbids) > 0 THEN t.artist_mbids ELSE coalesce(m.artist_mbids, []) END AS artist_mbids
  FROM tracks t
  LEFT JOIN mapping m ON m.recording_msid = t.recording_msid AND m.user_id IS NULL AND (t.recording_mbid IS NULL
       OR m.recording_mbid IS NULL OR m.recording_mbid = t.recording_mbid)"""
"""Here one source at most says something of an MSID, nobody has said anything herself, and there is no metadata."""
_ITEMS = """
CREATE TEMP TABLE item AS
WITH text_artist AS (
    SELECT artist_key, list(DISTINCT artist_mbid) AS artist_mbids
      FROM (SELECT artist_key, unnest(artist_mbids) AS artist_mbid FROM track) GROUP BY artist_key
)
SELECT recording, list_distinct(flatten(list(CASE WHEN len(t.artist_mbids) > 0 THEN t.artist_mbids
           ELSE coalesce(a.artist_mbids, [t.artist_key]) END))) AS artists,
       row_number() OVER (ORDER BY recording)::INTEGER AS item_id
  FROM track t LEFT JOIN text_artist a USING (artist_key) GROUP BY recording"""
_LISTENED = """
CREATE TEMP TABLE listened AS
SELECT l.user_id, epoch(l.listened_at)::BIGINT AS listened, i.item_id,
       coalesce(nullif(l.duration_ms, 0) // 1000, 180)::BIGINT AS seconds
  FROM listens l JOIN track t USING (track_id) JOIN item i USING (recording)
 WHERE epoch(l.listened_at)::BIGINT BETWEEN $newest - $days * 86400 AND $newest"""
_KEPT = """
CREATE TEMP TABLE kept AS
WITH paused AS (
    SELECT *, listened - lag(listened + seconds) OVER own AS pause FROM listened
    WINDOW own AS (PARTITION BY user_id ORDER BY listened, item_id, seconds)
)
SELECT user_id, item_id, sum(CASE WHEN pause > $session THEN 1 ELSE 0 END) OVER own AS session,
       coalesce(lead(pause) OVER own < -$skip, false) AS skipped
  FROM paused WINDOW own AS (PARTITION BY user_id ORDER BY listened, item_id, seconds)"""
_PAIRS = """
CREATE TEMP TABLE pair AS
WITH said AS (
    SELECT a.user_id, a.item_id AS first, b.item_id AS second, least(count(*), $contribution) AS score
      FROM (FROM kept WHERE NOT skipped) a
      JOIN (FROM kept WHERE NOT skipped) b
        ON a.user_id = b.user_id AND a.session = b.session AND a.item_id < b.item_id
     GROUP BY ALL
), total AS (
    SELECT first, second, sum(score)::BIGINT AS score FROM said GROUP BY ALL HAVING sum(score) > $threshold
)
SELECT first, second, score FROM total
  JOIN item a ON a.item_id = first JOIN item b ON b.item_id = second
 WHERE NOT list_has_any(a.artists, b.artists)"""
_LISTS = """
SELECT a.recording AS entity, b.recording AS other, score
  FROM (SELECT *, row_number() OVER (PARTITION BY item_id ORDER BY score DESC, other_id DESC) AS place
          FROM (SELECT first AS item_id, second AS other_id, score FROM pair
                 UNION ALL SELECT second, first, score FROM pair))
  JOIN item a USING (item_id) JOIN item b ON b.item_id = other_id
 WHERE place <= $limit"""
_FLAT = """
COPY (SELECT user_id, listened, recording, artists, seconds FROM listened JOIN item USING (item_id))
  TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""
_PARAMS = ("days", "session", "contribution", "threshold", "limit", "skip")
Params = dict[str, int]
"""days, session, contribution, threshold, limit, skip."""


def similar_recordings(lake: str, newest: int, params: Params) -> tuple[pa.Table, pa.Table]:
    """The lists (entity, other, score), and all pairs above the threshold (one, other, score), as recording ids."""
    with opened(lake) as connection:
        _listened(connection, newest, params)
        connection.execute(_KEPT, {name: params[name] for name in ("session", "skip")})
        connection.execute(_PAIRS, {name: params[name] for name in ("contribution", "threshold")})
        lists = connection.sql(_LISTS, params={"limit": params["limit"]}).to_arrow_table()
        pairs = connection.sql(
            "SELECT a.recording AS one, b.recording AS other, score FROM pair"
            " JOIN item a ON a.item_id = first JOIN item b ON b.item_id = second"
        ).to_arrow_table()
        return lists, pairs


def flat_listens(lake: str, newest: int, params: Params, path: Path) -> None:
    """One Parquet file in the original's shape: every listen with its recording, artists and length, as text."""
    with opened(lake) as connection:
        _listened(connection, newest, params)
        connection.execute(_FLAT.format(path=path))


def queries() -> str:
    """What is measured, to be printed."""
    return "".join((_TRACKS, ";", _ITEMS, ";", _LISTENED, ";", _KEPT, ";", _PAIRS, ";", _LISTS))


def _listened(connection: duckdb.DuckDBPyConnection, newest: int, params: Params) -> None:
    connection.execute(_TRACKS)
    connection.execute(_ITEMS)
    connection.execute(_LISTENED, {"newest": newest, "days": params["days"]})
