"""What changed in PostgreSQL since a position, read for the lake in one snapshot.

Positions are given out under one lock, so position order is commit order and a snapshot has no gaps. `listen` holds
only rows that are there now: an insert that was deleted again is simply absent, its delete is one of `deletes`.
"""

import io
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.csv
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.tables.listens import EARLIEST, LATEST

BATCH_BYTES = 128 * 1024 * 1024
"""Most bytes of listen text in one increment: memory stays bounded whatever people submit."""

_MICROS = pa.timestamp("us", "UTC")
_LISTENS = pa.schema(
    [
        ("user_id", pa.int32()),
        ("position", pa.int64()),
        ("listened_at", pa.int64()),
        ("inserted_at", pa.int64()),
        ("recording_msid", pa.string()),
        ("artist_name", pa.string()),
        ("track_name", pa.string()),
        ("release_name", pa.string()),
        ("additional_info", pa.string()),
        ("source", pa.string()),
        ("dump_id", pa.int32()),
    ]
)
_DELETES = pa.schema(
    [("user_id", pa.int32()), ("listened_at", pa.int64()), ("recording_msid", pa.string()), ("position", pa.int64())]
)
_USERS = pa.schema(
    [
        ("user_id", pa.int32()),
        ("name", pa.string()),
        ("created", pa.int64()),
        ("source", pa.string()),
        ("foreign_id", pa.int64()),
        ("position", pa.int64()),
    ]
)
_MAPPING = pa.schema(
    [
        ("user_id", pa.int32()),
        ("recording_msid", pa.string()),
        ("recording_mbid", pa.string()),
        ("release_mbid", pa.string()),
        ("artist_credit_id", pa.int64()),
        ("artist_mbids", pa.string()),
        ("source", pa.string()),
        ("dump_id", pa.int32()),
        ("updated", pa.int64()),
        ("position", pa.int64()),
    ]
)
_MAPPING_DELETES = pa.schema(
    [("user_id", pa.int32()), ("recording_msid", pa.string()), ("source", pa.string()), ("position", pa.int64())]
)

_USER_SETTINGS = pa.schema([("user_id", pa.int32()), ("zone", pa.string()), ("position", pa.int64())])
_EXCLUSIONS = pa.schema(
    [
        ("user_id", pa.int32()),
        ("kind", pa.string()),
        ("value", pa.string()),
        ("value_key", pa.string()),
        ("created", pa.int64()),
        ("position", pa.int64()),
    ]
)
_EXCLUSION_DELETES = pa.schema(
    [("user_id", pa.int32()), ("kind", pa.string()), ("value_key", pa.string()), ("position", pa.int64())]
)
_USER_DELETES = pa.schema([("user_id", pa.int32()), ("position", pa.int64())])

_LISTENS_SQL = """
SELECT user_id, position, listened_at * 1000000, (extract(epoch FROM inserted_at) * 1000000)::bigint, recording_msid,
       artist_name, track_name, release_name, additional_info, source, dump_id
FROM listen WHERE position > {after} AND position <= {upto}"""
# A delete of a second that no listen can have deletes nothing, and its microseconds may not fit a bigint.
_DELETES_SQL = """
SELECT user_id, listened_at * 1000000, recording_msid, position
FROM listen_delete WHERE position > {after} AND position <= {upto}
 AND (listened_at IS NULL OR listened_at >= {earliest} AND listened_at < {latest})
UNION ALL SELECT user_id, NULL, NULL, position FROM user_delete WHERE position > {after} AND position <= {upto}"""
_USERS_SQL = """
SELECT id, name, (extract(epoch FROM created) * 1000000)::bigint, source, foreign_id, position
FROM users WHERE position > {after} AND position <= {upto}"""
_MAPPING_SQL = """
SELECT user_id, recording_msid, recording_mbid, release_mbid, artist_credit_id, array_to_string(artist_mbids, ' '),
       source, dump_id, (extract(epoch FROM updated) * 1000000)::bigint, position
FROM mapping WHERE position > {after} AND position <= {upto}"""
_MAPPING_DELETES_SQL = """
SELECT user_id, recording_msid, source, position
FROM mapping_delete WHERE position > {after} AND position <= {upto}"""
_USER_SETTINGS_SQL = "SELECT user_id, zone, position FROM user_settings WHERE position > {after} AND position <= {upto}"
_EXCLUSIONS_SQL = """
SELECT user_id, kind, value, value_key, (extract(epoch FROM created) * 1000000)::bigint, position
FROM exclusion WHERE position > {after} AND position <= {upto}"""
_EXCLUSION_DELETES_SQL = """
SELECT user_id, kind, value_key, position
FROM exclusion_delete WHERE position > {after} AND position <= {upto}"""
_USER_DELETES_SQL = "SELECT user_id, position FROM user_delete WHERE position > {after} AND position <= {upto}"

