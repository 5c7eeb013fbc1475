"""Shared inputs of the statistics of the clock: what was played when, as far apart as each of them needs.

They read `plays`, which the run keeps, and carry ints only; names join where documents are made. A day is days since
1970-01-01 on the key's clock.
"""

from jobs.shared_input import Input

CLOCK_INPUTS = (
    Input(
        "window_activity",
        "One row per value of windows and range whose listening activity shows it: the range or the period before it.",
        ("subjects",),
        engine="jobs.engines.plays.window_activities",
    ),
    Input(
        "activity_bucket",
        "One row per (key, slot, bucket): listens of a day, month or year, whichever the range shows; bucket is its "
        "first day.",
        ("plays", "window_activity"),
        """
        WITH played AS (
            SELECT key, windows, CASE WHEN windows & :daily_windows <> 0 THEN day
                   WHEN windows & :monthly_windows <> 0 THEN unix_date(trunc(date_from_unix_date(day), 'MONTH'))
                   ELSE unix_date(trunc(date_from_unix_date(day), 'YEAR')) END AS bucket, count(*) AS listen_count
              FROM (SELECT key, windows, CAST(local_at DIV 86400 AS INT) AS day FROM {plays})
             GROUP BY ALL
        )
        SELECT p.key, w.slot, CASE WHEN shiftleft(1, w.slot) & :daily_windows <> 0 THEN p.bucket
               WHEN shiftleft(1, w.slot) & :monthly_windows <> 0
               THEN unix_date(trunc(date_from_unix_date(p.bucket), 'MONTH'))
               ELSE unix_date(trunc(date_from_unix_date(p.bucket), 'YEAR')) END AS bucket,
               sum(p.listen_count) AS listen_count
          FROM played p JOIN {window_activity} w ON w.windows = p.windows
         GROUP BY ALL
        """,
    ),
    Input(
        "group_year",
        "One row per (key, windows, year): listens of releases whose release group first came out in that year, from "
        "1800 on.",
        ("user_track", "identity", "release_metadata_cache", "release_group_metadata_cache"),
        """
        SELECT p.key, p.windows, i.year, sum(p.listen_count) AS listen_count
          FROM {user_track} p
          JOIN (SELECT i.identity_id, CAST(g.first_release_date_year AS INT) AS year
                  FROM {identity} i
                  JOIN {release_metadata_cache} r ON r.release_mbid = i.release_mbid
                  JOIN {release_group_metadata_cache} g ON g.release_group_mbid = r.release_group_mbid
                 WHERE g.first_release_date_year >= 1800) i ON i.identity_id = p.identity_id
         GROUP BY ALL
        """,
    ),
    Input(
        "identity_credit",
        "One row per (identity, artist its recording is credited to, name in that credit), each once; where there is "
        "no row of recording_artist at all, per artist that the listens name, with their credit's text.",
        ("identity", "recording_artist"),
        """
        SELECT DISTINCT identity_id, credited.artist_mbid, credited.artist_credit_name AS artist_name
          FROM (SELECT i.identity_id, explode(r.artists) AS credited
                  FROM {identity} i JOIN {recording_artist} r ON r.recording_mbid = i.recording_mbid)
         UNION ALL
        SELECT identity_id, explode_outer(array_distinct(artist_mbids)) AS artist_mbid, artist_name
          FROM {identity} WHERE NOT EXISTS (SELECT recording_mbid FROM {recording_artist})
        """,
    ),
    Input(
        "credited_artist",
        "One row per (artist, name in credits): artist_id, from 1 in the order of MBID and name.",
        ("identity_credit",),
        """
        SELECT CAST(row_number() OVER (ORDER BY artist_mbid, artist_name) AS INT) AS artist_id, artist_mbid, artist_name
          FROM (SELECT DISTINCT artist_mbid, artist_name FROM {identity_credit})
        """,
    ),
    Input(
        "artist_unit",
        "One row per (key, slot, artist_id, unit): listens in a unit of time; 0 is Monday in weeks, else a day of the "
        "month, a month or a year, whichever the range is counted by.",
        ("plays", "personal_track", "identity_credit", "credited_artist", "window_slot"),
        """
        WITH played AS (
            SELECT key, user_id, track_id, windows,
                   CASE WHEN windows & (:by_weekday_ranges | :by_day_ranges) <> 0 THEN day
                   WHEN windows & :by_month_ranges <> 0 THEN unix_date(trunc(date_from_unix_date(day), 'MONTH'))
                   ELSE unix_date(trunc(date_from_unix_date(day), 'YEAR')) END AS day, count(*) AS listen_count
              FROM (SELECT key, user_id, track_id, windows, CAST(local_at DIV 86400 AS INT) AS day FROM {plays})
             GROUP BY ALL
        ), credited AS (
            SELECT p.key, p.windows, i.artist_id, p.day, sum(p.listen_count) AS listen_count
              FROM (SELECT p.*, coalesce(o.identity_id, CAST(p.track_id AS BIGINT)) AS identity_id FROM played p
                      LEFT JOIN {personal_track} o ON o.user_id = p.user_id AND o.track_id = p.track_id) p
              JOIN (SELECT c.identity_id, a.artist_id FROM {identity_credit} c
                      JOIN {credited_artist} a ON a.artist_mbid <=> c.artist_mbid AND a.artist_name = c.artist_name) i
                ON i.identity_id = p.identity_id
             GROUP BY ALL
        )
        SELECT p.key, w.slot, p.artist_id,
               CASE WHEN shiftleft(1, w.slot) & :by_weekday_ranges <> 0 THEN weekday(date_from_unix_date(p.day))
                    WHEN shiftleft(1, w.slot) & :by_day_ranges <> 0 THEN day(date_from_unix_date(p.day))
                    WHEN shiftleft(1, w.slot) & :by_month_ranges <> 0 THEN month(date_from_unix_date(p.day))
                    ELSE year(date_from_unix_date(p.day)) END AS unit,
               sum(p.listen_count) AS listen_count
          FROM credited p JOIN {window_slot} w ON w.windows = p.windows
         GROUP BY ALL
        """,
    ),
    Input(
        "everybody_activity",
        "One row per (slot, bucket): listens of everybody, as in activity_bucket; nobody's own settings count.",
        ("activity_bucket", "subjects"),
        """
        SELECT /*+ BROADCAST(s) */ b.slot, b.bucket, sum(b.listen_count) AS listen_count
          FROM {activity_bucket} b LEFT ANTI JOIN {subjects} s ON s.key = b.key AND s.filtered
         GROUP BY b.slot, b.bucket
        """,
        sums=("listen_count",),
    ),
    Input(
        "everybody_year",
        "One row per (slot, year): listens of everybody, as in group_year; nobody's own settings count.",
        ("group_year", "subjects", "window_slot"),
        """
        SELECT w.slot, y.year, sum(y.listen_count) AS listen_count
          FROM (SELECT y.* FROM {group_year} y LEFT ANTI JOIN {subjects} s ON s.key = y.key AND s.filtered) y
          JOIN {window_slot} w ON w.windows = y.windows
         GROUP BY ALL
        """,
        sums=("listen_count",),
    ),
    Input(
        "everybody_artist_unit",
        "One row per (slot, artist, name in credits, unit): listens of everybody, as in artist_unit; nobody's own "
        "settings count.",
        ("artist_unit", "credited_artist", "subjects"),
        """
        SELECT u.slot, a.artist_mbid, a.artist_name, u.unit, u.listen_count
          FROM (SELECT /*+ BROADCAST(s) */ u.slot, u.artist_id, u.unit, sum(u.listen_count) AS listen_count
                  FROM {artist_unit} u LEFT ANTI JOIN {subjects} s ON s.key = u.key AND s.filtered
                 GROUP BY u.slot, u.artist_id, u.unit) u
          JOIN {credited_artist} a ON a.artist_id = u.artist_id
        """,
        sums=("listen_count",),
    ),
    Input(
        "genre_number",
        "One row per genre of recordings that were played: genre_id, from 1 in their order.",
        ("identity_genre",),
        """
        SELECT CAST(row_number() OVER (ORDER BY genre) AS INT) AS genre_id, genre
          FROM (SELECT DISTINCT genre FROM {identity_genre})
        """,
    ),
    Input(
        "identity_genre",
        "One row per (identity, genre of its recording), each once.",
        ("identity", "recording_genre"),
        """
        SELECT DISTINCT i.identity_id, g.genre
          FROM {identity} i JOIN {recording_genre} g ON g.recording_mbid = i.recording_mbid
        """,
    ),
)
