"""Artists heard in the same sessions, on Spark: jobs/similarity/artist.py says what is counted."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from jobs.engines.join_phrases import featuring
from jobs.frames import Frames
from jobs.run_engine import EngineRun, Made
from jobs.run_similarity import WHOLE, Listening, Rules
from jobs.similarity.artist import STATISTIC

_CREDITED = """
WITH credit AS (
    SELECT c.artist_credit_id, transform(array_sort(collect_list(struct(c.position, c.join_phrase, c.artist_mbid))),
               one -> struct(one.join_phrase, one.artist_mbid)) AS artists
      FROM {artist_credit_mbid} c
      LEFT SEMI JOIN {landed_identity} i ON i.artist_credit_id = c.artist_credit_id
     GROUP BY c.artist_credit_id
)
SELECT i.identity_id, CASE WHEN size(i.artist_mbids) > 0 THEN i.artist_mbids
                           ELSE coalesce(r.artist_mbids, CAST(array() AS ARRAY<STRING>)) END AS artist_mbids,
       coalesce(c.artists, transform(r.artists, one -> struct(one.join_phrase, one.artist_mbid))) AS credit
  FROM {landed_identity} i
  JOIN {identity_item} n ON n.identity_id = i.identity_id
  LEFT JOIN credit c ON c.artist_credit_id = i.artist_credit_id
  LEFT JOIN {recording_artist} r ON r.recording_mbid = n.recording
"""
_PHRASES = """
SELECT DISTINCT one.join_phrase FROM (SELECT explode(credit) AS one FROM {credited})
"""
_WEIGHED = """
SELECT identity_id, CAST(dense_rank() OVER (ORDER BY artists) - 1 AS INT) AS credit_id, artists
  FROM (SELECT identity_id, transform(array_distinct(artist_mbids), artist_mbid -> struct(artist_mbid,
                   CASE WHEN array_contains(featured, artist_mbid) THEN 1 ELSE :whole END AS weight)) AS artists
          FROM (SELECT identity_id, artist_mbids, CASE WHEN main > 0 THEN
                           array_except(credit.artist_mbid, slice(credit.artist_mbid, 1, main)) END AS featured
                  FROM (SELECT c.*, array_position(transform(credit,
                                       one -> array_contains(f.join_phrases, one.join_phrase)), true) AS main
                          FROM {credited} c CROSS JOIN {featuring} f))
         WHERE size(artist_mbids) > 0)
"""
_UNITS = """
SELECT n.identity_id, n.seconds, n.item_id, coalesce(w.credit_id, -1) AS unit_id
  FROM {identity_item} n LEFT JOIN {weighed} w ON w.identity_id = n.identity_id
"""
_ARTISTS = """
SELECT credit_id, CASE WHEN several THEN CAST(dense_rank() OVER (ORDER BY artist_mbids) AS INT) ELSE -1 END AS group_id,
       CAST(dense_rank() OVER (ORDER BY artist_mbid) - 1 AS INT) AS artist_id, artist_mbid, weight
  FROM (SELECT credit_id, size(artists) > 1 AS several, artists.artist_mbid AS artist_mbids, inline(artists)
          FROM (SELECT DISTINCT credit_id, artists FROM {weighed}))
"""
_HEARD = """
SELECT k.user_id, k.session, a.group_id, a.artist_id AS item_id, k.plays * a.weight AS weight
  FROM {kept} k JOIN {artist} a ON a.credit_id = k.unit_id
"""
_PAIRED = """
SELECT a.artist_id AS item_id, a.artist_mbid, w.identity_id, size(w.artists) AS artists
  FROM (SELECT DISTINCT credit_id, artist_id, artist_mbid FROM {artist}) a
  LEFT SEMI JOIN (SELECT item_id FROM {ranked}) p ON p.item_id = a.artist_id
  JOIN {weighed} w ON w.credit_id = a.credit_id
