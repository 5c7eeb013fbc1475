"""Listens without a recording MBID, by user and MSID, on Spark: jobs/recommend/missing_mb_data.py says which."""

from jobs.job import NothingToWorkOnError
from jobs.recommend.missing_mb_data import MOST
from jobs.run_engine import EngineRun, Made

_DOCUMENTS = """
WITH unmatched AS (
    SELECT w.user_id, i.recording_msid, sum(w.listen_count) AS listen_count, max(w.latest) AS latest,
           i.track_name, i.artist_name, i.release_name
      FROM {windowed_track} w
      LEFT JOIN {personal_track} o ON o.user_id = w.user_id AND o.track_id = w.track_id
      JOIN {identity} i ON i.identity_id = coalesce(o.identity_id, CAST(w.track_id AS BIGINT))
     WHERE i.recording_mbid IS NULL
     GROUP BY w.user_id, i.recording_msid, i.track_name, i.artist_name, i.release_name
), missing AS (
    SELECT user_id, recording_msid, sum(listen_count) AS listen_count, unix_seconds(max(latest)) AS listened_at,
           max(struct(listen_count, track_name, artist_name, release_name)) AS best
      FROM unmatched GROUP BY user_id, recording_msid
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY user_id
                                 ORDER BY listen_count DESC, listened_at DESC, recording_msid DESC) AS place
      FROM missing
)
SELECT 'missing_musicbrainz_data' AS statistic, CAST(user_id AS BIGINT) AS key,
       to_json(sort_array(collect_list(struct(listened_at, recording_msid, best.track_name, best.artist_name,
                                              best.release_name)), false), map('ignoreNullFields', 'false')) AS doc
  FROM ranked WHERE place <= {most} GROUP BY user_id
""".replace("{most}", str(MOST))


def missing_mb_data(run: EngineRun) -> Made:
    """A document per user who heard any such thing. Raises NothingToWorkOnError for an empty window."""
    days = run.params["days"]
    assert isinstance(days, int)
    frames = run.within(days)
    # Without `at` the newest listen is in the window.
    if run.params.get("at") is not None and frames.named("windowed_track").isEmpty():
        raise NothingToWorkOnError(f"days={days}: there are no listens in so many days up to `at`, {run.newest}")
    run.progress("looking for what MusicBrainz does not know")
    return Made(frames.sql(_DOCUMENTS, ("windowed_track", "personal_track", "identity")))
