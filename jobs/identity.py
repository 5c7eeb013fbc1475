"""What a played track is, as a row of its own: the identity_id by which statistics and similarity know it."""

IDENTITY_SQL = """
SELECT CASE WHEN r.user_id IS NULL THEN CAST(r.track_id AS BIGINT)
            ELSE shiftleft(CAST(r.user_id AS BIGINT), 32) | r.track_id END AS identity_id,
       t.recording_msid, t.artist_name, t.artist_key, t.track_name, t.track_name_key, t.release_name,
       t.release_key, r.recording_mbid, r.release_mbid, t.release_group_mbid AS submitted_release_group_mbid,
       r.artist_mbids, r.artist_credit_id
  FROM {resolved_track} r JOIN {tracks} t ON t.track_id = r.track_id
"""
"""A row per row of {resolved_track}: what jobs/listens/mapping.py RESOLVED_TRACKS_SQL gives; with names from {tracks}.

The identity_id is the track_id, where everybody's mapping counts; of a user's own, her id in the upper 32 bits beside.
"""