"""
_NAMED = """
WITH told AS (
    SELECT p.item_id, p.artist_mbid, p.identity_id, true AS credited, false AS sole, credited.artist_credit_name AS name
      FROM {paired} p JOIN {identity_item} n ON n.identity_id = p.identity_id
      JOIN (SELECT recording_mbid, explode(artists) AS credited FROM {recording_artist}) r
        ON r.recording_mbid = n.recording AND r.credited.artist_mbid = p.artist_mbid
     UNION ALL
    SELECT p.item_id, p.artist_mbid, p.identity_id, false, p.artists = 1, i.artist_name
      FROM {paired} p JOIN {landed_identity} i ON i.identity_id = p.identity_id
), best AS (
    SELECT item_id, artist_mbid, max(struct(credited, sole, listen_count, name)).name AS name
      FROM (SELECT t.item_id, t.artist_mbid, t.credited, t.sole, t.name,
                   sum(coalesce(l.listen_count, 0)) AS listen_count
              FROM told t LEFT JOIN {played} l ON l.identity_id = t.identity_id GROUP BY ALL)
     GROUP BY item_id, artist_mbid
)
SELECT b.item_id, b.artist_mbid, coalesce(a.artist_name, b.name) AS artist_name
  FROM best b LEFT JOIN {artist_names} a ON a.artist_mbid = b.artist_mbid
"""
_DOCUMENTS = """
SELECT :statistic AS statistic, i.artist_mbid AS entity,
       to_json(named_struct('algorithm', :algorithm, 'items', l.items)) AS doc
  FROM (SELECT r.item_id, transform(array_sort(collect_list(struct(r.place, struct(o.artist_mbid, o.artist_name,
                   r.score) AS item))), one -> one.item) AS items
          FROM {ranked} r JOIN {named} o ON o.item_id = r.other_id
         GROUP BY r.item_id) l
  JOIN {named} i ON i.item_id = l.item_id
"""
_READS = ("identity_item", "identity_item", "identity_item", "landed_identity", "landed_identity")


def similar_artists(run: EngineRun) -> Made:
    """A document per artist that has any like it. Raises NothingToWorkOnError for an empty window."""
    rules = Rules.of(run.params)
    listening = Listening(run, rules, _READS, STATISTIC)
    frames = listening.frames
    run.progress("finding sessions")
    weighed = _weighed(run, frames)
    artists = frames.keep(frames.sql(_ARTISTS, (), weighed=weighed))
    [[last]] = artists.agg(F.max("artist_id")).collect()
    if last is None:
        return Made(said="no listen names an artist by MBID, so no artists are alike")
    kept = listening.kept(frames.sql(_UNITS, ("identity_item",), weighed=weighed))
    run.progress("pairing artists")
    credits_ = artists.select("credit_id", "group_id", "artist_id", "weight")
    heard = frames.sql(_HEARD, (), kept=kept, artist=F.broadcast(credits_))
    ranked = frames.keep(listening.ranked(listening.pairs(heard, last + 1, unit=WHOLE * WHOLE)))
    paired = frames.keep(frames.sql(_PAIRED, (), artist=artists, ranked=ranked, weighed=weighed))
    reads = ("landed_identity", "identity_item", "recording_artist", "artist_names")
    named = frames.keep(frames.sql(_NAMED, reads, paired=paired, played=listening.played(paired)))
    return Made(frames.sql(_DOCUMENTS, (), ranked=ranked, named=named))


def _weighed(run: EngineRun, frames: Frames) -> DataFrame:
    """identity_id, credit_id, artists (artist_mbid, weight), of identities with any artist MBID."""
    reads = ("landed_identity", "identity_item", "recording_artist", "artist_credit_mbid")
    credited = frames.keep(frames.sql(_CREDITED, reads))
    known = run.landing.versions.keys() & {"recording_artist", "artist_credit_mbid"}
    phrases = [phrase for [phrase] in frames.sql(_PHRASES, (), credited=credited).collect()] if known else []
    featured = credited.sparkSession.createDataFrame([(featuring(phrases),)], "join_phrases array<string>")
    return frames.keep(frames.sql(_WEIGHED, (), credited=credited, featuring=featured))
