"""Shared inputs of recommendations: which recordings were heard, by whom, in a window; and of which artists."""

from jobs.recording_credits import ARTISTS_SQL
from jobs.shared_input import Input

RECORDING_INPUTS = (
    Input(
        "merged_recording",
        "One row per recording MBID that was merged into another: merged_into, of several the least.",
        ("recording_length",),
        """
        SELECT old.recording_mbid, min(new.recording_mbid) AS merged_into
          FROM {recording_length} old JOIN {recording_length} new ON new.recording_id = old.recording_id
         WHERE old.is_redirect AND NOT new.is_redirect GROUP BY old.recording_mbid
        """,
    ),
    Input(
        "played_recording",
        "One row per identity: recording is its MBID by the identity rule, of a merged one that it was merged into, "
        "else (msid true) its MSID.",
        ("identity", "merged_recording"),
        """
        SELECT i.identity_id, coalesce(m.merged_into, i.recording_mbid, i.recording_msid) AS recording,
               i.recording_mbid IS NULL AS msid
          FROM {identity} i LEFT JOIN {merged_recording} m ON m.recording_mbid = i.recording_mbid
        """,
    ),
    Input(
        "identity_artist_mbids",
        "One row per identity whose artists are known by MBID: artist_mbids, by the identity rule, else those that "
        "MusicBrainz names for its recording.",
        ("identity", "played_recording", "recording_artist"),
        ARTISTS_SQL,
    ),
    Input(
        "identity_plays",
        "One row per (user, identity) of windowed_track: recording and msid of played_recording, listen_count, latest.",
        ("windowed_track", "personal_track", "played_recording"),
        """
        SELECT w.user_id, i.identity_id, i.recording, i.msid, w.listen_count, w.latest
          FROM {windowed_track} w
          LEFT JOIN {personal_track} o ON o.user_id = w.user_id AND o.track_id = w.track_id
          JOIN {played_recording} i ON i.identity_id = coalesce(o.identity_id, CAST(w.track_id AS BIGINT))
        """,
    ),
    Input(
        "recording_plays",
        "One row per (user, recording) of identity_plays: listen_count, latest; msid unless the id is an MBID too.",
        ("identity_plays",),
        """
        SELECT user_id, recording, bool_and(msid) AS msid, sum(listen_count) AS listen_count, max(latest) AS latest
          FROM {identity_plays} GROUP BY user_id, recording
        """,
    ),
)
