"""Files that users have handed in: one row each, worked off in order. The file itself is DATA_DIR/uploads/ID.

Whoever works on a row holds an advisory lock of its session, so that a row whose worker died is free at once; what is
in, and what is told of it, was committed together.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.listens.imports import Totals

SHOWN_PROBLEMS = 100
"""The first refused items are kept with their reasons; the others are counted."""
MOST_OPEN = 5
"""Files of one user that wait or are worked on: each may be large."""
MOST_ATTEMPTS = 3
"""A file that ends its worker so often at the same place has failed."""
FIRST_DATE, LAST_DATE = date(1970, 1, 2), date(9999, 12, 29)
"""Days that a file's listens can be limited to: midnight of every time zone is a time there."""
NAME_LENGTH = 200
REASON_LENGTH = 300
_LOCKS = 7304
"""Class of the advisory locks."""


class TooManyImportsError(ValueError):
    """The user has handed in so many files that another one must wait."""


class ImportGoneError(RuntimeError):
    """The row was cancelled, or its user is gone, while it was worked on."""


@dataclass(frozen=True)
class UserImport:
    """One row of `user_import`."""

    id: UUID
    user_id: int
    file_name: str
    format: str
    timezone: str
    from_date: date | None
    """First day, in `timezone`, whose listens are wanted; None: from the beginning."""
    to_date: date | None
    """Last such day; None: to the end."""
    state: str
    """waiting, running, done, failed or cancelled."""
    bytes: int
    bytes_read: int
    attempts: int
    counts: dict[str, Any]
    problems: list[dict[str, str]]
    """{"item": place, "reason"} of the first refused items."""
    error: str | None
    created: datetime
    started: datetime | None
    finished: datetime | None

    @property
    def within(self) -> range | None:
        """Epoch seconds of the wanted days; None: all."""
        if self.from_date is None and self.to_date is None:
            return None
        first, last, zone = self.from_date or FIRST_DATE, self.to_date or LAST_DATE, ZoneInfo(self.timezone)
        bounds = [datetime.combine(day, time(), zone) for day in (first, last + timedelta(days=1))]
        return range(int(bounds[0].timestamp()), int(bounds[1].timestamp()))

    @property
    def totals(self) -> Totals:
        """What is in so far."""
        return Totals(**self.counts)

    @property
    def is_open(self) -> bool:
        """Whether it waits or is worked on."""
        return self.state in ("waiting", "running")


_LIST = """
SELECT id, user_id, file_name, format, timezone, from_date, to_date, state, bytes, bytes_read, attempts, counts,
    problems, error, created, started, finished
FROM user_import WHERE user_id = %s ORDER BY created DESC, id LIMIT %s
"""
_FIND = """
SELECT id, user_id, file_name, format, timezone, from_date, to_date, state, bytes, bytes_read, attempts, counts,
    problems, error, created, started, finished
FROM user_import WHERE user_id = %s AND id = %s
"""
_CLAIM = """
UPDATE user_import SET state = 'running', started = coalesce(started, now()), attempts = attempts + 1
WHERE id = %s AND state IN ('waiting', 'running')
RETURNING id, user_id, file_name, format, timezone, from_date, to_date, state, bytes, bytes_read, attempts, counts,
    problems, error, created, started, finished
"""


