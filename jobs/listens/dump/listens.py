"""The listens of a dump through the write function, at most BATCH rows under one lock.

A listen that is there already is a duplicate, whoever brought it. A full dump replaces what its source has brought: a
listen that it tells differently is written anew, one that it has no more leaves. What users submitted here (rows
without a source) neither changes nor leaves. A listen that was deleted here after the dump's server had it stays away.

What a full dump tells as it was told before stays the row that it is, with the id of the dump that brought it: a full
dump replaces what its source has said, not the rows that say the same. An id written over it here alone would not be
the lake's, which takes a row by its position; and a position of its own would be a delete and an append of each listen
of the source there, and every result of its users anew, for a dump that has little news.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.faults import fault_point
from conf.postgres import Connection, transaction
from jobs.listens.dump.dump import Dump
from jobs.listens.listen import Staged, new_message_id
from jobs.listens.positions import lock_writes
from jobs.listens.removal import Key, remove_of_source
from jobs.listens.rows import REFUSED
from jobs.listens.write import write_in_transaction

BATCH = 10_000

# Whoever deleted her account is left out. `chosen`: of the rows of one key, the one that is the listen.
_ROWS = """
SELECT u.user_id, r.listened_at, coalesce(r.created, %(ended)s), r.recording_msid::text, r.artist_name, r.track_name,
    r.release_name, r.refused, r.body,
    r.good AND row_number() OVER (PARTITION BY u.user_id, r.listened_at, r.recording_msid ORDER BY r.good DESC, r.n) = 1
FROM dump_row r LEFT JOIN dump_user u USING (foreign_id)
WHERE u.gone IS NOT TRUE
ORDER BY u.user_id, r.listened_at, r.recording_msid, r.good DESC, r.n
"""
_CHANGED = """
SELECT l.user_id, l.listened_at, l.recording_msid
FROM unnest(%s::integer[], %s::bigint[], %s::uuid[], %s::text[], %s::text[], %s::text[])
    AS given (user_id, listened_at, recording_msid, artist_name, track_name, release_name)
JOIN listen l USING (user_id, listened_at, recording_msid)
WHERE l.source = %s AND (l.artist_name, l.track_name, l.release_name)
    IS DISTINCT FROM (given.artist_name, given.track_name, nullif(given.release_name, ''))
"""
_LEAVING = """
DROP TABLE IF EXISTS pg_temp.dump_pending;
CREATE TEMPORARY TABLE dump_pending AS
SELECT l.user_id, l.listened_at, l.recording_msid,
    row_number() OVER (ORDER BY l.user_id, l.listened_at, l.recording_msid) AS k
FROM listen l WHERE l.source = %s AND NOT EXISTS (
    SELECT FROM dump_row r JOIN dump_user u USING (foreign_id)
    WHERE r.good AND u.user_id = l.user_id AND r.listened_at = l.listened_at AND r.recording_msid = l.recording_msid
);
CREATE UNIQUE INDEX ON dump_pending (k)
"""
_FORGET_REJECTED = """
DELETE FROM rejected_listen WHERE source = %(source)s AND dump_id IS NOT NULL AND (%(full)s OR dump_id = %(dump_id)s)
"""


@dataclass(frozen=True)
class Written:
    """Rows so far: read = new + changed + duplicate + deleted + rejected."""

    read: int = 0
    new: int = 0
    changed: int = 0
    """Of a full dump: told differently than before."""
    duplicate: int = 0
    deleted: int = 0
    """Deleted here since the dump's server had them."""
    rejected: int = 0
    """In `rejected_listen`, with the reason."""

    def plus(self, other: "Written") -> "Written":
        """Both."""
        return Written(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))


