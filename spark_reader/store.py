"""Stored results: how a switch is saved and how a page is loaded, side by side: all SQL on run and result tables."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import psycopg2
import psycopg2.extensions
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.listens.account_deletion import LISTS_LOCK
from jobs.messages import Manifest, Switch


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


class BadRowsError(ValueError):
    """Rows that no list or entity can be: a key twice, ids without counts, an id with two documents."""


_STAGE_LISTS = (
    "CREATE TEMP TABLE staged_list (key bigint PRIMARY KEY, ids bigint[] NOT NULL, counts integer[] NOT NULL,"
    " CHECK (cardinality(ids) = cardinality(counts) AND cardinality(ids) > 0)) ON COMMIT DROP"
)
_STAGE_ENTITIES = "CREATE TEMP TABLE staged_entity (id bigint NOT NULL, doc text NOT NULL) ON COMMIT DROP"
_LEAVE_NOT_STAGED = (
    "DELETE FROM result_list l WHERE l.statistic = %s AND l.stats_range = %s"
    " AND NOT EXISTS (SELECT FROM staged_list s WHERE s.key = l.key)"
)
_UPSERT_LISTS = (
    "INSERT INTO result_list AS l (statistic, stats_range, key, ids, counts)"
    " SELECT %s, %s, key, ids, counts FROM staged_list ORDER BY key"
    " ON CONFLICT (statistic, stats_range, key) DO UPDATE SET ids = EXCLUDED.ids, counts = EXCLUDED.counts"
    " WHERE l.ids <> EXCLUDED.ids OR l.counts <> EXCLUDED.counts"
)
_REPLACE_RUN = (
    "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts, last_updated,"
    " row_count) VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp(), %s)"
    " ON CONFLICT (statistic, stats_range) DO UPDATE SET run_id = EXCLUDED.run_id,"
    " data_version = EXCLUDED.data_version, from_ts = EXCLUDED.from_ts, to_ts = EXCLUDED.to_ts,"
    " newest_listen_ts = EXCLUDED.newest_listen_ts, last_updated = EXCLUDED.last_updated,"
    " row_count = EXCLUDED.row_count"
)


ENTITIES_LOCK = 0x4C4C_0003
"""Advisory lock: shared while a run is saved, from its structs to its last list; exclusive while structs are pruned."""
_PRUNE_ENTITIES = (
    "DELETE FROM result_entity e WHERE NOT EXISTS ("
    "SELECT FROM (SELECT DISTINCT unnest(ids) AS id FROM result_list) AS named WHERE named.id = e.id)"
)


@contextmanager
def saving(connection: Connection) -> Iterator[None]:
    """While a run is saved, in several transactions of this connection: structs saved first wait for their lists."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", (ENTITIES_LOCK,))
    try:
        yield
    finally:
        if not connection.closed:  # else the lock went with it
            with transaction(connection) as cursor:
                cursor.execute("SELECT pg_advisory_unlock_shared(%s)", (ENTITIES_LOCK,))


def prune_entities(cursor: Cursor) -> int | None:
    """Remove the structs that no list names: they may name what only a deleted listen had; how many.

    None, and nothing is changed, while a run is being saved. Reads every list once.
    """
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (ENTITIES_LOCK,))
    row = cursor.fetchone()
    if row is None or not row[0]:
        return None
    cursor.execute(_PRUNE_ENTITIES)
    return cursor.rowcount


def save_entities(cursor: Cursor, rows: Iterable[tuple[int, str]]) -> None:
    """Display structs, before the lists that name them. Immutable: known ones stay. Raises BadRowsError."""
    cursor.execute(_STAGE_ENTITIES)
    _copy(cursor, "COPY staged_entity (id, doc) FROM STDIN", (_entity_line(*row) for row in rows))
    cursor.execute(
        "INSERT INTO result_entity (id, doc) SELECT DISTINCT ON (id) id, doc FROM staged_entity ORDER BY id"
        " ON CONFLICT (id) DO NOTHING"
    )
    cursor.execute("SELECT id FROM staged_entity s JOIN result_entity e USING (id) WHERE s.doc <> e.doc LIMIT 1")
    clash = cursor.fetchone()
    if clash is not None:
        raise BadRowsError(f"entity {clash[0]} has two documents: their hashes collide, or they were changed")


