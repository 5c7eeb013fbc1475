"""Shared inputs of the similarity of recordings and artists: what every landed track is, counting nothing.

The inputs of statistics (jobs/inputs.py) know what was counted for somebody; here all listens of a window are known,
what a user leaves out of her own statistics too.
"""

from jobs.identity import IDENTITY_SQL
from jobs.listens.mapping import RESOLVED_TRACKS_SQL
from jobs.recording_credits import ARTISTS_SQL
from jobs.shared_input import Input

SIMILARITY_INPUTS = (
    Input(
        "landed_personal_track",
        "One row per (user, track she has listened to) of which the user's own mapping says something, with the "
        "identity_id.",
        ("listens", "tracks", "mapping"),
        """
        SELECT DISTINCT l.user_id, l.track_id, shiftleft(CAST(l.user_id AS BIGINT), 32) | l.track_id AS identity_id
          FROM {listens} l
          JOIN (SELECT t.track_id, m.user_id FROM {tracks} t
                  JOIN (SELECT DISTINCT user_id, recording_msid FROM {mapping} WHERE user_id IS NOT NULL) m
                    ON m.recording_msid = t.recording_msid) own ON own.user_id = l.user_id AND own.track_id = l.track_id
        """,
    ),
    Input(
        "landed_identified_track",
        "One row per track (user_id null), and per landed_personal_track.",
        ("tracks", "landed_personal_track"),
        """
        SELECT CAST(NULL AS INT) AS user_id, track_id FROM {tracks}
         UNION ALL SELECT user_id, track_id FROM {landed_personal_track}
        """,
    ),
    Input(
        "landed_resolved_track",
        "One row per row of landed_identified_track: the MBIDs it has, for everybody or for that user.",
        ("landed_identified_track", "tracks", "mapping"),
        RESOLVED_TRACKS_SQL.replace("{user_track}", "{landed_identified_track}"),
    ),
    Input(
        "landed_identity",
        "One row per row of landed_resolved_track, as identity has one per resolved_track.",
        ("landed_resolved_track", "tracks"),
        IDENTITY_SQL.replace("{resolved_track}", "{landed_resolved_track}"),
    ),
    Input(
        "identity_recording",
        "One row per identity: its recording's MBID, where that was merged into another the other's, else (msid true) "
        "its MSID; how many whole seconds MusicBrainz says it is long, null: not known.",
        ("landed_identity", "recording_length", "merged_recording"),
        """
        SELECT i.identity_id, coalesce(m.merged_into, i.recording_mbid, i.recording_msid) AS recording,
               i.recording_mbid IS NULL AS msid, CASE WHEN n.length > 0 THEN n.length DIV 1000 END AS seconds
          FROM {landed_identity} i
          LEFT JOIN {recording_length} n ON n.recording_mbid = i.recording_mbid
          LEFT JOIN {merged_recording} m ON m.recording_mbid = i.recording_mbid
        """,
    ),
    Input(
        "landed_artist_mbids",
        "One row per landed_identity whose artists are known by MBID, as identity_artist_mbids has one per identity.",
        ("landed_identity", "identity_recording", "recording_artist"),
        ARTISTS_SQL.replace("{identity}", "{landed_identity}").replace("{played_recording}", "{identity_recording}"),
    ),
    Input(
        "identity_item",
        "One row per identity_recording, with item_id: the number of the recording, from 0 in the order of their ids.",
        ("identity_recording",),
        """
        SELECT identity_id, recording, msid, seconds,
               CAST(dense_rank() OVER (ORDER BY recording) - 1 AS INT) AS item_id
          FROM {identity_recording}
        """,
    ),
)