class _Row(NamedTuple):
    user_id: int | None
    listened_at: int | None
    created: int
    recording_msid: str | None
    artist_name: str | None
    track_name: str | None
    release_name: str | None
    refused: str | None
    body: str | None
    chosen: bool

    def listen(self) -> dict[str, Any]:
        """In API form, with the key it has."""
        if self.refused is not None:
            return {**orjson.loads(self.body or "{}"), REFUSED: self.refused}
        metadata = {"artist_name": self.artist_name, "track_name": self.track_name, "release_name": self.release_name}
        return {"listened_at": self.listened_at, "recording_msid": self.recording_msid, "track_metadata": metadata}


def bring_listens(connection: Connection, dump: Dump) -> Iterator[Written]:
    """Write the staged rows, user by user; what was written so far, after each committed batch.

    What an earlier import of this dump (a full one: of any of its source) has set aside is judged anew.
    """
    ended = int(dump.end_at.timestamp() * 1e6)
    with transaction(connection) as cursor:
        cursor.execute(_FORGET_REJECTED, {"source": dump.source, "full": dump.is_full, "dump_id": dump.dump_id})
    # It outlives the transactions of the batches: sorted once, kept outside of this process.
    staged = connection.cursor("staged_rows", withhold=True)
    with transaction(connection):
        staged.execute(_ROWS, {"ended": ended})
    written = Written()
    while rows := [_Row(*row) for row in staged.fetchmany(BATCH)]:
        with transaction(connection) as cursor:
            written = written.plus(_write(cursor, dump, rows, ended))
        fault_point("dump.batch")
        yield written
    staged.close()
    connection.commit()


def remove_leaving(connection: Connection, dump: Dump) -> Iterator[int]:
    """Remove what the source has brought and the staged full dump has no more; how many so far, after each batch."""
    removed = 0
    with transaction(connection) as cursor:
        cursor.execute(_LEAVING, (dump.source,))
        cursor.execute("SELECT count(*) FROM dump_pending")
        row = cursor.fetchone()
    count = int(row[0]) if row else 0
    for after in range(0, count, BATCH):
        with transaction(connection) as cursor:
            lock_writes(cursor)
            cursor.execute(
                "SELECT user_id, listened_at, recording_msid FROM dump_pending WHERE k > %s AND k <= %s ORDER BY k",
                (after, after + BATCH),
            )
            removed += remove_of_source(cursor, dump.source, cursor.fetchall())
        fault_point("dump.removed")
        yield removed


def _write(cursor: Cursor, dump: Dump, rows: Sequence[_Row], ended: int) -> Written:
    """One batch, in the transaction that is open; what became of it."""
    submissions = [_submission(dump, user_id, list(group), ended) for user_id, group in groupby(rows, _user_id)]
    changed = 0
    told_differently = _changed(cursor, dump.source, rows) if dump.is_full else []
    if told_differently:
        lock_writes(cursor)
        changed = remove_of_source(cursor, dump.source, told_differently)
    outcomes = write_in_transaction(cursor, submissions)
    return Written(
        read=len(rows),
        new=sum(outcome.inserted for outcome in outcomes) - changed,
        changed=changed,
        duplicate=sum(outcome.duplicate for outcome in outcomes),
        deleted=sum(outcome.suppressed for outcome in outcomes),
        rejected=sum(outcome.rejected for outcome in outcomes),
    )


def _user_id(row: _Row) -> int:
    """0, which nobody has, for a row of nobody: it is refused."""
    return row.user_id or 0


def _submission(dump: Dump, user_id: int, rows: Sequence[_Row], ended: int) -> Staged:
    return Staged(
        message_id=new_message_id(),
        user_id=user_id,
        submitted_at=ended,
        listens=tuple(row.listen() for row in rows),
        source=dump.source,
        dump_id=dump.dump_id,
        accepted=tuple(row.created for row in rows),
    )


def _changed(cursor: Cursor, source: str, rows: Sequence[_Row]) -> list[Key]:
    asked = [(*row[:2], *row[3:7]) for row in rows if row.chosen]
    if not asked:
        return []
    cursor.execute(_CHANGED, (*(list(column) for column in zip(*asked, strict=True)), source))
    return cursor.fetchall()
