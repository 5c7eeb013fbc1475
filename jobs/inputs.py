"""Shared inputs: named frames that several jobs read, computed once per run. SQL as text; nothing here knows Spark.

`{name}` is another input or a table at the run's data version, `:name` a value. A listen carries the windows it is in
as the bits of one int, so one scan serves all ranges and the periods before them. After `plays` and `played_track`,
everything is about an *identity*: a track as everybody's mapping has it, or as one user's own does.
"""

from jobs.clock import DAILY, MONTHLY, TIME_UNITS
from jobs.clock_inputs import CLOCK_INPUTS
from jobs.identity import IDENTITY_SQL
from jobs.listens.mapping import RESOLVED_TRACKS_SQL
from jobs.ranges import PREVIOUS_SLOT, range_bits
from jobs.recording_inputs import RECORDING_INPUTS
from jobs.shared_input import Input
from jobs.similarity_inputs import SIMILARITY_INPUTS
from jobs.tables import EXCLUSIONS, METADATA_TABLES, USER_SETTINGS
from jobs.year_inputs import YEAR_INPUTS

OPTIONAL_TABLES = {
    **{name: table.schema for name, table in METADATA_TABLES.items()},
    **{table.name: table.schema for table in (USER_SETTINGS, EXCLUSIONS)},
}
"""Tables that a lake may lack, with their columns: then they are empty."""
DEFAULT_LENGTH_MS = 180_000
"""What a listen counts for in listening time where neither player, listen nor recording says how long it was."""

