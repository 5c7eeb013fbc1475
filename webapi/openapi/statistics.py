"""Schemas of statistics, from the jobs that make them."""

from typing import Any

from jobs.job import Column, Job, PerUser, Route
from webapi.openapi.schemas import COUNT, SECONDS, TEXT, closed, component, list_of, payload

_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": ["string", "null"]},
    "int": {"type": ["integer", "null"]},
    "bigint": {"type": ["integer", "null"]},
    "double": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
}


def statistic_schema(job: Job, route: Route) -> dict[str, Any]:
    """The payload of a statistic's route. Raises KeyError for a column of a type that has no schema here."""
    columns = route.columns or job.output.struct
    item = closed({**{column.name: _schema(column) for column in columns}, "listen_count": COUNT})
    properties: dict[str, Any] = {
        route.payload_key: list_of(item),
        "count": COUNT,
        "offset": COUNT,
        route.total_key: COUNT,
        "range": component("Range"),
        "from_ts": SECONDS,
        "to_ts": SECONDS,
        "last_updated": SECONDS,
    }
    return payload(properties | ({"user_id": TEXT} if isinstance(job.output, PerUser) else {}))


def _schema(column: Column) -> dict[str, Any]:
    """Unknown names and ids are null; lists never are. MBIDs are UUIDs."""
    if column.type.startswith("array<"):
        inner = column.type.removeprefix("array<").removesuffix(">")
        return {"type": "array", "items": {"type": _TYPES[inner]["type"][0]} | _format(column.name)}
    return _TYPES[column.type] | _format(column.name)


def _format(name: str) -> dict[str, str]:
    return {"format": "uuid"} if name.endswith(("mbid", "mbids")) else {}
