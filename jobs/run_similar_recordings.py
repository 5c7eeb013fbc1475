"""Recordings heard in the same sessions, on Spark: jobs/similarity/recording.py says what is counted."""

from pyspark.sql import functions as F  # noqa: N812

from jobs.run_engine import EngineRun, Made
from jobs.run_similarity import Listening, Rules

_UNITS = "SELECT identity_id, seconds, item_id, item_id AS unit_id FROM {identity_item}"
_HEARD = "SELECT user_id, session, CAST(-1 AS INT) AS group_id, unit_id AS item_id, plays AS weight FROM {kept}"
_PAIRED = """
SELECT n.item_id, n.recording, n.msid, i.identity_id, i.track_name, i.artist_name, i.artist_key, i.artist_mbids
  FROM {identity_item} n
  LEFT SEMI JOIN (SELECT first AS item_id FROM {pair} UNION SELECT second FROM {pair}) p ON p.item_id = n.item_id
  JOIN {landed_identity} i ON i.identity_id = n.identity_id
"""
_CREDITED = """
WITH text_artist AS (
    SELECT artist_key, collect_set(artist_mbid) AS artist_mbids
      FROM (SELECT artist_key, explode(artist_mbids) AS artist_mbid FROM {landed_identity}
              LEFT SEMI JOIN (SELECT artist_key FROM {paired} WHERE size(artist_mbids) = 0) p USING (artist_key)
             WHERE shiftright(identity_id, 32) = 0)
     GROUP BY artist_key
), said AS (
    SELECT p.item_id, any_value(p.recording) AS recording, array_distinct(flatten(collect_list(
               CASE WHEN size(p.artist_mbids) > 0 THEN p.artist_mbids
                    ELSE coalesce(t.artist_mbids, array(p.artist_key)) END))) AS artists
      FROM {paired} p LEFT JOIN text_artist t ON t.artist_key = p.artist_key
     GROUP BY p.item_id
)
SELECT s.item_id, CASE WHEN size(r.artist_mbids) > 0 THEN r.artist_mbids ELSE s.artists END AS artists
  FROM said s LEFT JOIN {recording_artist} r ON r.recording_mbid = s.recording
"""
"""What a text names is what listens say to everybody: identities of one user have her id in their upper half."""
_APART = """
SELECT p.first, p.second, p.score FROM {pair} p
  JOIN {credited} a ON a.item_id = p.first JOIN {credited} b ON b.item_id = p.second
 WHERE NOT arrays_overlap(a.artists, b.artists)
"""
_NAMED = """
SELECT item_id, recording, msid, best.track_name AS recording_name, best.artist_name AS artist_credit_name
  FROM (SELECT item_id, recording, bool_and(msid) AS msid, max(struct(listen_count, track_name, artist_name)) AS best
          FROM (SELECT p.item_id, p.recording, p.msid, p.track_name, p.artist_name,
                       sum(coalesce(l.listen_count, 0)) AS listen_count
                  FROM {paired} p LEFT JOIN {played} l ON l.identity_id = p.identity_id GROUP BY ALL)
         GROUP BY item_id, recording)
"""
_DOCUMENTS = """
SELECT 'similar_recordings' AS statistic, i.recording AS entity,
       to_json(named_struct('algorithm', :algorithm, 'msid', i.msid, 'items', l.items)) AS doc
  FROM (SELECT r.item_id, transform(array_sort(collect_list(struct(r.place, struct(o.recording AS id, o.msid,
                   o.recording_name, o.artist_credit_name, r.score) AS item))), one -> one.item) AS items
          FROM {ranked} r JOIN {named} o ON o.item_id = r.other_id
         GROUP BY r.item_id) l
  JOIN {named} i ON i.item_id = l.item_id
"""
_READS = ("identity_item", "identity_item", "landed_identity", "landed_identity")


def similar_recordings(run: EngineRun) -> Made:
    """A document per recording that has any like it. Raises NothingToWorkOnError for an empty window."""
    rules = Rules.of(run.params)
    listening = Listening(run, rules, _READS)
    frames = listening.frames
    run.progress("finding sessions")
    kept = listening.kept(frames.sql(_UNITS, ("identity_item",)))
    [[last]] = frames.named("identity_item").agg(F.max("item_id")).collect()
    if last is None:
        return Made(said="there are no listens, so no recordings are alike")
    run.progress("pairing recordings")
    pairs = listening.pairs(frames.sql(_HEARD, (), kept=kept), last + 1)
    paired = frames.keep(frames.sql(_PAIRED, ("identity_item", "landed_identity"), pair=pairs))
    credited = frames.keep(frames.sql(_CREDITED, ("landed_identity", "recording_artist"), paired=paired))
    ranked = listening.ranked(frames.sql(_APART, (), pair=pairs, credited=credited))
    played = listening.played(paired)
    named = frames.keep(frames.sql(_NAMED, (), paired=paired, played=played))
    return Made(frames.sql(_DOCUMENTS, (), ranked=ranked, named=named))
