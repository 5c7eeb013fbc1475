"""Stored results: how a run is saved, switch by switch. How they are loaded is beside it, in spark_reader/load.py."""

import io
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any

import psycopg2
import psycopg2.extensions
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.listens.account_deletion import LISTS_LOCK
from jobs.messages import Manifest, Switch
from jobs.ranges import ALL_TIME
from spark_reader.kinds import Kind, copy_line


class BadRowsError(ValueError):
    """Rows that no list or entity can be: a key twice, ids without counts, an id with two documents."""


class BaseGoneError(BadRowsError):
    """A run continues another one that is not the one served: its rows alone would be half the truth."""


_STAGE_ENTITIES = "CREATE TEMP TABLE staged_entity (id bigint NOT NULL, doc text NOT NULL) ON COMMIT DROP"
_REPLACE_RUN = (
    "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts, last_updated,"
    " row_count, base_run_id, code, seconds, cpu_seconds, touched_users, written_rows, written_bytes, position,"
    " newest_landed_ts, next_listen_ts)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp(), %s, %s, %s, %s, %s, %s, %s, %s,"
    " (SELECT position FROM landing WHERE id = %s), (SELECT newest_listen_ts FROM landing WHERE id = %s), %s)"
    " ON CONFLICT (statistic, stats_range) DO UPDATE SET run_id = EXCLUDED.run_id,"
    " data_version = EXCLUDED.data_version, from_ts = EXCLUDED.from_ts, to_ts = EXCLUDED.to_ts,"
    " newest_listen_ts = EXCLUDED.newest_listen_ts, last_updated = EXCLUDED.last_updated,"
    " row_count = EXCLUDED.row_count, base_run_id = EXCLUDED.base_run_id, code = EXCLUDED.code,"
    " seconds = EXCLUDED.seconds, cpu_seconds = EXCLUDED.cpu_seconds, touched_users = EXCLUDED.touched_users,"
    " written_rows = EXCLUDED.written_rows, written_bytes = EXCLUDED.written_bytes, position = EXCLUDED.position,"
    " newest_landed_ts = EXCLUDED.newest_landed_ts, next_listen_ts = EXCLUDED.next_listen_ts"
)


_LOCK_SWITCH = "SELECT pg_advisory_xact_lock(hashtextextended(%s || ' ' || %s, 0))"
SPAN_KEPT = timedelta(days=1)
"""How long the statistics of a span are kept."""
_DROP_OLDER_SPAN = """
DELETE FROM span WHERE user_id = %(span_of)s AND statistic = %(statistic)s AND from_ts = %(from_ts)s
   AND to_ts = %(to_ts)s AND (data_version, run_id) < (%(data_version)s, %(run_id)s)
"""
_SPAN_FACTS = ("span_of", "run_id", "data_version", "newest_listen_ts")
_KEEP_SPAN = """
INSERT INTO span (user_id, statistic, from_ts, to_ts, run_id, data_version, newest_listen_ts, last_updated,
                  newest_landed_ts)
SELECT id, %(statistic)s, %(from_ts)s, %(to_ts)s, %(run_id)s, %(data_version)s, %(newest_listen_ts)s, clock_timestamp(),
       (SELECT newest_listen_ts FROM landing WHERE id = %(data_version)s)
  FROM users WHERE id = %(span_of)s
    ON CONFLICT DO NOTHING RETURNING id
"""
ENTITIES_LOCK = 0x4C4C_0003
"""Advisory lock: shared while a run is saved, from its structs to its last list; exclusive while structs are pruned."""
_PRUNE_ENTITIES = (
    "DELETE FROM result_entity e WHERE NOT EXISTS ("
    "SELECT FROM (SELECT unnest(ids) AS id FROM result_list UNION SELECT unnest(gone_ids) FROM result_list"
    " UNION SELECT unnest(ids) FROM span_list UNION SELECT unnest(gone_ids) FROM span_list) AS named"
    " WHERE named.id = e.id)"
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
    _copy(cursor, "COPY staged_entity (id, doc) FROM STDIN", (copy_line(row) for row in rows))
    cursor.execute(
        "INSERT INTO result_entity (id, doc) SELECT DISTINCT ON (id) id, doc FROM staged_entity s"
        " WHERE NOT EXISTS (SELECT FROM result_entity e WHERE e.id = s.id) ORDER BY id"
        " ON CONFLICT (id) DO NOTHING"
    )
    # The least of all, not any: for LIMIT 1 each staged struct is looked up by its id, 19 s for 2.3 million, and not 4.
    cursor.execute("SELECT min(id) FROM staged_entity s JOIN result_entity e USING (id) WHERE s.doc <> e.doc")
    clash = cursor.fetchone()
    if clash is not None and clash[0] is not None:
        raise BadRowsError(f"entity {clash[0]} has two documents: their hashes collide, or they were changed")


def save_switch(  # noqa: PLR0917 - what is switched, then its rows
    cursor: Cursor,
    manifest: Manifest,
    switch: Switch,
    kind: Kind,
    rows: Iterable[bytes],
    per_user: bool,
) -> bool:
    """Replace one (statistic, range) by these rows, as COPY takes them, inside the caller's transaction.

    False, and nothing is changed, when this run or a newer one is already served. Raises BadRowsError.
    """
    what = (switch.statistic, switch.stats_range)
    cursor.execute(_LOCK_SWITCH, what)
    cursor.execute("SELECT data_version, run_id FROM run WHERE statistic = %s AND stats_range = %s", what)
    served = cursor.fetchone()
    if served is not None and served >= (manifest.data_version, manifest.run_id):
        return False
    if switch.replace != "all" and (served is None or served[1] != manifest.base_run_id):
        raise BaseGoneError(
            f"{what[0]} {what[1]}: run {manifest.run_id} continues run {manifest.base_run_id}, but "
            f"{'nothing' if served is None else f'run {served[1]}'} is served: ask for it again"
        )
    cursor.execute(kind.stage)
    _copy(cursor, kind.copy, chain((kind.begin,), rows, (kind.end,)))
    if per_user:
        # A user who is there now stays until this is committed, and takes these rows along when she goes.
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (LISTS_LOCK,))
        cursor.execute(kind.forget_strangers)
    if switch.replace == "all":
        cursor.execute(kind.leave, what)
    elif switch.replace == "named":
        cursor.execute(kind.leave_named, what)
    else:
        cursor.execute(kind.leave_touched, (*what, manifest.touched))
    cursor.execute(kind.upsert, what)
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
            manifest.base_run_id,
            manifest.code,
            manifest.seconds,
            manifest.cpu_seconds,
            None if manifest.base_run_id is None else len(manifest.touched),
            sum(part.rows for part in manifest.parts),
            sum(part.bytes for part in manifest.parts),
            manifest.data_version,
            manifest.data_version,
            manifest.next_listen_ts,
        ),
    )
    cursor.execute("DROP TABLE staged")
    return True


