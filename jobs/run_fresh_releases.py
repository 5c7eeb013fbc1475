"""Fresh releases, on Spark: jobs/releases/fresh.py says what is counted."""

from pyspark.sql import functions as F  # noqa: N812

from jobs.releases.fresh import OF_DAY, OF_USER, WINDOW
from jobs.run_engine import DAY, EngineRun, Made

_DATED = """
SELECT * FROM (SELECT *, unix_date(try_cast(release_date AS DATE)) AS day FROM {releases}) WHERE day IS NOT NULL
"""
"""day: of a row of `releases`, days since 1970-01-01."""
_BY_DAY = """
SELECT CAST(day AS BIGINT) AS key, to_json(sort_array(collect_list(struct(
           release_mbid, release_name, artist_credit_name, artist_mbids, release_date, release_group_mbid,
           release_group_primary_type, release_group_secondary_type,
           coalesce(release_tags, CAST(array() AS ARRAY<STRING>)) AS release_tags, listen_count, caa_id,
           caa_release_mbid))), map('ignoreNullFields', 'false')) AS doc
  FROM {dated} GROUP BY day
"""
"""doc: the items of the API, by MBID."""
_CONFIDENCE = """
WITH heard AS (
    SELECT user_id, artist_mbid, sum(listen_count) AS listen_count
      FROM (SELECT w.user_id, w.listen_count, explode(array_distinct(i.artist_mbids)) AS artist_mbid
              FROM {windowed_track} w
              LEFT JOIN {personal_track} o ON o.user_id = w.user_id AND o.track_id = w.track_id
              JOIN {identity_artist_mbids} i ON i.identity_id = coalesce(o.identity_id, CAST(w.track_id AS BIGINT)))
     GROUP BY user_id, artist_mbid
), credited AS (
    SELECT release_mbid, explode(array_distinct(artist_mbids)) AS artist_mbid FROM {fresh}
), unwanted AS (
    SELECT e.user_id, c.release_mbid
      FROM (SELECT release_mbid, explode(concat(artist_mbids, array(artist_credit_key))) AS value_key FROM {fresh}) c
      JOIN {excluded_key} e ON e.value_key = c.value_key
     WHERE e.kind = 'artist'
)
SELECT h.user_id, c.release_mbid, sum(h.listen_count) AS confidence
  FROM heard h JOIN credited c ON c.artist_mbid = h.artist_mbid
  LEFT ANTI JOIN unwanted u ON u.user_id = h.user_id AND u.release_mbid = c.release_mbid
 GROUP BY h.user_id, c.release_mbid
"""
_BY_USER = """
SELECT CAST(user_id AS BIGINT) AS key,
       to_json(sort_array(collect_list(struct(confidence, release_mbid)), false)) AS doc
  FROM {matched} GROUP BY user_id
"""
"""doc: [{"confidence", "release_mbid"}, ...], the greatest confidence first, ties the greater MBID."""


def of_everybody(run: EngineRun) -> Made:
    """A document per day on which something comes out, whichever day that is: any may be asked for."""
    run.progress("collecting what comes out")
    dated = run.frames.sql(_DATED, ("releases",))
    return Made(run.frames.sql(_BY_DAY, (), dated=dated).withColumn("statistic", F.lit(OF_DAY)))


def of_users(run: EngineRun) -> Made:
    """A document per user who has heard an artist of what comes out about now."""
    days, threshold = run.params["days"], run.params["threshold"]
    assert days is None or isinstance(days, int)
    run.progress("counting who has heard their artists")
    reads = ("windowed_track", "personal_track", "identity_artist_mbids", "excluded_key")
    frames = run.within(days, reads=reads)
    today = _today(run)
    dated = frames.sql(_DATED, ("releases",))
    fresh = frames.keep(dated.where(F.col("day").between(today - WINDOW, today + WINDOW)))
    matched = frames.sql(_CONFIDENCE, reads, fresh=fresh).where(F.col("confidence") >= F.lit(threshold))
    return Made(frames.sql(_BY_USER, (), matched=matched).withColumn("statistic", F.lit(OF_USER)))


def _today(run: EngineRun) -> int:
    """Days since 1970-01-01, UTC: of T where it was told, else of the clock; the newest listen may be long ago."""
    return int((run.newest if run.params["at"] is not None else run.now) // DAY)
