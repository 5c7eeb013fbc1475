"""Recordings heard in the same sessions, on Spark: jobs/similarity/recording.py says what is counted."""

from pyspark.sql import functions as F  # noqa: N812

from jobs.recording_credits import CREDITED_SQL, NAMED_SQL
from jobs.run_engine import EngineRun, Made
from jobs.run_similarity import Listening, Rules
from jobs.similarity.recording import STATISTIC

_UNITS = "SELECT identity_id, seconds, item_id, item_id AS unit_id FROM {identity_item}"
_HEARD = "SELECT user_id, session, CAST(-1 AS INT) AS group_id, unit_id AS item_id, plays AS weight FROM {kept}"
_PAIRED = """
SELECT n.item_id, n.recording, n.msid, i.identity_id, i.track_name, i.artist_name, i.artist_key, i.artist_mbids
  FROM {identity_item} n
  LEFT SEMI JOIN (SELECT first AS item_id FROM {pair} UNION SELECT second FROM {pair}) p ON p.item_id = n.item_id
  JOIN {landed_identity} i ON i.identity_id = n.identity_id
"""
_CREDITED = CREDITED_SQL.replace("{identity}", "{landed_identity}")
_APART = """
SELECT p.first, p.second, p.score FROM {pair} p
  JOIN {credited} a ON a.item_id = p.first JOIN {credited} b ON b.item_id = p.second
 WHERE NOT arrays_overlap(a.artists, b.artists)
"""
_SPELLED = """
SELECT p.item_id, p.recording, p.msid, p.track_name, p.artist_name, coalesce(l.listen_count, 0) AS listen_count
  FROM {paired} p LEFT JOIN {played} l ON l.identity_id = p.identity_id
"""
_DOCUMENTS = """
SELECT :statistic AS statistic, i.recording AS entity,
       to_json(named_struct('algorithm', :algorithm, 'msid', i.msid, 'items', l.items)) AS doc
  FROM (SELECT r.item_id, transform(array_sort(collect_list(struct(r.place, struct(o.recording AS id, o.msid,
                   o.recording_name, o.artist_credit_name, r.score) AS item))), one -> one.item) AS items
          FROM {ranked} r JOIN {named} o ON o.item_id = r.other_id
         GROUP BY r.item_id) l
  JOIN {named} i ON i.item_id = l.item_id
 UNION ALL
SELECT :statistic, m.recording_mbid,
       to_json(named_struct('algorithm', :algorithm, 'merged_into', m.merged_into))
  FROM {merged_recording} m JOIN {named} i ON i.recording = m.merged_into
  LEFT SEMI JOIN {ranked} r ON r.item_id = i.item_id
"""
"""Of a merged recording only where it is now: what it is asked for by has no neighbours of its own."""
_READS = ("identity_item", "identity_item", "landed_identity", "landed_identity", "merged_recording")


def similar_recordings(run: EngineRun) -> Made:
    """A document per recording that has any like it. Raises NothingToWorkOnError for an empty window."""
    rules = Rules.of(run.params)
    listening = Listening(run, rules, _READS, STATISTIC)
    frames = listening.frames
    run.progress("finding sessions")
    kept = listening.kept(frames.sql(_UNITS, ("identity_item",)))
    [[last]] = frames.named("identity_item").agg(F.max("item_id")).collect()
    if last is None:
        return Made(said="there are no listens, so no recordings are alike")
    run.progress("pairing recordings")
    pairs = listening.pairs(frames.sql(_HEARD, (), kept=kept), last + 1)
    paired = frames.keep(frames.sql(_PAIRED, ("identity_item", "landed_identity"), pair=pairs))
    credited = frames.keep(frames.sql(_CREDITED, ("landed_identity", "recording_artist"), spelled=paired))
    ranked = frames.keep(listening.ranked(frames.sql(_APART, (), pair=pairs, credited=credited)))
    spelled = frames.sql(_SPELLED, (), paired=paired, played=listening.played(paired))
    named = frames.keep(frames.sql(NAMED_SQL, (), spelled=spelled))
    return Made(frames.sql(_DOCUMENTS, ("merged_recording",), ranked=ranked, named=named))