_LISTENERS = """
SELECT c.mbid, w.slot, c.user_id, sum(c.listen_count) AS listen_count
  FROM (SELECT e.mbid, p.user_id, p.windows, sum(p.listen_count) AS listen_count
          FROM {user_track} p JOIN {known} e ON e.identity_id = p.identity_id
          LEFT ANTI JOIN {subjects} s ON s.key = p.key AND s.filtered
         GROUP BY e.mbid, p.user_id, p.windows) c
  JOIN {window_slot} w ON w.windows = c.windows
 GROUP BY c.mbid, w.slot, c.user_id
"""
"""{known}: identity_id, and the mbid of what it counts for; each pair once."""
_INPUTS = (
    Input(
        "subjects",
        "One row per key statistics are made for: key = user_id, with her zone and exclusions; and, for a user who has "
        "any of these, key = -user_id: UTC and everything. Who has chosen UTC again has none.",
        ("users", "user_settings", "exclusions"),
        """
        WITH chosen AS (
            SELECT u.user_id, coalesce(s.zone, 'UTC') AS zone,
                   coalesce(s.zone, 'UTC') <> 'UTC' OR e.user_id IS NOT NULL AS own
              FROM {users} u
              LEFT JOIN {user_settings} s ON s.user_id = u.user_id
              LEFT JOIN (SELECT DISTINCT user_id FROM {exclusions}) e ON e.user_id = u.user_id
        )
        SELECT CAST(user_id AS BIGINT) AS key, user_id, zone, own AS filtered FROM chosen
         UNION ALL
        SELECT CAST(-user_id AS BIGINT), user_id, 'UTC', false FROM chosen WHERE own
        """,
    ),
    Input(
        "excluding_track",
        "One row per (user with exclusions, track she has listened to).",
        ("listens", "exclusions"),
        """
        SELECT DISTINCT l.user_id, l.track_id FROM {listens} l
          LEFT SEMI JOIN (SELECT user_id FROM {exclusions} WHERE kind <> 'client') e ON e.user_id = l.user_id
        """,
    ),
    Input(
        "excluding_identity",
        "One row per row of excluding_track: what it is for that user.",
        ("excluding_track", "tracks", "mapping"),
        RESOLVED_TRACKS_SQL.replace("{user_track}", "{excluding_track}"),
    ),
    Input(
        "excluded_key",
        "One row per (user, kind, value_key) that she leaves out: what she named, and of an artist's name the MBIDs of "
        "all artists that MusicBrainz calls so, for statistics show its names.",
        ("exclusions", "artist_country_code"),
        """
        SELECT user_id, kind, value_key FROM {exclusions}
         UNION ALL
        SELECT e.user_id, e.kind, a.artist_mbid AS value_key
          FROM {exclusions} e JOIN {artist_country_code} a ON a.artist_key = e.value_key
         WHERE e.kind = 'artist'
        """,
    ),
    Input(
        "excluded_track",
        "One row per (key, track) whose listens do not count: its recording or one of its artists is excluded.",
        ("excluding_identity", "tracks", "excluded_key"),
        """
        SELECT DISTINCT CAST(i.user_id AS BIGINT) AS key, i.track_id
          FROM {excluding_identity} i JOIN {tracks} t ON t.track_id = i.track_id
          JOIN {excluded_key} e ON e.user_id = i.user_id AND (
               e.kind = 'recording' AND e.value_key IN (i.recording_mbid, t.recording_msid)
               OR e.kind = 'artist' AND (e.value_key = t.artist_key OR array_contains(i.artist_mbids, e.value_key)))
        """,
    ),
    Input(
        "excluded_client",
        "One row per (key, client) whose listens do not count.",
        ("clients", "exclusions"),
        engine="jobs.engines.plays.excluded_clients",
    ),
    Input(
        "plays",
        "One row per listen up to T and key it counts for: key, user_id, track_id, client_id, local_at (wall clock "
        "seconds in the key's zone), windows (a bit per slot, jobs/ranges.py), played_ms, duration_ms.",
        ("listens", "subjects", "excluded_track", "excluded_client"),
        engine="jobs.engines.plays.plays",
    ),
    Input(
        "windowed_listen",
        "One row per listen from :window_from to :window_to (epoch seconds, both included) that its user does not "
        "leave out: user_id, track_id, listened_at.",
        ("listens", "users", "excluded_track", "excluded_client"),
        """
        SELECT l.user_id, l.track_id, l.listened_at
          FROM (SELECT user_id, track_id, client_id, listened_at FROM {listens}
                 WHERE listened_at BETWEEN timestamp_seconds(:window_from) AND timestamp_seconds(:window_to)) l
          LEFT SEMI JOIN {users} u ON u.user_id = l.user_id
          LEFT ANTI JOIN {excluded_track} t ON t.key = l.user_id AND t.track_id = l.track_id
          LEFT ANTI JOIN {excluded_client} c ON c.key = l.user_id AND c.client_id = l.client_id
        """,
    ),
    Input(
        "windowed_track",
        "One row per (user, track) of windowed_listen: listen_count, and latest, the time of her last one (UTC).",
        ("windowed_listen",),
        """
        SELECT user_id, track_id, count(*) AS listen_count, max(listened_at) AS latest
          FROM {windowed_listen} GROUP BY user_id, track_id
        """,
    ),
    Input(
        "played_track",
        "One row per (key, track, windows): listen_count and listening time as far as listens say; unknown_count "
        "listens do not.",
        ("plays",),
        """
        SELECT key, user_id, track_id, windows, count(*) AS listen_count,
               coalesce(sum(played_ms), 0) AS played_ms,
               coalesce(sum(CASE WHEN played_ms IS NULL THEN duration_ms END), 0) AS duration_ms,
               count_if(played_ms IS NULL AND duration_ms IS NULL) AS unknown_count
          FROM {plays} GROUP BY key, user_id, track_id, windows
        """,
    ),
    Input(
        "window_slot",
        "One row per value of windows and range it is in: slot is the place in STATS_RANGES. Join it after summing.",
        ("subjects",),
        engine="jobs.engines.plays.window_slots",
    ),
    Input(
        "personal_track",
        "One row per (user, track she played) of which the user's own mapping says something, with the identity_id.",
        ("played_track", "tracks", "mapping"),
        """
        SELECT DISTINCT p.user_id, p.track_id,
               shiftleft(CAST(p.user_id AS BIGINT), 32) | p.track_id AS identity_id
          FROM (SELECT track_id, m.user_id FROM {tracks} t
                  JOIN (SELECT DISTINCT user_id, recording_msid FROM {mapping} WHERE user_id IS NOT NULL) m
                    ON m.recording_msid = t.recording_msid) own
          JOIN {played_track} p ON p.user_id = own.user_id AND p.track_id = own.track_id
        """,
    ),
    Input(
        "identified_track",
        "One row per track that was played (user_id null), and per personal_track.",
        ("played_track", "personal_track"),
        """
        SELECT DISTINCT CAST(NULL AS INT) AS user_id, track_id FROM {played_track}
         UNION ALL SELECT user_id, track_id FROM {personal_track}
        """,
    ),
    Input(
        "resolved_track",
        "One row per row of identified_track: the MBIDs it has, for everybody or for that user.",
        ("identified_track", "tracks", "mapping"),
        RESOLVED_TRACKS_SQL.replace("{user_track}", "{identified_track}"),
    ),
    Input(
        "identity",
        "One row per identity_id: what a played track is, for everybody or for one user; names as submitted, folded "
        "keys, and the MBIDs of the identity rule (artist_mbids never null).",
        ("resolved_track", "tracks"),
        IDENTITY_SQL,
    ),
    Input(
        "user_track",
        "One row per (key, identity, windows): listen_count, and listening time in ms by where it is known from. All "
        "rows of a key are in one partition.",
        ("played_track", "personal_track", "identity", "recording_length"),
        """
        SELECT p.key, p.user_id, p.identity_id, p.windows, p.listen_count, p.played_ms, p.duration_ms,
               CASE WHEN n.length IS NULL THEN 0 ELSE p.unknown_count * n.length END AS length_ms,
               CASE WHEN n.length IS NULL THEN p.unknown_count * :default_length_ms ELSE 0 END AS default_ms
          FROM (SELECT p.*, coalesce(o.identity_id, CAST(p.track_id AS BIGINT)) AS identity_id
                  FROM {played_track} p
                  LEFT JOIN {personal_track} o ON o.user_id = p.user_id AND o.track_id = p.track_id) p
          LEFT JOIN (SELECT i.identity_id, l.length
                       FROM {identity} i
                       JOIN (SELECT recording_mbid, max(length) AS length FROM {recording_length}
                              WHERE length > 0 GROUP BY recording_mbid) l ON l.recording_mbid = i.recording_mbid) n
            ON n.identity_id = p.identity_id
        DISTRIBUTE BY p.key
        """,
    ),
    Input(
        "artist_names",
        "One row per artist MBID of the metadata: its name, folded name and country; of several rows that with the "
        "greatest name.",
        ("artist_country_code",),
        """
        SELECT artist_mbid, best.artist_name, best.artist_key, best.country_code
          FROM (SELECT artist_mbid, max(struct(artist_name, artist_key, country_code)) AS best
                  FROM {artist_country_code} GROUP BY artist_mbid)
        """,
    ),
    Input(
        "identity_artist",
        "One row per identity and artist it counts for; artist_mbid is null where only the credit text is known.",
        ("identity", "artist_names"),
        """
        SELECT i.identity_id, i.artist_mbid, coalesce(a.artist_key, i.artist_key) AS artist_key,
               coalesce(a.artist_name, i.artist_name) AS artist_name
          FROM (SELECT identity_id, artist_key, artist_name, explode_outer(array_distinct(artist_mbids)) AS artist_mbid
                  FROM {identity}) i
          LEFT JOIN {artist_names} a ON a.artist_mbid = i.artist_mbid
        """,
    ),
    Input(
        "identity_release_group",
        "One row per identity: its release group's MBID, of the metadata, else as submitted; name, artist and their "
        "folded keys, of the metadata, else as submitted (null: no release name); credit and cover; in_metadata.",
        ("identity", "release_metadata_cache", "release_group_metadata_cache"),
        """
        SELECT i.identity_id, i.release_group_mbid, coalesce(g.title, i.release_name) AS release_group_name,
               coalesce(g.release_group_key, i.release_key) AS release_group_key,
               coalesce(g.artist_credit_name, i.artist_name) AS artist_name,
               coalesce(g.artist_credit_key, i.artist_key) AS artist_key,
               coalesce(g.artist_credit_mbids, i.artist_mbids) AS artist_mbids, g.artists, g.caa_id,
               g.caa_release_mbid, g.release_group_mbid IS NOT NULL AS in_metadata
          FROM (SELECT i.identity_id, i.release_name, i.release_key, i.artist_name, i.artist_key, i.artist_mbids,
                       coalesce(r.release_group_mbid, i.submitted_release_group_mbid) AS release_group_mbid
                  FROM {identity} i LEFT JOIN {release_metadata_cache} r ON r.release_mbid = i.release_mbid) i
          LEFT JOIN {release_group_metadata_cache} g ON g.release_group_mbid = i.release_group_mbid
        """,
    ),
    Input(
        "artist_listener",
        "One row per (artist of the metadata, slot, user): listens, once each where a credit names the artist twice; "
        "nobody's own settings count.",
        ("user_track", "window_slot", "subjects", "identity_artist", "artist_names"),
        _LISTENERS.replace(
            "{known}",
            """(SELECT i.identity_id, i.artist_mbid AS mbid
                  FROM {identity_artist} i LEFT SEMI JOIN {artist_names} n ON n.artist_mbid = i.artist_mbid)""",
        ),
        sums=("listen_count",),
        of_users=True,
    ),
    Input(
        "release_group_listener",
        "One row per (release group of the metadata, slot, user): listens; nobody's own settings count.",
        ("user_track", "window_slot", "subjects", "identity_release_group"),
        _LISTENERS.replace(
            "{known}",
            "(SELECT identity_id, release_group_mbid AS mbid FROM {identity_release_group} WHERE in_metadata)",
        ),
        sums=("listen_count",),
        of_users=True,
    ),
)
_EVERY = (*_INPUTS, *CLOCK_INPUTS, *YEAR_INPUTS, *RECORDING_INPUTS, *SIMILARITY_INPUTS)
INPUTS = {shared.name: shared for shared in _EVERY}
assert len(INPUTS) == len(_EVERY), "two inputs have one name"
VALUES = {
    "default_length_ms": DEFAULT_LENGTH_MS,
    "daily_windows": range_bits(DAILY) | range_bits(DAILY) << PREVIOUS_SLOT,
    "monthly_windows": range_bits(MONTHLY) | range_bits(MONTHLY) << PREVIOUS_SLOT,
    **{f"{unit}_ranges": range_bits(ranges) for unit, ranges in TIME_UNITS.items()},
}
"""What statements name as :name: the default, and masks of the ranges that are shown in steps of one kind."""