# (rows looked at, position of the last that fits in bytes, newest position) of the listens that come next.
_NEXT_LISTENS_SQL = """
SELECT count(*), max(position) FILTER (WHERE bytes <= %(bytes)s OR nth = 1), max(position) FROM (
    SELECT position, row_number() OVER (ORDER BY position) AS nth,
           sum(octet_length(artist_name) + octet_length(track_name) + octet_length(additional_info) + 200)
               OVER (ORDER BY position) AS bytes
    FROM (SELECT * FROM listen WHERE position > %(after)s ORDER BY position LIMIT %(limit)s) AS next
) AS sized"""
_NEXT_OTHERS_SQL = """
SELECT count(*), max(position), max(position) FROM (
    SELECT position FROM listen_delete WHERE position > %(after)s ORDER BY position LIMIT %(limit)s) AS next
UNION ALL
SELECT count(*), max(position), max(position) FROM (
    SELECT position FROM users WHERE position > %(after)s ORDER BY position LIMIT %(limit)s) AS next
UNION ALL
SELECT count(*), max(position), max(position) FROM (
    SELECT position FROM mapping WHERE position > %(after)s ORDER BY position LIMIT %(limit)s) AS next
UNION ALL
SELECT count(*), max(position), max(position) FROM (
    SELECT position FROM mapping_delete WHERE position > %(after)s ORDER BY position LIMIT %(limit)s) AS next
UNION ALL
SELECT count(*), max(position), max(position) FROM (
    SELECT position FROM user_settings WHERE position > %(after)s ORDER BY position LIMIT %(limit)s) AS next
UNION ALL
SELECT count(*), max(position), max(position) FROM (
    SELECT position FROM exclusion WHERE position > %(after)s ORDER BY position LIMIT %(limit)s) AS next
UNION ALL
SELECT count(*), max(position), max(position) FROM (
    SELECT position FROM exclusion_delete WHERE position > %(after)s ORDER BY position LIMIT %(limit)s) AS next
UNION ALL
SELECT count(*), max(position), max(position) FROM (
    SELECT position FROM user_delete WHERE position > %(after)s ORDER BY position LIMIT %(limit)s) AS next"""


@dataclass(frozen=True)
class Increment:
    """The changes in (after, upto], as Arrow: times are UTC timestamps, UUIDs lower-case text."""

    after: int
    upto: int
    listens: pa.Table
    deletes: pa.Table
    """listened_at and recording_msid null: the whole history of the user, who may be gone."""
    users: pa.Table
    mapping: pa.Table
    mapping_deletes: pa.Table
    user_settings: pa.Table
    exclusions: pa.Table
    exclusion_deletes: pa.Table
    user_deletes: pa.Table
    """Users who are gone with everything of theirs; their listens are among `deletes`."""
    cut: bool
    """More was waiting than one increment takes."""


@dataclass(frozen=True)
class Store:
    """Which PostgreSQL this is and how far it has come."""

    epoch: UUID
    last_position: int
    """Greatest position ever given out, committed or not."""


def read_store(cursor: Cursor) -> Store:
    """Epoch and last position of the store."""
    cursor.execute(
        "SELECT epoch, (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM change_position) FROM store"
    )
    row = cursor.fetchone()
    if row is None:
        raise LookupError("the store has no epoch: run `spark_manage.py init_db`")
    return Store(row[0], row[1])


def landed_up_to(cursor: Cursor, position: int) -> bool:
    """Whether every change up to a position is in the lake, as the mirror of its landings tells."""
    cursor.execute("SELECT coalesce(max(position), 0) FROM landing")
    row = cursor.fetchone()
    landed = int(row[0]) if row else 0
    return landed >= position or not waiting(cursor, landed)


