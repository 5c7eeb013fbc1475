"""The request table: the row is the truth, the broker's message only the bell. All SQL that changes it from this side.

queued -> running (claimed, with heartbeat) -> published (running, with run_id) -> done, set by the reader in the
transaction that makes the results readable. A queued row's heartbeat is the time of its last bell.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.broker import LONG_REQUEST, SPAN_REQUEST, SPARK_REQUEST, Broker, BrokerUnavailableError
from conf.faults import fault_point
from conf.postgres import Connection, transaction
from jobs.catalog import InvalidRequestError, UnknownJobError, catalog
from jobs.messages import Request
from jobs.spans import QUERY as SPAN
from request_consumer.asked import Asked, asked_for, json_text
from request_consumer.request_rows import OPEN, SELECT_ROW, RequestRow, existing, find

SILENT = timedelta(seconds=30)
"""Without a heartbeat for so long, a worker is dead; without a claim for so long, a bell was lost."""
UNREAD = timedelta(minutes=10)
"""Published but not switched by the reader after so long: the message was lost or cannot be read."""
KEPT = timedelta(days=14)
"""How long an ended request is shown."""
SPAN_KEPT = timedelta(days=1)
"""Of one that the API made: there are many, and what they made is not kept longer."""
_ALONE_LOCKS = 7_230_103
"""Class of the advisory locks under which a query is looked for and asked for; the second key is its name."""
_DEAD_TEXT = "the request consumer died at work"
_UNREAD_TEXT = "the results were published, but spark_reader did not store them: is it running?"


class RequestStateError(ValueError):
    """The request is not in a state that allows this: names the state."""


class RequestOpenError(RuntimeError):
    """A request for the same is queued or running already: names it."""


_INSERT = (
    "INSERT INTO request (id, query, params, params_key, state, error, heartbeat, finished)"
    " VALUES (%(id)s, %(query)s, %(params)s::jsonb, %(key)s, %(state)s, %(error)s, clock_timestamp(),"
    " CASE WHEN %(state)s = 'failed' THEN clock_timestamp() END)"
)
_INSERT_OR_SAME = (
    _INSERT
    + " ON CONFLICT (query, params_key) WHERE state = 'queued' DO UPDATE SET query = EXCLUDED.query RETURNING id"
)


def enqueue(
    connection: Connection, broker: Broker, query: str, params: Mapping[str, Any], now: float | None = None
) -> RequestRow:
    """Ask for a job: the row first, then the bell. The same request while one is queued is that one.

    `now`: epoch seconds, when it is asked for; left out, this moment. Of a year in music without a year it says which.
    Raises UnknownJobError and InvalidRequestError, before anything is written. A broker that is away does not fail it:
    the row stands, the sweep rings later.
    """
    row = _accept(connection, asked_for(query, params, now), uuid4())
    fault_point("request.written")
    ring(broker, [row])
    return row


def enqueue_alone(
    connection: Connection, broker: Broker, query: str, params: Mapping[str, Any], now: float | None = None
) -> RequestRow:
    """As `enqueue`, but where the same is neither queued nor running, whatever its `at`.

    Raises RequestOpenError where it is, and as `enqueue`.
    """
    asked = asked_for(query, params, now)
    with transaction(connection) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_ALONE_LOCKS, query))
        cursor.execute(
            SELECT_ROW
            + " WHERE query = %(query)s AND state = ANY(%(open)s) AND params_key::jsonb - 'at' = %(key)s::jsonb - 'at'"
            " ORDER BY started NULLS LAST, created LIMIT 1",
            {"query": query, "key": asked.key, "open": list(OPEN)},
        )
        found = cursor.fetchone()
        if found is not None:
            row = RequestRow(*found)
            since = row.started if row.state == "running" and row.started else row.created
            raise RequestOpenError(f"{query} is {row.state} since {since:%Y-%m-%d %H:%M:%S} UTC, request {row.id}")
        row = _accepted(cursor, asked, uuid4())
    ring(broker, [row])
    return row


def adopt(connection: Connection, request: Request) -> RequestRow:
    """The row of a message: its own, or for a foreign message a new one, failed at once if nothing can run it."""
    if request.request_id is not None:
        found = find(connection, request.request_id)
        if found is not None:
            return found
    request_id = request.request_id or uuid4()
    try:
        return _accept(connection, asked_for(request.query, request.params), request_id)
    except (UnknownJobError, InvalidRequestError) as problem:
        unknown = Asked(request.query, request.params, json_text(request.params))
        with transaction(connection) as cursor:
            cursor.execute(_INSERT, _values(request_id, unknown, "failed", str(problem)))
        return existing(connection, request_id)


def claim(connection: Connection, request_id: UUID, worker: str) -> RequestRow | None:
    """Take a queued request; None when it is no longer to be had."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE request SET state = 'running', attempts = attempts + 1, claimed_by = %s, progress = 'started',"
            " heartbeat = clock_timestamp(), started = clock_timestamp(), run_id = NULL, data_version = NULL"
            " WHERE id = %s AND state = 'queued'",
            (worker, request_id),
        )
        claimed = cursor.rowcount == 1
    return existing(connection, request_id) if claimed else None


