"""Schemas of statistics, from the jobs that make them."""

from typing import Any

from jobs.job import PER_USER, Column, EntityDocument, Job, Ranked, Route
from webapi.openapi.schemas import COUNT, SECONDS, TEXT, closed, component, list_of, payload
from webapi.statistics import TIME_SOURCES

_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": ["string", "null"]},
    "int": {"type": ["integer", "null"]},
    "bigint": {"type": ["integer", "null"]},
    "double": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
}
_OBJECTS: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
_MAYBE = {"type": ["integer", "null"]}
_COMPARED = {
    "rank": COUNT,
    "new": {"type": "boolean"},
    "previous_rank": _MAYBE,
    "previous_listen_count": COUNT,
    "rank_change": _MAYBE,
    "listen_count_change": {"type": "integer"},
}
_FACTS: dict[str, Any] = {
    "from_ts": SECONDS,
    "to_ts": SECONDS,
    "last_updated": SECONDS,
    "data_version": COUNT,
    "newest_listen_ts": {**SECONDS, "description": "The newest listen of the data version. " + SECONDS["description"]},
}
_EXCLUDED = {
    **closed({"artists": COUNT, "recordings": COUNT, "clients": COUNT}),
    "description": "How many of each kind; which, only the user is told: /1/user/{user_name}/exclusions.",
}
_APPLIED = closed({"timezone": TEXT, "excluded": _EXCLUDED})


def statistic_schema(job: Job, route: Route) -> dict[str, Any]:
    """The payload of a statistic's route. Raises KeyError for a column of a type that has no schema here."""
    per_user = isinstance(job.output, PER_USER)
    said = component("RangeOrSpan" if per_user else "Range")
    own = {"user_id": TEXT, "settings_applied": _APPLIED} if per_user else {}
    facts = _FACTS | {"range": said}
    optional = ("settings_applied",)
    if not isinstance(job.output, Ranked):
        shown = {route.payload_key: dict(route.schema)}
        if route.says_stats_range:
            shown["stats_range"] = said
        if isinstance(job.output, EntityDocument):
            shown = {**{column.name: _schema(column) for column in route.columns}, **shown}
        return payload({**shown, **facts, **own}, optional)
    struct = {column.name: _schema(column) for column in route.columns or job.output.struct}
    item = closed(
        {**struct, "listen_count": COUNT, **_COMPARED, "listening_time": COUNT}, (*_COMPARED, "listening_time")
    )
    beyond = {
        "gone": {"type": "array", "items": closed({**struct, "previous_listen_count": COUNT})},
        "total_gone_count": COUNT,
        "listening_time": COUNT,
        "listening_time_sources": closed({name: {"type": "number"} for name in TIME_SOURCES}),
    }
    properties: dict[str, Any] = {
        route.payload_key: list_of(item),
        "count": COUNT,
        "offset": COUNT,
        route.total_key: COUNT,
    }
    return payload({**properties, **facts, **beyond, **own}, (*beyond, *optional))


def _schema(column: Column) -> dict[str, Any]:
    """Unknown names and ids are null; lists never are. MBIDs are UUIDs."""
    if column.type.startswith("array<struct"):
        return _OBJECTS
    if column.type.startswith("array<"):
        inner = column.type.removeprefix("array<").removesuffix(">")
        return {"type": "array", "items": {"type": _TYPES[inner]["type"][0]} | _format(column.name)}
    return _TYPES[column.type] | _format(column.name)


def _format(name: str) -> dict[str, str]:
    return {"format": "uuid"} if name.endswith(("mbid", "mbids")) else {}