def keep_request(cursor: Cursor, manifest: Manifest) -> None:
    """The results of a request are being stored: it lives."""
    cursor.execute(
        "UPDATE request SET heartbeat = clock_timestamp(), progress = 'spark_reader stores the results'"
        " WHERE id = %s AND state = 'running' AND (run_id IS NULL OR run_id = %s)",
        (manifest.request_id, manifest.run_id),
    )


def save_span(cursor: Cursor, manifest: Manifest, switch: Switch, kind: Kind, rows: Iterable[bytes]) -> bool:
    """Replace what is kept of a user's span by these rows, as COPY takes them, inside the caller's transaction.

    False, and nothing is changed, when this run or a newer one is kept already, or the user is gone. Raises
    BadRowsError.
    """
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (LISTS_LOCK,))
    values = {
        name: getattr(of, name)
        for of, names in ((switch, ("statistic", "from_ts", "to_ts")), (manifest, _SPAN_FACTS))
        for name in names
    }
    cursor.execute(_DROP_OLDER_SPAN, values)
    cursor.execute(_KEEP_SPAN, values)
    kept = cursor.fetchone()
    if kept is None:
        return False
    cursor.execute(kind.stage)
    _copy(cursor, kind.copy, chain((kind.begin,), rows, (kind.end,)))
    cursor.execute(kind.keep, {"span_id": kept[0], "user_id": manifest.span_of})
    cursor.execute("DROP TABLE staged")
    return True


def forget_spans(connection: Connection) -> int:
    """Drop what was kept for a day; of how many spans."""
    with transaction(connection) as cursor:
        cursor.execute("DELETE FROM span WHERE last_updated < now() - %s", (SPAN_KEPT,))
        return cursor.rowcount


def forget_entities(connection: Connection, statistics: Collection[str], kept: timedelta) -> int:
    """Drop documents of entities over all time that were stored so long ago, with their run; of how many statistics."""
    with transaction(connection) as cursor:
        for statistic in sorted(statistics):  # none of them is being saved meanwhile
            cursor.execute(_LOCK_SWITCH, (statistic, ALL_TIME))
        cursor.execute(
            "DELETE FROM run WHERE statistic = ANY(%s) AND last_updated < now() - %s RETURNING statistic",
            ([*statistics], kept),
        )
        forgotten = [statistic for (statistic,) in cursor.fetchall()]
        cursor.execute("DELETE FROM result_entity_document WHERE statistic = ANY(%s)", (forgotten,))
    return len(forgotten)


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
