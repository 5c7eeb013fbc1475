"""Reading the request table: one row per request. All SQL that only reads it from this side."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from conf.postgres import Connection, transaction

OPEN = ("queued", "running")


class UnknownRequestError(LookupError):
    """No request has this id. `requests list` shows those that there are."""


@dataclass(frozen=True)
class RequestRow:
    """One row of `request`."""

    id: UUID
    query: str
    params: Mapping[str, Any]
    state: str
    attempts: int
    claimed_by: str | None
    progress: str | None
    error: str | None
    created: datetime
    started: datetime | None
    finished: datetime | None
    run_id: UUID | None
    data_version: int | None


SELECT_ROW = (
    "SELECT id, query, params, state, attempts, claimed_by, progress, error, created, started, finished, run_id,"
    " data_version FROM request"
)
"""The columns of RequestRow, in its order."""


def find(connection: Connection, request_id: UUID) -> RequestRow | None:
    """One request."""
    with transaction(connection) as cursor:
        cursor.execute(SELECT_ROW + " WHERE id = %s", (request_id,))
        row = cursor.fetchone()
        return None if row is None else RequestRow(*row)


def list_requests(connection: Connection, state: str | None = None, limit: int = 50) -> list[RequestRow]:
    """The newest requests, of one state or of all."""
    with transaction(connection) as cursor:
        cursor.execute(
            SELECT_ROW + " WHERE %(state)s IS NULL OR state = %(state)s ORDER BY created DESC, id LIMIT %(limit)s",
            {"state": state, "limit": limit},
        )
        return [RequestRow(*row) for row in cursor.fetchall()]


def open_runs(connection: Connection) -> set[UUID]:
    """Runs whose results the reader may still need."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT run_id FROM request WHERE state = 'running' AND run_id IS NOT NULL")
        return {run_id for (run_id,) in cursor.fetchall()}


def any_open(connection: Connection) -> bool:
    """Whether somebody waits for a result."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT FROM request WHERE state IN ('queued', 'running') LIMIT 1")
        return cursor.rowcount > 0


def wait(connection: Connection, request_id: UUID, poll_seconds: float = 0.2) -> Iterator[RequestRow]:
    """The row whenever it has changed; ends with the outcome (done: its results are readable)."""
    last: RequestRow | None = None
    while last is None or last.state in OPEN:
        row = existing(connection, request_id)
        if row != last:
            yield row
            last = row
        else:
            time.sleep(poll_seconds)


def existing(connection: Connection, request_id: UUID) -> RequestRow:
    """One that there must be. Raises UnknownRequestError."""
    row = find(connection, request_id)
    if row is None:
        raise UnknownRequestError(f"no request {request_id}; `requests list` shows those that there are")
    return row