def heartbeat(connection: Connection, request_id: UUID, worker: str, progress: str) -> bool:
    """The worker lives and does this; False when the request is no longer its own (cancelled, or swept away)."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE request SET heartbeat = clock_timestamp(), progress = %s"
            " WHERE id = %s AND claimed_by = %s AND state = 'running'",
            (progress, request_id, worker),
        )
        return cursor.rowcount == 1


def published(connection: Connection, request_id: UUID, worker: str, run_id: UUID, data_version: int) -> None:
    """The results are on their way; the reader will set it done."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE request SET run_id = %s, data_version = %s, heartbeat = clock_timestamp(),"
            " progress = 'published, waiting for spark_reader' WHERE id = %s AND claimed_by = %s AND state = 'running'",
            (run_id, data_version, request_id, worker),
        )


def finish(connection: Connection, request_id: UUID, worker: str, progress: str) -> None:
    """Done without results to read, and why."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE request SET state = 'done', finished = clock_timestamp(), progress = %s, error = NULL"
            " WHERE id = %s AND claimed_by = %s AND state = 'running'",
            (progress, request_id, worker),
        )


def fail(connection: Connection, request_id: UUID, worker: str, reason: str, attempts_allowed: int) -> RequestRow:
    """This attempt failed: queued again while attempts are left, else failed. The reason stays visible either way.

    Nothing happens to a request that this worker no longer holds.
    """
    with transaction(connection) as cursor:
        cursor.execute("SELECT FROM request WHERE id = %s AND claimed_by = %s FOR UPDATE", (request_id, worker))
        if cursor.rowcount:
            _give_back(cursor, request_id, reason, attempts_allowed)
    return existing(connection, request_id)


def release(connection: Connection, request_id: UUID, worker: str) -> None:
    """The worker is told to stop before it is done: queued again, this attempt does not count."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE request SET attempts = attempts - 1 WHERE id = %s AND state = 'running' AND claimed_by = %s",
            (request_id, worker),
        )
        if cursor.rowcount:
            _give_back(cursor, request_id, "the request consumer was stopped", 2**31 - 1)


def retry(connection: Connection, broker: Broker, request_id: UUID) -> RequestRow:
    """Queue an ended request again, attempts counted anew. Raises UnknownRequestError, RequestStateError."""
    row = existing(connection, request_id)
    if row.state in OPEN:
        raise RequestStateError(f"request {request_id} is {row.state}: only an ended one can be retried")
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE request r SET state = 'queued', attempts = 0, heartbeat = clock_timestamp(), finished = NULL,"
            " claimed_by = NULL, run_id = NULL, data_version = NULL WHERE id = %s AND NOT EXISTS (SELECT FROM request o"
            " WHERE o.query = r.query AND o.params_key = r.params_key AND o.state = 'queued')",
            (request_id,),
        )
        if cursor.rowcount == 0:
            raise RequestStateError(f"request {request_id}: the same request is already queued")
    row = existing(connection, request_id)
    ring(broker, [row])
    return row


