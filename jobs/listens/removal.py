"""Listens leave `listen`: one, or all of a user, each delete with a position and a tombstone of its own."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.listens.positions import lock_writes, take_positions

SLICE = 50_000
"""Rows per statement: each takes a second or so, and no statement deadline of a caller is met."""

NEVER = -(2**63)
"""As the time of a request: a delete that holds nothing back that is submitted under its key, before or after."""

Key = tuple[int, int, UUID]
"""(user, second, MSID)."""

_RECOUNT = """
UPDATE listen_totals t SET listen_count = listen_count - %s, version = %s,
    oldest_listened_at = (SELECT min(listened_at) FROM listen WHERE user_id = t.user_id),
    newest_listened_at = (SELECT max(listened_at) FROM listen WHERE user_id = t.user_id)
WHERE user_id = %s
"""

_REMOVE = """
DELETE FROM listen WHERE ctid = ANY(ARRAY(SELECT ctid FROM listen WHERE user_id = %s LIMIT %s))
"""

_REMOVE_OF_SOURCE = """
DELETE FROM listen l
USING unnest(%s::integer[], %s::bigint[], %s::uuid[]) AS given (user_id, listened_at, recording_msid)
WHERE (l.user_id, l.listened_at, l.recording_msid) = (given.user_id, given.listened_at, given.recording_msid)
    AND l.source = %s
RETURNING l.user_id, l.listened_at, l.recording_msid
"""

_OF_DUMPS = """
SELECT l.source, given.n - 1
FROM unnest(%s::integer[], %s::bigint[], %s::uuid[]) WITH ORDINALITY AS given (user_id, listened_at, recording_msid, n)
JOIN listen l USING (user_id, listened_at, recording_msid)
WHERE l.dump_id IS NOT NULL
"""

_LEAVE_TOMBSTONES = """
INSERT INTO listen_delete (position, user_id, listened_at, recording_msid, requested_at)
SELECT given.*, %s FROM unnest(%s::bigint[], %s::integer[], %s::bigint[], %s::uuid[]) AS given
"""


def delete_listen(
    connection: Connection, user_id: int, listened_at: int, recording_msid: UUID, requested_at: int
) -> int:
    """Delete one listen, and for ever what was submitted under its key until `requested_at` (epoch microseconds).

    Returns how many rows went: 0 or 1. To be asked again does no harm.
    """
    with transaction(connection) as cursor:
        lock_writes(cursor)
        if not _is_there(cursor, user_id):
            return 0
        position = _leave_tombstone(cursor, user_id, listened_at, recording_msid, requested_at)
        cursor.execute(
            "DELETE FROM listen WHERE user_id = %s AND listened_at = %s AND recording_msid = %s",
            (user_id, listened_at, recording_msid),
        )
        removed = cursor.rowcount
        if removed:
            cursor.execute(_RECOUNT, (removed, position, user_id))
    return removed


def delete_history(connection: Connection, user_id: int, requested_at: int) -> int:
    """Delete all listens of a user, and for ever those submitted until `requested_at` (epoch microseconds).

    Listens that were set aside with a reason go too. Returns how many rows of `listen` went.
    """
    with transaction(connection) as cursor:
        lock_writes(cursor)
        if not _is_there(cursor, user_id):
            return 0
        position = _leave_tombstone(cursor, user_id, None, None, requested_at)
        removed = remove_listens(cursor, user_id)
        cursor.execute(_RECOUNT, (removed, position, user_id))
        cursor.execute("DELETE FROM rejected_listen WHERE user_id = %s AND submitted_at <= %s", (user_id, requested_at))
    return removed


def _is_there(cursor: Cursor, user_id: int) -> bool:
    """Of an account that is gone nothing is kept, no tombstone either: what is queued for it never appears."""
    cursor.execute("SELECT FROM users WHERE id = %s", (user_id,))
    return bool(cursor.rowcount)


def _leave_tombstone(
    cursor: Cursor, user_id: int, listened_at: int | None, recording_msid: UUID | None, requested_at: int
) -> int:
    """The position of the delete."""
    position = take_positions(cursor, 1)[0]
    cursor.execute(
        "INSERT INTO listen_delete (position, user_id, listened_at, recording_msid, requested_at)"
        " VALUES (%s, %s, %s, %s, %s)",
        (position, user_id, listened_at, recording_msid, requested_at),
    )
    return position


def remove_listens(cursor: Cursor, user_id: int, rows: int = SLICE) -> int:
    """Remove every row of `listen` of a user, `rows` per statement, in the caller's transaction; how many went."""
    removed = 0
    while True:
        cursor.execute(_REMOVE, (user_id, rows))
        removed += cursor.rowcount
        if cursor.rowcount < rows:
            return removed


def remove_of_source(cursor: Cursor, source: str, keys: Sequence[tuple[int, int, UUID | str]]) -> int:
    """Remove the listens of these keys that a source has brought, under `lock_writes`; how many went.

    Each goes by a position of its own. Nothing is held back: the source may bring it again.
    """
    cursor.execute(_REMOVE_OF_SOURCE, (*_columns(keys), source))
    gone: list[Key] = cursor.fetchall()
    if not gone:
        return 0
    positions = take_positions(cursor, len(gone))
    cursor.execute(_LEAVE_TOMBSTONES, (NEVER, list(positions), *_columns(gone)))
    for user_id, removed in Counter(user_id for user_id, _, _ in gone).items():
        cursor.execute(_RECOUNT, (removed, positions[-1], user_id))
    return len(gone)


def make_way(cursor: Cursor, keys: Sequence[tuple[int, int, UUID | str]]) -> list[int]:
    """Remove the listens of these keys that dumps have brought: their users submit them; the indexes of those keys."""
    cursor.execute(_OF_DUMPS, _columns(keys))
    found: list[tuple[str, int]] = cursor.fetchall()
    for source in {source for source, _ in found}:
        remove_of_source(cursor, source, [keys[n] for of, n in found if of == source])
    return [n for _, n in found]


def _columns(keys: Sequence[tuple[int, int, UUID | str]]) -> list[list[object]]:
    return [[key[field] for key in keys] for field in range(3)]
