"""The kinds of stored results: how the rows of each are staged, and what leaves and enters its table."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from spark_reader import binary_rows


def copy_line(row: Iterable[Any]) -> bytes:
    """A row as COPY's text format takes it. Raises TypeError for a value that no column has."""
    return "\t".join(map(_field, row)).encode() + b"\n"


def _field(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    if isinstance(value, int):
        return str(value)
    return f"{{{','.join(map(str, value))}}}"


@dataclass(frozen=True)
class Kind:
    """One table of results. Statements take (statistic, stats_range) first; `staged` is this transaction's."""

    name: str
    stage: str
    copy: str
    leave: str
    """Delete the rows whose keys are not staged."""
    leave_touched: str
    """Where keys are users: delete the rows of these users (a third value) whose keys are not staged."""
    leave_named: str
    """Where keys are entities: delete the rows of those that are staged without a document."""
    upsert: str
    forget_strangers: str = ""
    """Take users who are not there out of what is staged."""
    keep: str = ""
    """Of a user's span (%(span_id)s, %(user_id)s): insert what is staged."""
    begin: bytes = b""
    """What COPY takes before the rows."""
    end: bytes = b""
    """And after them."""


_NO_STRANGERS = "DELETE FROM staged s WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = abs(s.key)) AND s.key <> 0"
LIST = Kind(
    "list",
    "CREATE TEMP TABLE staged (key bigint PRIMARY KEY, ids bigint[] NOT NULL, counts integer[] NOT NULL,"
    " previous_ranks integer[] NOT NULL, previous_counts integer[] NOT NULL, gone_ids bigint[] NOT NULL,"
    " gone_counts integer[] NOT NULL, seconds bigint[] NOT NULL, by_time integer[] NOT NULL,"
    " time_by_source bigint[] NOT NULL, applied text,"
    " CHECK (cardinality(ids) = cardinality(counts) AND cardinality(ids) > 0"
    " AND cardinality(gone_ids) = cardinality(gone_counts)"
    " AND cardinality(ids) = cardinality(previous_ranks) AND cardinality(ids) = cardinality(previous_counts)"
    " AND cardinality(ids) = cardinality(seconds) AND cardinality(ids) = cardinality(by_time))) ON COMMIT DROP;"
    # As the tables they are copied into; else each long array is tried for compression, the most of what COPY does.
    "ALTER TABLE staged ALTER ids SET STORAGE EXTERNAL, ALTER counts SET STORAGE EXTERNAL,"
    " ALTER previous_ranks SET STORAGE EXTERNAL, ALTER previous_counts SET STORAGE EXTERNAL,"
    " ALTER gone_ids SET STORAGE EXTERNAL, ALTER gone_counts SET STORAGE EXTERNAL,"
    " ALTER seconds SET STORAGE EXTERNAL, ALTER by_time SET STORAGE EXTERNAL",
    "COPY staged FROM STDIN (FORMAT binary)",
    "DELETE FROM result_list l WHERE l.statistic = %s AND l.stats_range = %s"
    " AND NOT EXISTS (SELECT FROM staged s WHERE s.key = l.key)",
    "DELETE FROM result_list l WHERE l.statistic = %s AND l.stats_range = %s"
    " AND l.key IN (SELECT u * sign FROM unnest(%s::bigint[]) AS u, unnest(ARRAY[1, -1]) AS sign)"
    " AND NOT EXISTS (SELECT FROM staged s WHERE s.key = l.key)",
    "",
    "INSERT INTO result_list AS l (statistic, stats_range, key, ids, counts, previous_ranks, previous_counts,"
    " gone_ids, gone_counts, seconds, by_time, time_by_source, applied)"
    " SELECT %s, %s, s.* FROM staged s ORDER BY key"
    " ON CONFLICT (statistic, stats_range, key) DO UPDATE SET ids = EXCLUDED.ids, counts = EXCLUDED.counts,"
    " previous_ranks = EXCLUDED.previous_ranks, previous_counts = EXCLUDED.previous_counts,"
    " gone_ids = EXCLUDED.gone_ids, gone_counts = EXCLUDED.gone_counts, seconds = EXCLUDED.seconds,"
    " by_time = EXCLUDED.by_time, time_by_source = EXCLUDED.time_by_source, applied = EXCLUDED.applied"
    " WHERE (l.ids, l.counts, l.previous_ranks, l.previous_counts, l.gone_ids, l.gone_counts, l.seconds, l.by_time,"
    " l.time_by_source, l.applied) IS DISTINCT FROM (EXCLUDED.ids, EXCLUDED.counts, EXCLUDED.previous_ranks,"
    " EXCLUDED.previous_counts, EXCLUDED.gone_ids, EXCLUDED.gone_counts, EXCLUDED.seconds, EXCLUDED.by_time,"
    " EXCLUDED.time_by_source, EXCLUDED.applied)",
    forget_strangers=_NO_STRANGERS,
    keep="INSERT INTO span_list SELECT %(span_id)s, s.* FROM staged s WHERE abs(s.key) = %(user_id)s",
    begin=binary_rows.BEGIN,
    end=binary_rows.END,
)
DOCUMENT = Kind(
    "document",
    "CREATE TEMP TABLE staged (key bigint PRIMARY KEY, doc text NOT NULL, applied text) ON COMMIT DROP;"
    "ALTER TABLE staged ALTER doc SET STORAGE EXTERNAL",
    "COPY staged FROM STDIN",
    "DELETE FROM result_document d WHERE d.statistic = %s AND d.stats_range = %s"
    " AND NOT EXISTS (SELECT FROM staged s WHERE s.key = d.key)",
    "DELETE FROM result_document d WHERE d.statistic = %s AND d.stats_range = %s"
    " AND d.key IN (SELECT u * sign FROM unnest(%s::bigint[]) AS u, unnest(ARRAY[1, -1]) AS sign)"
    " AND NOT EXISTS (SELECT FROM staged s WHERE s.key = d.key)",
    "",
    "INSERT INTO result_document AS d (statistic, stats_range, key, doc, applied)"
    " SELECT %s, %s, s.* FROM staged s ORDER BY key"
    " ON CONFLICT (statistic, stats_range, key) DO UPDATE SET doc = EXCLUDED.doc, applied = EXCLUDED.applied"
    " WHERE (d.doc, d.applied) IS DISTINCT FROM (EXCLUDED.doc, EXCLUDED.applied)",
    forget_strangers=_NO_STRANGERS,
    keep="INSERT INTO span_document SELECT %(span_id)s, s.* FROM staged s WHERE abs(s.key) = %(user_id)s",
)
# Who is not in a run keeps her playlists. A doc says of which slug it is: statistic and range are not looked at. One
# without tracks becomes a private playlist without a creator, which nobody finds (jobs/listens/playlists.py): no other
# playlist leaves for it, and it leaves for the next one.
_OLDER_PLAYLISTS = """
WITH run (statistic, stats_range) AS (VALUES (%s, %s)),
     given AS (SELECT key, doc::json ->> 'slug' AS slug, (doc::json ->> 'day')::date AS day,
                      json_array_length(doc::json -> 'tracks') > 0 AS shown FROM staged)
DELETE FROM playlist p USING given g
 WHERE p.creator_id IS NULL AND p.created_for_id = g.key AND p.source_patch = g.slug
   AND (NOT p.public OR g.shown AND p.made_for_day IS DISTINCT FROM (
       SELECT max(o.made_for_day) FROM playlist o
        WHERE o.creator_id IS NULL AND o.created_for_id = g.key AND o.source_patch = g.slug AND o.public
          AND o.made_for_day <> g.day))
"""
_NEW_PLAYLISTS = """
WITH run (statistic, stats_range) AS (VALUES (%s, %s)),
     given AS (SELECT key, doc::json AS doc FROM staged), made AS (
    INSERT INTO playlist (title, annotation, public, created_for_id, source_patch, additional_metadata, made_for_day,
                          expires)
    SELECT doc ->> 'title', doc ->> 'annotation', json_array_length(doc -> 'tracks') > 0, key, doc ->> 'slug',
           json_build_object('algorithm_metadata', json_build_object('source_patch', doc ->> 'slug'))::text,
           (doc ->> 'day')::date, now() + interval '14 days'
      FROM given ORDER BY key
        ON CONFLICT (created_for_id, source_patch, made_for_day) WHERE creator_id IS NULL AND made_for_day IS NOT NULL
        DO NOTHING
    RETURNING id, created_for_id
)
INSERT INTO playlist_recording (playlist_id, position, recording_mbid, known)
SELECT m.id, place - 1, (track ->> 'recording_mbid')::uuid, track::text
  FROM made m JOIN given g ON g.key = m.created_for_id,
       json_array_elements(g.doc -> 'tracks') WITH ORDINALITY AS given_track (track, place)
"""
PLAYLIST = replace(DOCUMENT, leave=_OLDER_PLAYLISTS, leave_touched="", upsert=_NEW_PLAYLISTS, keep="")
"""Documents that become playlists."""
ENTITY_DOCUMENT = Kind(
    "entity_document",
    "CREATE TEMP TABLE staged (entity uuid PRIMARY KEY, doc text) ON COMMIT DROP;"
    "ALTER TABLE staged ALTER doc SET STORAGE EXTERNAL",
    "COPY staged FROM STDIN",
    "DELETE FROM result_entity_document d WHERE d.statistic = %s AND d.stats_range = %s"
    " AND NOT EXISTS (SELECT FROM staged s WHERE s.entity = d.entity AND s.doc IS NOT NULL)",
    "",
    "DELETE FROM result_entity_document d USING staged s WHERE d.statistic = %s AND d.stats_range = %s"
    " AND d.entity = s.entity AND s.doc IS NULL",
    "INSERT INTO result_entity_document AS d (statistic, stats_range, entity, doc)"
    " SELECT %s, %s, s.* FROM staged s WHERE s.doc IS NOT NULL ORDER BY entity"
    " ON CONFLICT (statistic, stats_range, entity) DO UPDATE SET doc = EXCLUDED.doc WHERE d.doc <> EXCLUDED.doc",
)
KINDS = {kind.name: kind for kind in (LIST, DOCUMENT, ENTITY_DOCUMENT)}
