"""Stored results: how a switch is saved and how a page is loaded, side by side: all SQL on run and result tables."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812


@dataclass(frozen=True)
class Run:
    """The facts of the run that is being served. Times in epoch seconds UTC."""

    run_id: UUID
    data_version: int
    from_ts: int
    to_ts: int
    newest_listen_ts: int
    last_updated: int


@dataclass(frozen=True)
class Page:
    """A slice of one stored list, with the facts of its run: both from one statement, so from one run."""

    run: Run
    total: int
    """Length of the whole list."""
    items: list[tuple[dict[str, Any], int]]
    """(struct, listen count), in the list's order."""


_LOAD_PAGE = """
SELECT r.run_id, r.data_version, r.from_ts, r.to_ts, r.newest_listen_ts, extract(epoch FROM r.last_updated)::bigint,
       cardinality(l.ids), page.docs, page.counts
  FROM run r
  JOIN result_list l ON l.statistic = r.statistic AND l.stats_range = r.stats_range AND l.key = %(key)s
 CROSS JOIN LATERAL (
       SELECT array_agg(e.doc ORDER BY s.place) AS docs, array_agg(s.listen_count ORDER BY s.place) AS counts
         FROM unnest(l.ids[%(first)s:%(last)s], l.counts[%(first)s:%(last)s])
              WITH ORDINALITY AS s (id, listen_count, place)
         JOIN result_entity e ON e.id = s.id
       ) page
 WHERE r.statistic = %(statistic)s AND r.stats_range = %(stats_range)s
"""
_LARGEST = 2**31 - 2


def load_page(  # noqa: PLR0917 - the key of a list, then the slice
    cursor: Cursor, statistic: str, stats_range: str, key: int, offset: int, count: int
) -> Page | None:
    """The items [offset, offset + count) of one key's list; None when nothing was computed for it."""
    values = {
        "statistic": statistic,
        "stats_range": stats_range,
        "key": key,
        "first": min(offset, _LARGEST) + 1,
        "last": min(offset + count, _LARGEST),
    }
    cursor.execute(_LOAD_PAGE, values)
    row = cursor.fetchone()
    if row is None:
        return None
    *facts, total, docs, counts = row
    items = [(orjson.loads(doc), listen_count) for doc, listen_count in zip(docs or (), counts or (), strict=True)]
    return Page(Run(*facts), total, items)