def waiting(cursor: Cursor, after: int) -> bool:
    """Whether any change beyond a position waits to be landed."""
    end, _ = _next_position(cursor, after, 1, BATCH_BYTES)
    return end is not None


def read_increment(
    connection: Connection, after: int, limit: int, upto: int | None = None, *, most_bytes: int = BATCH_BYTES
) -> Increment | None:
    """The next changes after a position, at most `limit` rows of a kind and `most_bytes`; None when nothing waits.

    `upto` fixes the end instead: the changes a landing had taken before it was interrupted. One REPEATABLE READ
    snapshot, so the connection must not be inside a transaction.
    """
    connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
    with transaction(connection) as cursor:
        end, cut = (upto, True) if upto is not None else _next_position(cursor, after, limit, most_bytes)
        if end is None:
            return None
        listens = _read(cursor, _LISTENS_SQL, _LISTENS, after, end)
        deletes = _read(cursor, _DELETES_SQL, _DELETES, after, end)
        users = _read(cursor, _USERS_SQL, _USERS, after, end)
        mapping = _read(cursor, _MAPPING_SQL, _MAPPING, after, end)
        mapping_deletes = _read(cursor, _MAPPING_DELETES_SQL, _MAPPING_DELETES, after, end)
        user_settings = _read(cursor, _USER_SETTINGS_SQL, _USER_SETTINGS, after, end)
        exclusions = _read(cursor, _EXCLUSIONS_SQL, _EXCLUSIONS, after, end)
        exclusion_deletes = _read(cursor, _EXCLUSION_DELETES_SQL, _EXCLUSION_DELETES, after, end)
        user_deletes = _read(cursor, _USER_DELETES_SQL, _USER_DELETES, after, end)
    return Increment(
        after,
        end,
        _timed(listens, "listened_at", "inserted_at"),
        _timed(deletes, "listened_at"),
        _timed(users, "created"),
        _listed(_timed(mapping, "updated"), "artist_mbids"),
        mapping_deletes,
        user_settings,
        _timed(exclusions, "created"),
        exclusion_deletes,
        user_deletes,
        cut,
    )


def _next_position(cursor: Cursor, after: int, limit: int, most_bytes: int) -> tuple[int | None, bool]:
    """Where the next increment ends: the newest position, or earlier (true) where one kind has more than its share."""
    given = {"after": after, "limit": limit, "bytes": most_bytes}
    cursor.execute(_NEXT_LISTENS_SQL, given)
    kinds = cursor.fetchall()
    cursor.execute(_NEXT_OTHERS_SQL, given)
    kinds += cursor.fetchall()
    full = [fits for count, fits, newest in kinds if count and (count >= limit or fits < newest)]
    newest = [newest for count, _, newest in kinds if count]
    return min(full, default=max(newest, default=None)), bool(full)


def _read(cursor: Cursor, query: str, schema: pa.Schema, after: int, upto: int) -> pa.Table:
    """COPY as CSV, which tells null from empty text, straight into Arrow: no Python value per row."""
    values = {"after": after, "upto": upto, "earliest": EARLIEST, "latest": LATEST}
    select = sql.SQL(query).format(**{name: sql.Literal(value) for name, value in values.items()})
    buffer = io.BytesIO()
    cursor.copy_expert(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(select), buffer)
    if buffer.tell() == 0:
        return schema.empty_table()
    source = pa.py_buffer(buffer.getbuffer())
    return pyarrow.csv.read_csv(
        pa.BufferReader(source),
        read_options=pyarrow.csv.ReadOptions(column_names=schema.names, block_size=64 * 1024 * 1024, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )


def _timed(table: pa.Table, *names: str) -> pa.Table:
    for name in names:
        index = table.schema.get_field_index(name)
        table = table.set_column(index, pa.field(name, _MICROS), table[name].cast(_MICROS))
    return table


def _listed(table: pa.Table, name: str) -> pa.Table:
    index = table.schema.get_field_index(name)
    lists: list[Any] = [value.split() for value in table[name].to_pylist()]
    return table.set_column(index, pa.field(name, pa.list_(pa.string())), pa.array(lists, pa.list_(pa.string())))