def cancel(connection: Connection, request_id: UUID) -> RequestRow:
    """End a queued or running request: what it computes is not published. Raises as `retry`."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE request SET state = 'cancelled', finished = clock_timestamp()"
            " WHERE id = %s AND state = ANY(%s) AND run_id IS NULL",
            (request_id, list(OPEN)),
        )
        changed = cursor.rowcount
    row = existing(connection, request_id)
    if not changed:
        shown = "published" if row.state == "running" else row.state
        raise RequestStateError(f"request {request_id} is {shown}: too late to cancel")
    return row


def sweep(connection: Connection, broker: Broker, attempts_allowed: int) -> int:
    """Give back what a dead worker held, end what has used up its attempts, ring again for what nobody heard.

    How many requests it changed or rang for.
    """
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT id, run_id IS NOT NULL FROM request WHERE state = 'running' AND heartbeat < clock_timestamp()"
            " - CASE WHEN run_id IS NULL THEN %s ELSE %s END FOR UPDATE SKIP LOCKED",
            (SILENT, UNREAD),
        )
        silent = cursor.fetchall()
        for request_id, sent in silent:
            _give_back(cursor, request_id, _UNREAD_TEXT if sent else _DEAD_TEXT, attempts_allowed)
        cursor.execute(
            "UPDATE request SET heartbeat = clock_timestamp() WHERE state = 'queued'"
            " AND (heartbeat IS NULL OR heartbeat < clock_timestamp() - %s) RETURNING id",
            (SILENT,),
        )
        unheard = [request_id for (request_id,) in cursor.fetchall()]
    ring(broker, [existing(connection, request_id) for request_id in unheard])
    return len(silent) + len(unheard)


def queue_of(query: str) -> str:
    """Where a request is rung for; of one that nothing can run any more, where its failure is met."""
    if query == SPAN:
        return SPAN_REQUEST
    try:
        return LONG_REQUEST if catalog().takes_long(query) else SPARK_REQUEST
    except UnknownJobError:
        return SPARK_REQUEST


def ring(broker: Broker, rows: list[RequestRow]) -> None:
    """Tell whoever serves their queues of those that are queued. A broker that is away is told by the next sweep."""
    bodies: dict[str, list[bytes]] = {}
    for row in rows:
        if row.state == "queued":
            bodies.setdefault(queue_of(row.query), []).append(Request(row.query, row.params, row.id).encode())
    try:
        for queue, waiting in bodies.items():
            broker.publish(queue, waiting)
    except BrokerUnavailableError:
        return  # the rows stand


def forget_ended(connection: Connection) -> int:
    """Drop requests that ended KEPT ago or longer, of spans SPAN_KEPT ago; how many."""
    with transaction(connection) as cursor:
        cursor.execute(
            "DELETE FROM request WHERE finished < now() - CASE WHEN query = %s THEN %s ELSE %s END"
            " AND state <> ALL(%s)",
            (SPAN, SPAN_KEPT, KEPT, list(OPEN)),
        )
        return cursor.rowcount


def _accept(connection: Connection, asked: Asked, request_id: UUID) -> RequestRow:
    with transaction(connection) as cursor:
        return _accepted(cursor, asked, request_id)


def _accepted(cursor: Cursor, asked: Asked, request_id: UUID) -> RequestRow:
    cursor.execute(_INSERT_OR_SAME, _values(request_id, asked, "queued", None))
    row = cursor.fetchone()
    assert row is not None
    cursor.execute(SELECT_ROW + " WHERE id = %s", (row[0],))
    made = cursor.fetchone()
    assert made is not None
    return RequestRow(*made)


def _values(request_id: UUID, asked: Asked, state: str, error: str | None) -> dict[str, Any]:
    told = {"query": asked.query.replace("\0", ""), "params": json_text(asked.params), "key": asked.key}
    return told | {"id": request_id, "state": state, "error": error}


def _give_back(cursor: Cursor, request_id: UUID, reason: str, attempts_allowed: int) -> None:
    """Queued again; failed when attempts are used up; cancelled when the same request waits already."""
    cursor.execute(
        "UPDATE request r SET error = %(reason)s, claimed_by = NULL, run_id = NULL, data_version = NULL,"
        " heartbeat = NULL, finished = CASE WHEN t.state = 'queued' THEN NULL ELSE clock_timestamp() END,"
        " state = t.state FROM (SELECT id, CASE WHEN attempts >= %(allowed)s THEN 'failed' WHEN EXISTS (SELECT FROM"
        " request o WHERE o.query = q.query AND o.params_key = q.params_key AND o.state = 'queued')"
        " THEN 'cancelled' ELSE 'queued' END AS state FROM request q WHERE id = %(id)s AND q.state = 'running') t"
        " WHERE r.id = t.id",
        {"id": request_id, "reason": reason[:2000].replace("\0", ""), "allowed": attempts_allowed},
    )
