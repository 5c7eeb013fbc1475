"""Whose a recording is and what it is called, said by all who played it: one listen alone decides neither.

And whose a single listen is, which some players say by the MBID of the recording alone.
"""

ARTISTS_SQL = """
SELECT i.identity_id, CASE WHEN size(i.artist_mbids) > 0 THEN i.artist_mbids ELSE r.artist_mbids END AS artist_mbids
  FROM {identity} i
  JOIN {played_recording} p ON p.identity_id = i.identity_id
  LEFT JOIN {recording_artist} r ON r.recording_mbid = p.recording
 WHERE size(i.artist_mbids) > 0 OR size(r.artist_mbids) > 0
"""
"""A row per identity whose artists are known by MBID: those of the identity rule, else MusicBrainz's of the recording.

{identity}: identity_id, artist_mbids. {played_recording}: identity_id, recording, of a merged one the other.
"""

CREDITED_SQL = """
WITH text_artist AS (
    SELECT artist_key, collect_set(artist_mbid) AS artist_mbids
      FROM (SELECT artist_key, explode(artist_mbids) AS artist_mbid FROM {identity}
              LEFT SEMI JOIN (SELECT artist_key FROM {spelled} WHERE size(artist_mbids) = 0) p USING (artist_key)
             WHERE shiftright(identity_id, 32) = 0)
     GROUP BY artist_key
), said AS (
    SELECT p.item_id, any_value(p.recording) AS recording, array_distinct(flatten(collect_list(
               CASE WHEN size(p.artist_mbids) > 0 THEN p.artist_mbids
                    ELSE coalesce(t.artist_mbids, array(p.artist_key)) END))) AS artists
      FROM {spelled} p LEFT JOIN text_artist t ON t.artist_key = p.artist_key
     GROUP BY p.item_id
)
SELECT s.item_id, CASE WHEN size(r.artist_mbids) > 0 THEN array_distinct(r.artist_mbids) ELSE s.artists END AS artists
  FROM said s LEFT JOIN {recording_artist} r ON r.recording_mbid = s.recording
"""
"""item_id, artists: of MusicBrainz, else all that spellings name: MBIDs, or a folded credit that is no MBID anywhere.

{spelled}: item_id, recording, artist_key, artist_mbids, a row per spelling. {identity}: identity_id, artist_key,
artist_mbids of everything: what a text names is what listens say to everybody (jobs/identity.py).
"""
NAMED_SQL = """
SELECT item_id, recording, msid, best.track_name AS recording_name, best.artist_name AS artist_credit_name
  FROM (SELECT item_id, recording, bool_and(msid) AS msid, max(struct(listen_count, track_name, artist_name)) AS best
          FROM (SELECT item_id, recording, msid, track_name, artist_name, sum(listen_count) AS listen_count
                  FROM {spelled} GROUP BY ALL)
         GROUP BY item_id, recording)
"""
"""item_id, recording, msid, recording_name, artist_credit_name: the names that were played most, ties the greater.

{spelled}: item_id, recording, msid, track_name, artist_name, listen_count, a row per spelling.
"""
