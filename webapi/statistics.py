"""What a stored statistic is in an answer: items, comparisons, listening time, and the facts of its run.

Routes and pages take it from here, so they show the same.
"""

from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.job import Job, Ranked, Route
from jobs.ranges import local_bounds
from jobs.spans import Span
from spark_reader.load import Document, Item, Page, load_compared_page, load_document, load_page

TIME_SOURCES = ("duration_played", "duration", "recording_length", "default")
"""Where listening time is known from, in the order of jobs/engines/rank_lists.py SOURCES."""

SITEWIDE_KEY = 0
"""Of what is of everybody."""
MOST_GONE = 100
"""Of what the period before had and this one has not, in one answer that compares."""

Payload = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """The query of a request for a statistic."""

    stats_range: str
    count: int = 0
    offset: int = 0
    compare: bool = False
    """compare=previous."""
    by_time: bool = False
    """measure=time."""
    span: Span | None = None
    """These days, instead of a range."""
    gone_offset: int = 0
    """Of what is gone since the period before, how many are skipped."""


def payload_of(cursor: Cursor, job: Job, key: int, asked: Asked, *, plain: bool = False) -> Payload | None:
    """The payload of a key, as its route answers it; None when nothing was computed for it. The job has a route.

    With `plain`, made without the settings of the user, who may have none.
    """
    if plain:
        made = payload_of(cursor, job, -key, asked)
        if made is not None:
            return made
    assert job.route is not None
    found = _found(cursor, job, key, asked)
    if found is None or (plain and found.applied is not None):
        return None
    if isinstance(found, Page):
        return list_payload(found, job.route, asked)
    return document_payload(found, job.route, asked)


def _found(cursor: Cursor, job: Job, key: int, asked: Asked) -> Page | Document | None:
    where = (cursor, job.statistic, asked.stats_range, key)
    if not isinstance(job.output, Ranked):
        return load_document(*where, span=asked.span)
    if not (asked.compare or asked.by_time):
        return load_page(*where, asked.offset, asked.count, span=asked.span)
    return load_compared_page(
        *where,
        asked.offset,
        asked.count,
        by_time=asked.by_time,
        gone=MOST_GONE if asked.compare else 0,
        gone_offset=asked.gone_offset,
        span=asked.span,
    )


def list_payload(found: Page, route: Route, asked: Asked) -> dict[str, Any]:
    """A page of a list. Without compare and measure it is the documented one."""
    items = [_item(item, route, asked) for item in found.items]
    made = {route.payload_key: items, "count": len(items), "offset": asked.offset, route.total_key: found.total}
    if asked.compare:
        made["gone"] = [{**route.item(struct), "previous_listen_count": count} for struct, count in found.gone]
        made["total_gone_count"] = found.total_gone
    if asked.by_time:
        times = found.time_by_source or [0] * len(TIME_SOURCES)  # stored before times were, and not computed since
        whole = sum(times)
        made["listening_time"] = whole // 1000
        shares = (part / whole if whole else 0.0 for part in times)
        made["listening_time_sources"] = dict(zip(TIME_SOURCES, shares, strict=True))
    return made | _facts(found, asked)


def document_payload(found: Document, route: Route, asked: Asked) -> dict[str, Any]:
    """A whole document."""
    zone = found.applied["timezone"] if found.applied else "UTC"
    about = (asked.stats_range if asked.span is None else asked.span.like, found.run.counted_to_ts, zone)
    if asked.span is not None and route.answer_span is not None:
        shown = route.answer_span(found.doc, asked.span, zone)
    else:
        shown = found.doc if route.answer is None else route.answer(found.doc, *about)
    made = {route.payload_key: shown} | _facts(found, asked)
    if route.says_stats_range:
        made["stats_range"] = asked.stats_range
    if route.bounds is not None and asked.span is None:
        made["from_ts"], made["to_ts"] = route.bounds(*about)
    return made


def _item(item: Item, route: Route, asked: Asked) -> dict[str, Any]:
    made = {**route.item(item.struct), "listen_count": item.listen_count}
    if asked.compare:
        made["rank"] = item.rank
        made["new"] = item.previous_rank == 0
        made["previous_rank"] = item.previous_rank or None
        made["previous_listen_count"] = item.previous_listen_count
        made["rank_change"] = item.previous_rank - item.rank if item.previous_rank else None
        made["listen_count_change"] = item.listen_count - item.previous_listen_count
    if asked.by_time:
        made["listening_time"] = item.seconds
    return made


def _facts(found: Page | Document, asked: Asked) -> dict[str, Any]:
    """Of the run; from_ts and to_ts on the user's own clock where a time zone was applied."""
    run, applied = found.run, found.applied
    facts: dict[str, Any] = {
        "range": asked.stats_range,
        "from_ts": run.from_ts,
        "to_ts": run.to_ts,
        "last_updated": run.last_updated,
        "data_version": run.data_version,
        "newest_listen_ts": run.newest_listen_ts,
    }
    if applied is None:
        return facts
    excluded = {name: applied[name] for name in ("artists", "recordings", "clients")}
    settings = {"timezone": applied["timezone"], "excluded": excluded}
    if asked.span is not None:
        from_ts, to_ts = asked.span.bounds(applied["timezone"])
    else:
        from_ts, to_ts = local_bounds(asked.stats_range, run.counted_to_ts, applied["timezone"])
    return facts | {"from_ts": from_ts, "to_ts": to_ts, "settings_applied": settings}
