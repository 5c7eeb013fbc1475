"""Serving rebuild: an emptied PostgreSQL gets epoch, users with their settings, listens, mapping and landing rows from
the lake. No JVM.

Positions are the lake's and continue above them, so landing goes on as if nothing had happened. Passwords and tokens
are not in the lake; they come only from a backup. A deleted user is not in the lake, so she does not come back; her id
is given to nobody else, for a message of hers may still wait in the queue.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs import lake_files
from jobs.landing import Landing
from jobs.listens.msid import fold
from jobs.listens.table_copy import copy_table

_LISTEN = (
    "user_id",
    "listened_at",
    "recording_msid",
    "position",
    "inserted_at",
    "artist_name",
    "track_name",
    "release_name",
    "additional_info",
    "source",
    "dump_id",
)
_EMPTY = ("users", "listen", "listen_delete", "mapping", "mapping_delete", "user_delete", "token")
_DELETED_IDS = 1_000_000
"""Most ids above the greatest of the lake that may have belonged to users who are gone."""


class DatabaseNotEmptyError(RuntimeError):
    """The database holds users or listens, which a rebuild would have to throw away: names the table."""


@dataclass(frozen=True)
class Rebuilt:
    """What came back."""

    data_version: int
    users: int
    listens: int
    mapping: int
    settings: int
    """Time zones and exclusions of users."""


def rebuild(connection: Connection, lake: str, progress: Callable[[int], None] = lambda rows: None) -> Rebuilt:
    """Fill an empty database of this schema from the lake, in one transaction: all of it or nothing.

    `progress` is told the listens of each batch. Raises DatabaseNotEmptyError, LakeEmptyError.
    """
    landing = lake_files.newest(lake)
    with transaction(connection) as cursor:
        _refuse_data(cursor)
        cursor.execute("DELETE FROM landing")
        cursor.execute("DELETE FROM store")
        cursor.execute("INSERT INTO store (epoch) VALUES (%s::uuid)", (landing.epoch,))
        users = _users(cursor, lake, landing)
        listens = _listens(cursor, lake, landing, progress)
        mapping = _mapping(cursor, lake, landing)
        settings = _settings(cursor, lake, landing)
        _landings(cursor, lake)
        cursor.execute("SELECT setval('change_position', %s)", (max(landing.position, 1),))
        _totals(cursor)
    return Rebuilt(landing.landing_id, users, listens, mapping, settings)


def _refuse_data(cursor: Cursor) -> None:
    for name in _EMPTY:
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(name)))
        row = cursor.fetchone()
        if row is not None and row[0]:
            raise DatabaseNotEmptyError(
                f"table {name} has rows: a rebuild fills an empty database and throws nothing away. Make a fresh one "
                "(createdb, init_db) and point DATABASE_URL at it, or restore a backup"
            )


def _users(cursor: Cursor, lake: str, landing: Landing) -> int:
    table = lake_files.open_table(lake, landing, "users").to_pyarrow_table().sort_by("user_id")
    keys = pa.array([fold(name) for name in table["name"].to_pylist()], pa.string())
    columns = ("name", "created", "source", "foreign_id", "position")
    rows = pa.table({"id": table["user_id"], **{name: table[name] for name in columns}, "name_key": keys})
    copy_table(cursor, "users", rows)
    # Whoever took an id took a position, so no id that was ever given out is above the last position.
    cursor.execute(
        "SELECT setval(pg_get_serial_sequence('users', 'id'),"
        " greatest(coalesce(max(id), 0), least(%s, coalesce(max(id), 0) + %s)) + 1, false) FROM users",
        (landing.position, _DELETED_IDS),
    )
    return int(rows.num_rows)


def _listens(cursor: Cursor, lake: str, landing: Landing, progress: Callable[[int], None]) -> int:
    total = 0
    for batch in _batches(lake, landing):
        seconds = pc.divide(batch["listened_at"].cast(pa.int64()), 1_000_000)
        at = batch.schema.get_field_index("listened_at")
        copy_table(cursor, "listen", batch.set_column(at, "listened_at", seconds))
        total += batch.num_rows
        progress(batch.num_rows)
    return total


def _batches(lake: str, landing: Landing) -> Iterator[pa.Table]:
    dataset = lake_files.open_table(lake, landing, "listens").to_pyarrow_dataset()
    columns = [name for name in _LISTEN if name in dataset.schema.names]  # a lake of older code lacks the newest
    scanner = dataset.scanner(columns=columns, batch_size=50_000, batch_readahead=2, fragment_readahead=2)
    for batch in chain(scanner.to_batches()):
        if batch.num_rows:
            yield pa.Table.from_batches([batch])


def _mapping(cursor: Cursor, lake: str, landing: Landing) -> int:
    table = lake_files.open_table(lake, landing, "mapping").to_pyarrow_table()
    lists = pa.array(["{" + ",".join(ids) + "}" for ids in table["artist_mbids"].to_pylist()], pa.string())
    at = table.schema.get_field_index("artist_mbids")
    copy_table(cursor, "mapping", table.set_column(at, "artist_mbids", lists))
    return int(table.num_rows)


def _settings(cursor: Cursor, lake: str, landing: Landing) -> int:
    """Of a lake made before there were any: none."""
    rows = 0
    for table, kept in (("user_settings", "user_settings"), ("exclusion", "exclusions")):
        if kept in landing.versions:
            found = lake_files.open_table(lake, landing, kept).to_pyarrow_table()
            copy_table(cursor, table, found)
            rows += found.num_rows
    return rows


def _landings(cursor: Cursor, lake: str) -> None:
    rows = lake_files.open_table(lake, lake_files.newest(lake), "landing").to_pyarrow_table()
    kept = rows.select(["landing_id", "position", "landed_at", "newest_listen_ts", "kind", "rows"])
    copy_table(cursor, "landing", kept.rename_columns(["id", *kept.column_names[1:]]))


def _totals(cursor: Cursor) -> None:
    """Their versions are the last position, none smaller than it was: no answer of before counts as fresh."""
    cursor.execute("DELETE FROM listen_totals")
    cursor.execute(
        "INSERT INTO listen_totals (user_id, listen_count, oldest_listened_at, newest_listened_at, version)"
        " SELECT user_id, count(*), min(listened_at), max(listened_at), (SELECT last_value FROM change_position)"
        " FROM listen GROUP BY user_id"
    )
