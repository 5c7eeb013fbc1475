"""Stored results, read: a page of a list or a document, with the facts of its run, from one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.spans import Span


@dataclass(frozen=True)
class Run:
    """The facts of the run that is being served. Times in epoch seconds UTC."""

    run_id: UUID
    data_version: int
    from_ts: int
    to_ts: int
    counted_to_ts: int
    """T: nothing later counts."""
    newest_listen_ts: int
    """Of the data version, whatever T is. T, where its landing knew of none: then T has reached what was to come."""
    last_updated: int


@dataclass(frozen=True)
class Item:
    """One item of a list. Comparisons and times are there only where the page was asked for with them."""

    struct: dict[str, Any]
    listen_count: int
    rank: int
    """From 1, in the list's own order."""
    previous_rank: int = 0
    """0: it was not there a period before."""
    previous_listen_count: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class Page:
    """A slice of one stored list, with the facts of its run: both from one statement, so from one run."""

    run: Run
    total: int
    """Length of the whole list."""
    items: list[Item]
    applied: dict[str, Any] | None
    """The user's settings that it was made with; None: she has none, or these were not to be applied."""
    time_by_source: list[int]
    """Milliseconds of the whole list, by where they are known from (jobs/engines/rank_lists.py SOURCES)."""
    gone: list[tuple[dict[str, Any], int]]
    """(struct, listens there) of what the period before had and this one has not; only where compared."""
    total_gone: int = 0
    """How many there are of these; only where compared."""


@dataclass(frozen=True)
class Document:
    """A stored document, with the facts of its run."""

    run: Run
    doc: Any
    """Parsed JSON."""
    applied: dict[str, Any] | None