def save_switch(
    cursor: Cursor,
    manifest: Manifest,
    switch: Switch,
    rows: Iterable[tuple[int, list[int], list[int]]],
    per_user: bool,
) -> bool:
    """Replace one (statistic, range) by these rows, inside the caller's transaction. Grain: one list per key.

    False, and nothing is changed, when this run or a newer one is already served. Raises BadRowsError.
    """
    what = (switch.statistic, switch.stats_range)
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s || ' ' || %s, 0))", what)
    cursor.execute("SELECT data_version, run_id FROM run WHERE statistic = %s AND stats_range = %s", what)
    served = cursor.fetchone()
    if served is not None and served >= (manifest.data_version, manifest.run_id):
        return False
    cursor.execute(_STAGE_LISTS)
    _copy(cursor, "COPY staged_list (key, ids, counts) FROM STDIN", (_list_line(*row) for row in rows))
    if per_user:
        # A user who is there now stays until this is committed, and takes these lists along when she goes.
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (LISTS_LOCK,))
        cursor.execute("DELETE FROM staged_list s WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = s.key)")
    if switch.replace == "all":
        cursor.execute(_LEAVE_NOT_STAGED, what)
    else:
        cursor.execute(
            "DELETE FROM result_list WHERE statistic = %s AND stats_range = %s AND key = ANY(%s)",
            (*what, switch.removed),
        )
    cursor.execute(_UPSERT_LISTS, what)
    cursor.execute(
        _REPLACE_RUN,
        (
            *what,
            manifest.run_id,
            manifest.data_version,
            switch.from_ts,
            switch.to_ts,
            manifest.newest_listen_ts,
            switch.rows,
        ),
    )
    cursor.execute("DROP TABLE staged_list")
    return True


def finish_request(cursor: Cursor, manifest: Manifest) -> None:
    """The results of a request are readable: it is done, whatever became of the worker that made them."""
    cursor.execute(
        "UPDATE request SET state = 'done', finished = clock_timestamp(), progress = 'results are readable',"
        " error = NULL, run_id = %s, data_version = %s WHERE id = %s AND state <> 'cancelled' AND state <> 'done'",
        (manifest.run_id, manifest.data_version, manifest.request_id),
    )


def fail_request(cursor: Cursor, manifest: Manifest, reason: str) -> None:
    """The results of a request can never be stored; the old ones stay."""
    cursor.execute(
        "UPDATE request SET state = 'failed', finished = clock_timestamp(), error = %s"
        " WHERE id = %s AND state = 'running' AND (run_id IS NULL OR run_id = %s)",
        (f"results of run {manifest.run_id} were refused: {reason}", manifest.request_id, manifest.run_id),
    )


def _copy(cursor: Cursor, statement: str, lines: Iterable[bytes]) -> None:
    stream = _Stream(iter(lines))
    try:
        cursor.copy_expert(statement, stream)
    except (psycopg2.IntegrityError, psycopg2.DataError) as problem:
        raise BadRowsError(str(problem).strip().splitlines()[0]) from None
    except psycopg2.extensions.QueryCanceledError:
        if isinstance(stream.problem, (TypeError, AttributeError)):
            raise BadRowsError(f"a row of another shape: {stream.problem}") from None
        if stream.problem is not None:
            raise stream.problem from None
        raise


def _list_line(key: int, ids: list[int], counts: list[int]) -> bytes:
    return f"{key}\t{{{','.join(map(str, ids))}}}\t{{{','.join(map(str, counts))}}}\n".encode()


def _entity_line(entity_id: int, doc: str) -> bytes:
    escaped = doc.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return f"{entity_id}\t{escaped}\n".encode()


class _Stream(io.RawIOBase):
    """Lines as the file that COPY reads: never more than one line beyond what was asked for is in memory."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._left = bytearray()
        self.problem: Exception | None = None
        """Why the lines ended early: COPY itself says no more than that they did."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(self._left) < len(buffer):
            try:
                line = next(self._lines, None)
            except Exception as problem:
                self.problem = problem
                raise
            if line is None:
                break
            self._left += line
        size = min(len(self._left), len(buffer))
        buffer[:size] = self._left[:size]
        del self._left[:size]
        return size
