"""Listens written through the one write function, and both stores read as plain rows, to be compared."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from deltalake import DeltaTable

from conf.postgres import Connection, transaction
from jobs.listens.account_deletion import Deleted, delete_account
from jobs.listens.exclusions import add_exclusion, exclusion_of, remove_exclusion
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.msid import msid_of
from jobs.listens.user_settings import set_zone
from jobs.listens.write import delete_history, delete_listen, write_submissions

NOON = 1_609_502_400
"""2021-01-01 12:00 UTC: tests count seconds from here."""
Row = tuple[Any, ...]
COLUMNS = (
    "user_id", "listened_at", "recording_msid", "position", "inserted_at", "artist_name", "track_name", "release_name",
    "additional_info", "source", "dump_id",
)  # fmt: skip
"""What PostgreSQL and the lake have in common: the whole listen."""


def listen(second: int, track: str = "Help!", artist: str = "The Beatles", **info: Any) -> dict[str, Any]:
    """A listen in API form, `second` seconds after NOON."""
    metadata = {"artist_name": artist, "track_name": track, "additional_info": info}
    return {"listened_at": NOON + second, "track_metadata": metadata}


def submit(connection: Connection, user_id: int, *listens: Any, source: str | None = None) -> None:
    """One message, accepted now, written."""
    message = Submission(new_message_id(), user_id, _now(), listens, source)
    [outcome] = write_submissions(connection, [message])
    assert outcome.rejected == 0


def delete(connection: Connection, user_id: int, item: dict[str, Any]) -> None:
    """Delete one listen."""
    delete_listen(connection, user_id, item["listened_at"], msid_of(item["track_metadata"]), _now())


def wipe(connection: Connection, user_id: int) -> None:
    """Delete all listens of a user."""
    delete_history(connection, user_id, _now())


def leave(connection: Connection, user_id: int) -> Deleted:
    """Delete the account and everything of it."""
    return delete_account(connection, user_id, _now())


def zone(connection: Connection, user_id: int, name: str) -> None:
    """Choose a time zone."""
    with transaction(connection) as cursor:
        set_zone(cursor, user_id, name)


def exclude(connection: Connection, user_id: int, kind: str, value: str) -> None:
    """Leave something out of the statistics."""
    with transaction(connection) as cursor:
        add_exclusion(cursor, user_id, exclusion_of(kind, value))


def include(connection: Connection, user_id: int, kind: str, value: str) -> None:
    """Take an exclusion back."""
    with transaction(connection) as cursor:
        remove_exclusion(cursor, user_id, exclusion_of(kind, value))


def settings_agree(connection: Connection, lake: str) -> int:
    """The lake holds the time zones and exclusions that PostgreSQL holds; how many."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT user_id, zone, position FROM user_settings ORDER BY position")
        zones = cursor.fetchall()
        cursor.execute("SELECT user_id, kind, value, value_key, created, position FROM exclusion ORDER BY position")
        exclusions = cursor.fetchall()
    assert table(lake, "user_settings", ("user_id", "zone", "position"), "position") == zones
    columns = ("user_id", "kind", "value", "value_key", "created", "position")
    assert table(lake, "exclusions", columns, "position") == exclusions
    return len(zones) + len(exclusions)


def _now() -> int:
    """Epoch microseconds; a little apart from the last, so that a later call is later."""
    time.sleep(0.001)
    return time.time_ns() // 1000


def in_postgres(connection: Connection) -> list[Row]:
    """Every row of `listen`, by COLUMNS, in order of position."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT user_id, listened_at, recording_msid, position, inserted_at, artist_name, track_name,"
            " release_name, additional_info, source, dump_id FROM listen ORDER BY position"
        )
        return [_plain(row) for row in cursor.fetchall()]


def in_lake(lake: str) -> list[Row]:
    """Every row of the table `listens`, by COLUMNS, in order of position. Read by deltalake, which did not write it."""
    rows = table(lake, "listens", COLUMNS, order="position")
    return [_plain((user_id, int(at.timestamp()), *rest)) for user_id, at, *rest in rows]


def table(lake: str, name: str, columns: Iterable[str], order: str) -> list[Row]:
    """Chosen columns of a table's newest version as tuples."""
    chosen = list(columns)
    rows = DeltaTable(f"{lake}/{name}").to_pyarrow_table(columns=[*{*chosen, order}]).sort_by(order)
    return [tuple(row[column] for column in chosen) for row in rows.to_pylist()]


def agree(connection: Connection, lake: str) -> int:
    """The lake holds what PostgreSQL's `listen` holds, each row exactly once, byte for byte; how many."""
    stored = in_postgres(connection)
    assert in_lake(lake) == stored
    return len(stored)


def _plain(row: Iterable[Any]) -> Row:
    return tuple(map(_value, row))


def _value(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value