# Of a list, where it is (as l, its run as r) comes between what is shown and how it is cut.
_FACTS = """
SELECT r.run_id, r.data_version, r.from_ts, r.to_ts, r.newest_listen_ts,
       coalesce(r.newest_landed_ts, r.newest_listen_ts), extract(epoch FROM r.last_updated)::bigint,
"""
_OF_RANGE = """
  FROM run r
  JOIN result_list l ON l.statistic = r.statistic AND l.stats_range = r.stats_range AND l.key = %(key)s
   AND r.statistic = %(statistic)s AND r.stats_range = %(stats_range)s
"""
_OF_SPAN = """
  FROM span r
  JOIN span_list l ON l.span_id = r.id AND l.key = %(key)s
   AND r.user_id = abs(%(key)s) AND r.statistic = %(statistic)s AND r.from_ts = %(from_ts)s AND r.to_ts = %(to_ts)s
"""
# The listens' own columns only: the others are long, and most answers need none of them.
_LISTED = _FACTS + "cardinality(l.ids), l.applied, l.time_by_source, page.docs, page.counts"
_PAGE = """
 CROSS JOIN LATERAL (
       SELECT array_agg(e.doc ORDER BY s.place) AS docs, array_agg(s.listen_count ORDER BY s.place) AS counts
         FROM unnest(l.ids[%(first)s:%(last)s], l.counts[%(first)s:%(last)s])
              WITH ORDINALITY AS s (id, listen_count, place)
         JOIN result_entity e ON e.id = s.id
       ) page
"""
_COMPARED = (
    _FACTS
    + """
       cardinality(l.ids), l.applied, l.time_by_source, page.docs, page.counts, page.places, page.ranks,
       page.previous, page.seconds, gone.docs, gone.counts, cardinality(l.gone_ids)
"""
)
_COMPARED_PAGE = """
 CROSS JOIN LATERAL (
       SELECT array_agg(e.doc ORDER BY s.nth) AS docs, array_agg(s.listen_count ORDER BY s.nth) AS counts,
              array_agg(s.place ORDER BY s.nth) AS places, array_agg(s.rank ORDER BY s.nth) AS ranks,
              array_agg(s.previous ORDER BY s.nth) AS previous, array_agg(s.seconds ORDER BY s.nth) AS seconds
         FROM (SELECT p.place, p.nth, l.ids[p.place] AS id, l.counts[p.place] AS listen_count,
                      l.previous_ranks[p.place] AS rank, l.previous_counts[p.place] AS previous,
                      l.seconds[p.place] AS seconds
                 FROM unnest(CASE WHEN %(by_time)s THEN l.by_time[%(first)s:%(last)s]
                             ELSE ARRAY(SELECT generate_series(%(first)s, least(%(last)s, cardinality(l.ids)))) END)
                      WITH ORDINALITY AS p (place, nth)) s
         JOIN result_entity e ON e.id = s.id
       ) page
 CROSS JOIN LATERAL (
       SELECT array_agg(e.doc ORDER BY s.place) AS docs, array_agg(s.listen_count ORDER BY s.place) AS counts
         FROM unnest(l.gone_ids[%(first_gone)s:%(last_gone)s], l.gone_counts[%(first_gone)s:%(last_gone)s])
              WITH ORDINALITY AS s (id, listen_count, place)
         JOIN result_entity e ON e.id = s.id
       ) gone
"""
_DOCUMENT = """
SELECT r.run_id, r.data_version, r.from_ts, r.to_ts, r.newest_listen_ts,
       coalesce(r.newest_landed_ts, r.newest_listen_ts), extract(epoch FROM r.last_updated)::bigint, d.doc, d.applied
  FROM run r JOIN result_document d ON d.statistic = r.statistic AND d.stats_range = r.stats_range AND d.key = %s
 WHERE r.statistic = %s AND r.stats_range = %s
"""
_SPAN_DOCUMENT = (
    _FACTS
    + """
       d.doc, d.applied
  FROM span r JOIN span_document d ON d.span_id = r.id AND d.key = %(key)s
   AND r.user_id = abs(%(key)s) AND r.statistic = %(statistic)s AND r.from_ts = %(from_ts)s AND r.to_ts = %(to_ts)s
"""
)
_ENTITY_DOCUMENT = """
SELECT r.run_id, r.data_version, r.from_ts, r.to_ts, r.newest_listen_ts,
       coalesce(r.newest_landed_ts, r.newest_listen_ts), extract(epoch FROM r.last_updated)::bigint, d.doc, NULL
  FROM run r JOIN result_entity_document d ON d.statistic = r.statistic AND d.stats_range = r.stats_range
       AND d.entity = %s
 WHERE r.statistic = %s AND r.stats_range = %s
"""
_DOCUMENTS = """
SELECT r.run_id, r.data_version, r.from_ts, r.to_ts, r.newest_listen_ts,
       coalesce(r.newest_landed_ts, r.newest_listen_ts), extract(epoch FROM r.last_updated)::bigint, d.doc, d.applied,
       r.statistic
  FROM run r JOIN result_document d ON d.statistic = r.statistic AND d.stats_range = r.stats_range AND d.key = %s
 WHERE r.statistic = ANY(%s) AND r.stats_range = %s
"""
_DOCUMENTS_BETWEEN = (
    "SELECT doc FROM result_document WHERE statistic = %s AND stats_range = %s AND key BETWEEN %s AND %s ORDER BY key"
)
_LARGEST = 2**31 - 2


def load_page(  # noqa: PLR0917 - the key of a list, then the slice
    cursor: Cursor, statistic: str, stats_range: str, key: int, offset: int, count: int, *, span: Span | None = None
) -> Page | None:
    """The items [offset, offset + count) of one key's list; None when nothing was computed for it.

    `span`: of these days, whatever `stats_range` says.
    """
    values = _values(statistic, stats_range, key, offset, count) | _bounds(span)
    cursor.execute(_LISTED + _OF_RANGE + _PAGE if span is None else _LISTED + _OF_SPAN + _PAGE, values)
    row = cursor.fetchone()
    if row is None:
        return None
    *facts, total, applied, times, docs, counts = row
    items = [
        Item(orjson.loads(doc), listen_count, offset + nth)
        for nth, (doc, listen_count) in enumerate(zip(docs or (), counts or (), strict=True), 1)
    ]
    return Page(Run(*facts), total, items, _parsed(applied), times, [])


