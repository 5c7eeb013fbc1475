"""Shared inputs of the year in music. They count the listens of the frames they are asked of: those of one year.

Where recordings are compared, between years or users, a merged one is the one it was merged into (played_recording): a
player that sends the new MBID has found nothing new.

Those of HISTORY are made by frames over the years before (jobs/run_year.py) and given to the others.
"""

from jobs.shared_input import Input

HISTORY = ("artist_before", "recording_before")
"""What is known of the years before; both of one pass over them."""
YEAR_INPUTS = (
    Input(
        "year_day",
        "One row per (key, day): its listens; a day is days since 1970-01-01 on the key's clock.",
        ("plays",),
        """
        SELECT key, CAST(local_at DIV 86400 AS INT) AS day, count(*) AS listen_count FROM {plays} GROUP BY ALL
        """,
    ),
    Input(
        "heard_identity",
        "One row per (key, identity) that was heard at all.",
        ("user_track",),
        "SELECT DISTINCT key, identity_id FROM {user_track}",
    ),
    Input(
        "artist_before",
        "One row per (key, artist) that was heard in the years before: artist_mbid, null where only the credit is "
        "known, and folded name, as top artists are told apart.",
        ("heard_identity", "identity_artist"),
        """
        SELECT DISTINCT h.key, a.artist_mbid, a.artist_key
          FROM {heard_identity} h JOIN {identity_artist} a ON a.identity_id = h.identity_id
        """,
    ),
    Input(
        "recording_before",
        "One row per (key, recording MBID) that was heard in the years before.",
        ("heard_identity", "played_recording"),
        """
        SELECT DISTINCT h.key, r.recording AS recording_mbid
          FROM {heard_identity} h JOIN {played_recording} r ON r.identity_id = h.identity_id
         WHERE NOT r.msid
        """,
    ),
    Input(
        "year_recording",
        "One row per (key, recording): recording is its MBID (msid false), else its MSID; listen_count.",
        ("user_track", "played_recording"),
        """
        SELECT p.key, r.recording, bool_and(r.msid) AS msid, sum(p.listen_count) AS listen_count
          FROM {user_track} p JOIN {played_recording} r ON r.identity_id = p.identity_id
         GROUP BY ALL
        """,
    ),
    Input(
        "shown_recording",
        "One row per recording MBID that somebody heard: what is shown of it, the names and MBIDs that it was played "
        "most with (ties: the greatest).",
        ("user_track", "identity", "played_recording"),
        """
        SELECT recording_mbid, shown.*
          FROM (SELECT recording_mbid, max(struct(listen_count, track_name, artist_name, artist_mbids, release_name,
                                                  release_mbid, artist_key)) AS shown
                  FROM (SELECT r.recording AS recording_mbid, i.track_name, i.artist_name, i.artist_mbids,
                               i.release_name, i.release_mbid, i.artist_key, sum(p.listen_count) AS listen_count
                          FROM {user_track} p JOIN {identity} i ON i.identity_id = p.identity_id
                          JOIN {played_recording} r ON r.identity_id = i.identity_id
                         WHERE NOT r.msid
                         GROUP BY ALL)
                 GROUP BY recording_mbid)
        """,
    ),
    Input(
        "any_genre",
        "One row per (identity, genre that people gave to its recording, release groups or artists), each once.",
        ("identity", "recording_genre", "release_group_genre", "artist_genre"),
        """
        SELECT DISTINCT i.identity_id, g.genre
          FROM {identity} i
          JOIN (SELECT recording_mbid, genre FROM {recording_genre}
                 UNION ALL SELECT recording_mbid, genre FROM {release_group_genre}
                 UNION ALL SELECT recording_mbid, genre FROM {artist_genre}) g ON g.recording_mbid = i.recording_mbid
        """,
    ),
    Input(
        "year_similar",
        "One row per (key, other user who heard the same recordings): score, the cosine of their counts, and place "
        "from 1, at most 25; of users with more than 50 listens.",
        ("year_recording",),
        engine="jobs.engines.year_similar.similar_in_year",
    ),
    Input(
        "discovered_recording",
        "One row per (key, recording MBID) that was heard in this year for the first time, and more than three times; "
        "weight: its listens.",
        ("year_recording", "recording_before"),
        """
        SELECT y.key, y.recording AS recording_mbid, y.listen_count AS weight
          FROM {year_recording} y
          LEFT ANTI JOIN {recording_before} b ON b.key = y.key AND b.recording_mbid = y.recording
         WHERE NOT y.msid AND y.listen_count > 3
        """,
    ),
    Input(
        "missed_recording",
        "One row per (key, recording MBID) that her three most similar users heard and she never did: the first 200 by "
        "weight, their listens together, with all that tie; nothing that she excludes, as whatever it was heard, by "
        "its MBID or one that was merged into that.",
        (
            "year_similar",
            "year_recording",
            "recording_before",
            "heard_identity",
            "identity",
            "played_recording",
            "merged_recording",
            "excluded_key",
        ),
        """
        WITH theirs AS (
            SELECT s.key, y.recording AS recording_mbid, sum(y.listen_count) AS weight
              FROM {year_similar} s JOIN {year_recording} y ON y.key = s.other
             WHERE s.place <= 3 AND NOT y.msid
             GROUP BY s.key, y.recording
        ), unwanted AS (
            SELECT e.user_id, e.kind, coalesce(m.merged_into, e.value_key) AS value_key
              FROM {excluded_key} e LEFT JOIN {merged_recording} m ON m.recording_mbid = e.value_key
        ), excluded AS (
            SELECT t.key, t.recording_mbid
              FROM theirs t
              JOIN (SELECT DISTINCT r.recording, i.recording_msid, i.artist_key, i.artist_mbids
                      FROM {heard_identity} h JOIN {identity} i ON i.identity_id = h.identity_id
                      JOIN {played_recording} r ON r.identity_id = i.identity_id
                     WHERE NOT r.msid) i
                ON i.recording = t.recording_mbid
              JOIN unwanted e ON e.user_id = t.key AND (
                   e.kind = 'recording' AND e.value_key IN (t.recording_mbid, i.recording_msid)
                   OR e.kind = 'artist' AND (e.value_key = i.artist_key OR array_contains(i.artist_mbids, e.value_key)))
        ), ranked AS (
            SELECT t.key, t.recording_mbid, t.weight, rank() OVER (PARTITION BY t.key ORDER BY t.weight DESC) AS place
              FROM theirs t
              LEFT ANTI JOIN {year_recording} y ON y.key = t.key AND y.recording = t.recording_mbid
              LEFT ANTI JOIN {recording_before} b ON b.key = t.key AND b.recording_mbid = t.recording_mbid
              LEFT ANTI JOIN excluded e ON e.key = t.key AND e.recording_mbid = t.recording_mbid
        )
        SELECT key, recording_mbid, weight FROM ranked WHERE place <= 200
        """,
    ),
)