def plain(text: str, length: int = REASON_LENGTH) -> str:
    """Text from outside as every store and page takes it: printable, and not longer than that."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: length + 1])
    return shown if len(shown) <= length else shown[: length - 1] + "…"


@dataclass(frozen=True)
class Wish:
    """How a file is to be read, and which of its listens are wanted: see UserImport."""

    format: str
    timezone: str = "UTC"
    from_date: date | None = None
    to_date: date | None = None


def add_import(cursor: Cursor, row_id: UUID, user_id: int, *, name: str, size: int, wish: Wish) -> None:
    """A file that is there and waits. Raises TooManyImportsError."""
    cursor.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (user_id,))
    cursor.execute(
        "SELECT count(*) FROM user_import WHERE user_id = %s AND state IN ('waiting', 'running')", (user_id,)
    )
    row = cursor.fetchone()
    assert row is not None
    if row[0] >= MOST_OPEN:
        raise TooManyImportsError(f"{row[0]} of your files are waiting already: wait until one is done, or cancel one")
    cursor.execute(
        "INSERT INTO user_import (id, user_id, file_name, format, timezone, from_date, to_date, state, bytes)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, 'waiting', %s)",
        (
            row_id,
            user_id,
            plain(name, NAME_LENGTH),
            wish.format,
            wish.timezone,
            wish.from_date,
            wish.to_date,
            size,
        ),
    )


def imports_of(cursor: Cursor, user_id: int, limit: int = 25) -> list[UserImport]:
    """The user's newest ones."""
    cursor.execute(_LIST, (user_id, limit))
    return [UserImport(*row) for row in cursor.fetchall()]


def find_import(cursor: Cursor, user_id: int, row_id: UUID) -> UserImport | None:
    """One of the user's; None when she has no such one."""
    cursor.execute(_FIND, (user_id, row_id))
    row = cursor.fetchone()
    return UserImport(*row) if row else None


def cancel_import(cursor: Cursor, user_id: int, row_id: UUID) -> bool:
    """Take back one that is still waiting; False when it is not."""
    cursor.execute(
        "UPDATE user_import SET state = 'cancelled', finished = now()"
        " WHERE user_id = %s AND id = %s AND state = 'waiting'",
        (user_id, row_id),
    )
    return cursor.rowcount == 1


def claim_import(connection: Connection) -> UserImport | None:
    """The oldest open one that nobody works on, now running and locked by this session; None when there is none."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT id FROM user_import WHERE state IN ('waiting', 'running') ORDER BY created, id LIMIT 50")
        waiting = [row_id for (row_id,) in cursor.fetchall()]
    for row_id in waiting:
        with transaction(connection) as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (_LOCKS, str(row_id)))
            row = cursor.fetchone()
            if row is None or not row[0]:
                continue
            cursor.execute(_CLAIM, (row_id,))
            found = cursor.fetchone()
        if found is not None:
            return UserImport(*found)
        release_import(connection, row_id)
    return None


def release_import(connection: Connection, row_id: UUID) -> None:
    """Let others work on it."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", (_LOCKS, str(row_id)))


def note_progress(
    cursor: Cursor, row_id: UUID, totals: Totals, bytes_read: int, problems: Sequence[tuple[str, str]]
) -> None:
    """What is in, in the transaction that brings it in. Raises ImportGoneError: then it must not come in."""
    told = [{"item": plain(place), "reason": plain(reason)} for place, reason in problems[:SHOWN_PROBLEMS]]
    cursor.execute(
        "UPDATE user_import SET counts = %s::jsonb, bytes_read = least(bytes, %s), attempts = 1, problems = CASE"
        " WHEN jsonb_array_length(problems) < %s THEN problems || %s::jsonb ELSE problems END"
        " WHERE id = %s AND state = 'running'",
        (_json(asdict(totals)), bytes_read, SHOWN_PROBLEMS, _json(told), row_id),
    )
    if cursor.rowcount == 0:
        raise ImportGoneError(f"import {row_id} is not wanted any more")


def finish_import(cursor: Cursor, row_id: UUID, error: str | None) -> None:
    """It is done, or has failed for this reason."""
    cursor.execute(
        "UPDATE user_import SET state = %s, error = %s, finished = now(),"
        " bytes_read = CASE WHEN %s THEN bytes ELSE bytes_read END WHERE id = %s AND state = 'running'",
        ("failed" if error else "done", None if error is None else plain(error), error is None, row_id),
    )


def open_imports(cursor: Cursor) -> set[UUID]:
    """Those whose file is still wanted."""
    cursor.execute("SELECT id FROM user_import WHERE state IN ('waiting', 'running')")
    return {row_id for (row_id,) in cursor.fetchall()}


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