def load_compared_page(  # noqa: PLR0917 - the key of a list, then the slice
    cursor: Cursor,
    statistic: str,
    stats_range: str,
    key: int,
    offset: int,
    count: int,
    *,
    by_time: bool,
    gone: int,
    gone_offset: int = 0,
    span: Span | None = None,
) -> Page | None:
    """As load_page, each item with what it was a period before and its time, and the items that left.

    Of these [gone_offset, gone_offset + gone), most played first. `by_time`: the slice is of the order by listening
    time, longest first.
    """
    left_from = {"first_gone": min(gone_offset, _LARGEST) + 1, "last_gone": min(gone_offset + gone, _LARGEST)}
    values = _values(statistic, stats_range, key, offset, count) | _bounds(span) | left_from | {"by_time": by_time}
    cursor.execute(
        _COMPARED + _OF_RANGE + _COMPARED_PAGE if span is None else _COMPARED + _OF_SPAN + _COMPARED_PAGE, values
    )
    row = cursor.fetchone()
    if row is None:
        return None
    facts, (total, applied, times), columns, left = row[:7], row[7:10], row[10:16], row[16:]
    items = [
        Item(orjson.loads(doc), listen_count, place, rank, previous, seconds)
        for doc, listen_count, place, rank, previous, seconds in zip(*(c or () for c in columns), strict=True)
    ]
    gone_docs, gone_counts, total_gone = left
    went = [(orjson.loads(doc), listens) for doc, listens in zip(gone_docs or (), gone_counts or (), strict=True)]
    return Page(Run(*facts), total, items, _parsed(applied), times, went, total_gone)


def load_document(
    cursor: Cursor, statistic: str, stats_range: str, key: int, *, span: Span | None = None
) -> Document | None:
    """One key's document; None when nothing was computed for it. `span`: as in load_page."""
    if span is None:
        cursor.execute(_DOCUMENT, (key, statistic, stats_range))
    else:
        cursor.execute(_SPAN_DOCUMENT, {"key": key, "statistic": statistic, **_bounds(span)})
    return _document(cursor)


def load_documents(cursor: Cursor, statistics: Sequence[str], stats_range: str, key: int) -> dict[str, Document]:
    """One key's documents of several statistics, by statistic, all as of one moment; absent: nothing was computed."""
    cursor.execute(_DOCUMENTS, (key, list(statistics), stats_range))
    return {
        statistic: Document(Run(*facts), orjson.loads(doc), _parsed(applied))
        for *facts, doc, applied, statistic in cursor.fetchall()
    }


def load_documents_between(cursor: Cursor, statistic: str, stats_range: str, first: int, last: int) -> list[Any]:
    """Parsed JSON of the documents whose keys are from `first` to `last`, ascending; the facts of their run apart."""
    cursor.execute(_DOCUMENTS_BETWEEN, (statistic, stats_range, first, last))
    return [orjson.loads(doc) for (doc,) in cursor.fetchall()]


def load_entity_document(cursor: Cursor, statistic: str, stats_range: str, entity: UUID) -> Document | None:
    """The document of an artist or a release group; None when nothing was computed for it."""
    cursor.execute(_ENTITY_DOCUMENT, (str(entity), statistic, stats_range))
    return _document(cursor)


def _document(cursor: Cursor) -> Document | None:
    row = cursor.fetchone()
    if row is None:
        return None
    *facts, doc, applied = row
    return Document(Run(*facts), orjson.loads(doc), _parsed(applied))


def _values(statistic: str, stats_range: str, key: int, offset: int, count: int) -> dict[str, Any]:
    return {
        "statistic": statistic,
        "stats_range": stats_range,
        "key": key,
        "first": min(offset, _LARGEST) + 1,
        "last": min(offset + count, _LARGEST),
    }


def _bounds(span: Span | None) -> dict[str, int]:
    return {} if span is None else {"from_ts": span.from_ts, "to_ts": span.to_ts}


def _parsed(applied: str | None) -> dict[str, Any] | None:
    return None if applied is None else orjson.loads(applied)
