"""Listens and distinct listeners of everything, on Spark: jobs/popularity/popularity.py says what is counted."""

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from jobs.frames import Frames
from jobs.popularity.popularity import ENTITIES, MOST_OF_ARTIST, OF_ARTIST
from jobs.run_engine import EngineRun, Made

_HEARD = """
SELECT l.user_id, coalesce(o.identity_id, CAST(l.track_id AS BIGINT)) AS identity_id, count(*) AS listen_count
  FROM {listens} l
  LEFT SEMI JOIN {users} u ON u.user_id = l.user_id
  LEFT JOIN {landed_personal_track} o ON o.user_id = l.user_id AND o.track_id = l.track_id
 WHERE l.listened_at <= timestamp_seconds(:until)
 GROUP BY ALL
"""
_ITEMS = {
    "recording": "SELECT identity_id, recording AS entity, msid FROM {identity_recording}",
    "release": """
SELECT identity_id, release_mbid AS entity, false AS msid FROM {landed_identity} WHERE release_mbid IS NOT NULL
""",
    "release_group": """
SELECT i.identity_id, coalesce(r.release_group_mbid, i.submitted_release_group_mbid) AS entity, false AS msid
  FROM {landed_identity} i LEFT JOIN {release_metadata_cache} r ON r.release_mbid = i.release_mbid
 WHERE coalesce(r.release_group_mbid, i.submitted_release_group_mbid) IS NOT NULL
""",
    "artist": """
SELECT identity_id, explode(array_distinct(artist_mbids)) AS entity, false AS msid FROM {landed_artist_mbids}
""",
}
"""identity_id, entity, msid (the entity is one): what the listens of an identity count for, each pair once."""
_READS = {
    "recording": ("identity_recording",),
    "release": ("landed_identity",),
    "release_group": ("landed_identity", "release_metadata_cache"),
    "artist": ("landed_artist_mbids",),
}
_COUNTED = """
SELECT i.entity, to_json(array(sum(h.listen_count), count(DISTINCT h.user_id))) AS doc
  FROM {heard} h JOIN {item} i ON i.identity_id = h.identity_id GROUP BY i.entity
"""
_MERGED_TOO = """
SELECT entity, doc FROM {counted}
 UNION ALL
SELECT m.recording_mbid, c.doc FROM {counted} c JOIN {merged_recording} m ON m.merged_into = c.entity
"""
"""Clients go on asking for the MBIDs that they know."""
_RANKED = """
SELECT artist, entity, listen_count, user_count, place
  FROM (SELECT *, row_number() OVER (PARTITION BY artist ORDER BY listen_count DESC, entity DESC) AS place
          FROM (SELECT a.entity AS artist, i.entity, sum(h.listen_count) AS listen_count,
                       count(DISTINCT h.user_id) AS user_count
                  FROM {heard} h
                  JOIN {item} i ON i.identity_id = h.identity_id
                  JOIN {artist} a ON a.identity_id = h.identity_id
                 GROUP BY a.entity, i.entity))
 WHERE place <= {most}
""".replace("{most}", str(MOST_OF_ARTIST))
_SUBMITTED = """
SELECT entity, msid, best.name, best.artist_name
  FROM (SELECT entity, bool_and(msid) AS msid, max(struct(listen_count, name, artist_name)) AS best
          FROM (SELECT i.entity, i.msid, {name} AS name, t.artist_name, sum(h.listen_count) AS listen_count
                  FROM {heard} h
                  JOIN {item} i ON i.identity_id = h.identity_id
                  LEFT SEMI JOIN {ranked} r ON r.entity = i.entity
                  JOIN {landed_identity} t ON t.identity_id = h.identity_id
                 GROUP BY ALL)
         GROUP BY entity)
"""
_NAMES = {
    "recording": _SUBMITTED.replace("{name}", "t.track_name"),
    "release": _SUBMITTED.replace("{name}", "t.release_name"),
    "release_group": _SUBMITTED.replace("{name}", "t.release_name"),
}
_TITLED = """
SELECT s.entity, s.msid, coalesce(g.title, s.name) AS name, coalesce(g.artist_credit_name, s.artist_name) AS artist_name
  FROM {submitted} s LEFT JOIN {release_group_metadata_cache} g ON g.release_group_mbid = s.entity
"""
_DOCUMENTS = """
SELECT r.artist AS entity, to_json(transform(array_sort(collect_list(struct(r.place, struct(r.entity AS id, n.msid,
               n.name, n.artist_name, r.listen_count, r.user_count) AS item))), one -> one.item),
           map('ignoreNullFields', 'false')) AS doc
  FROM {ranked} r JOIN {named} n ON n.entity = r.entity
 GROUP BY r.artist
"""
_SHARED = ("landed_identity", "identity_recording", "landed_personal_track")


def popularity(run: EngineRun) -> Made:
    """A document per thing that anybody heard, of the kinds asked for."""
    asked = _asked(run, ENTITIES)
    frames, heard = _heard(run, asked)
    return Made(_united((f"popularity_{one}", _counted(frames, heard, one)) for one in asked))


def popularity_top(run: EngineRun) -> Made:
    """A document per artist who was heard, of the kinds asked for."""
    asked = _asked(run, OF_ARTIST)
    frames, heard = _heard(run, (*asked, "artist"))
    artist = frames.keep(_item(frames, "artist"))
    return Made(_united((f"popularity_top_{one}", _top(frames, heard, artist, one)) for one in asked))


def _counted(frames: Frames, heard: DataFrame, entity: str) -> DataFrame:
    counted = frames.sql(_COUNTED, (), heard=heard, item=_item(frames, entity))
    if entity != "recording":
        return counted
    return frames.sql(_MERGED_TOO, ("merged_recording",), counted=frames.keep(counted))


def _top(frames: Frames, heard: DataFrame, artist: DataFrame, entity: str) -> DataFrame:
    item = frames.keep(_item(frames, entity))
    ranked = frames.keep(frames.sql(_RANKED, (), heard=heard, item=item, artist=artist))
    named = frames.sql(_NAMES[entity], ("landed_identity",), heard=heard, item=item, ranked=ranked)
    if entity == "release_group":
        named = frames.sql(_TITLED, ("release_group_metadata_cache",), submitted=named)
    return frames.sql(_DOCUMENTS, (), ranked=ranked, named=named)


def _asked(run: EngineRun, known: tuple[str, ...]) -> tuple[str, ...]:
    entity = run.params.get("entity")
    return known if entity is None else (str(entity),)


def _heard(run: EngineRun, entities: Iterable[str]) -> tuple[Frames, DataFrame]:
    """Frames, and of them user_id, identity_id, listen_count: everything up to T."""
    run.progress("counting listens and listeners")
    reads = [*_SHARED, *_SHARED, *(name for one in entities for name in _READS[one])]
    frames = run.opened(reads, {"until": run.newest})
    return frames, frames.keep(frames.sql(_HEARD, ("listens", "users", "landed_personal_track")))


def _item(frames: Frames, entity: str) -> DataFrame:
    return frames.sql(_ITEMS[entity], _READS[entity])


def _united(rows: Iterable[tuple[str, DataFrame]]) -> DataFrame:
    """entity and doc of each statistic, as rows of one frame."""
    named = (frame.select(F.lit(statistic).alias("statistic"), "entity", "doc") for statistic, frame in rows)
    return reduce(DataFrame.unionByName, named)
