"""The one write function: every change of `listen`, whichever way it came in, is a transaction of this module.

Deletes are in jobs/listens/removal.py, of whole accounts in jobs/listens/account_deletion.py, by the same rules.

A transaction holds the write lock from before it decides anything to its commit, so that position order is commit
order. A message is written once: its id and counts commit with its listens. A listen whose delete was requested after
it was submitted never appears, even if the delete overtook it in the queue.
"""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import psycopg2
from psycopg2 import Binary
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.faults import fault_point
from conf.postgres import Connection, transaction
from jobs.listens.listen import Submission
from jobs.listens.positions import WRITE_LOCK, lock_writes, take_positions
from jobs.listens.removal import delete_history, delete_listen, make_way
from jobs.listens.rows import Refused, Row, body_of, rows_of

__all__ = ["WRITE_LOCK", "Outcome", "delete_history", "delete_listen", "write_in_transaction", "write_submissions"]

INT_MAX = 2**31 - 1


@dataclass(frozen=True)
class Outcome:
    """What became of one message: consumed = inserted + duplicate + suppressed + rejected."""

    message_id: UUID
    consumed: int
    inserted: int
    duplicate: int
    suppressed: int
    """A delete overtook it, or the user is gone."""
    rejected: int
    replayed: bool
    """It had been written before: nothing changed now, the counts are those of then."""


_SEEN = """
SELECT message_id, consumed, inserted, duplicate, suppressed, rejected FROM message_seen
WHERE message_id = ANY(%s::uuid[])
"""

_WITH_DELETES = """
SELECT given.user_id FROM unnest(%s::integer[]) AS given (user_id)
WHERE EXISTS (SELECT FROM listen_delete d WHERE d.user_id = given.user_id)
"""

_OVERTAKEN = """
SELECT given.n
FROM unnest(%s::integer[], %s::bigint[], %s::uuid[], %s::bigint[])
    WITH ORDINALITY AS given (user_id, listened_at, recording_msid, submitted_at, n)
WHERE EXISTS (
    SELECT FROM listen_delete d WHERE d.user_id = given.user_id AND d.listened_at = given.listened_at
    AND d.recording_msid = given.recording_msid AND d.requested_at >= given.submitted_at
) OR EXISTS (
    SELECT FROM listen_delete d WHERE d.user_id = given.user_id AND d.listened_at IS NULL
    AND d.requested_at >= given.submitted_at
)
"""

_UNWANTED = """
SELECT given.n - 1 FROM unnest(%s::integer[], %s::bigint[]) WITH ORDINALITY AS given (user_id, submitted_at, n)
WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = given.user_id) OR EXISTS (
    SELECT FROM listen_delete d WHERE d.user_id = given.user_id AND d.listened_at IS NULL
    AND d.requested_at >= given.submitted_at
)
"""

_INSERT = """
INSERT INTO listen (user_id, listened_at, recording_msid, artist_name, track_name, release_name, additional_info,
    source, dump_id, position, inserted_at)
SELECT given.*, statement_timestamp()
FROM unnest(%s::integer[], %s::bigint[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::integer[], %s::bigint[]) AS given
ON CONFLICT (user_id, listened_at, recording_msid) DO NOTHING
RETURNING position
"""

_TOTALS = """
INSERT INTO listen_totals AS t (user_id, listen_count, oldest_listened_at, newest_listened_at, version)
SELECT user_id, count(*), min(listened_at), max(listened_at), (SELECT last_value FROM change_position)
FROM unnest(%s::integer[], %s::bigint[]) AS added (user_id, listened_at) GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE SET version = EXCLUDED.version,
    listen_count = t.listen_count + EXCLUDED.listen_count,
    oldest_listened_at = least(t.oldest_listened_at, EXCLUDED.oldest_listened_at),
    newest_listened_at = greatest(t.newest_listened_at, EXCLUDED.newest_listened_at)
"""

_REJECT = """
INSERT INTO rejected_listen (message_id, user_id, item, reason, body, submitted_at, source, dump_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""

_RECORD = """
WITH recorded AS (
    INSERT INTO message_seen (message_id, consumed, inserted, duplicate, suppressed, rejected)
    SELECT * FROM unnest(%s::uuid[], %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::integer[])
    RETURNING inserted, duplicate, suppressed, rejected
)
INSERT INTO listen_ledger AS ledger (inserted, duplicate, suppressed, rejected)
SELECT sum(inserted), sum(duplicate), sum(suppressed), sum(rejected) FROM recorded
ON CONFLICT (singleton) DO UPDATE SET inserted = ledger.inserted + EXCLUDED.inserted,
    duplicate = ledger.duplicate + EXCLUDED.duplicate, suppressed = ledger.suppressed + EXCLUDED.suppressed,
    rejected = ledger.rejected + EXCLUDED.rejected
"""


def write_submissions(connection: Connection, submissions: Sequence[Submission]) -> list[Outcome]:
    """Write messages in one transaction; an outcome for each, in order.

    A listen that cannot be stored goes to `rejected_listen` with its reason, the rest of its message is written.
    Raises what psycopg2 raises for a lost connection, and for a message whose own fields PostgreSQL refuses: then
    nothing of the batch was written.
    """
    with transaction(connection) as cursor:
        outcomes = write_in_transaction(cursor, submissions)
        fault_point("writer.insert")
    return outcomes


def write_in_transaction(cursor: Cursor, submissions: Sequence[Submission]) -> list[Outcome]:
    """As `write_submissions`, inside the caller's transaction; takes the write lock after reading the listens."""
    prepared = [rows_of(submission, index) for index, submission in enumerate(submissions)]
    lock_writes(cursor)
    known = _written_before(cursor, submissions)
    fresh = _first_of_each_message(submissions, known)
    rows = [row for index in fresh for row in prepared[index][0]]
    refused = [item for index in fresh for item in prepared[index][1]]
    outcomes = _write(cursor, submissions, fresh, rows, refused)
    by_id = known | {outcome.message_id: outcome for outcome in outcomes}
    new = set(fresh)
    return [replace(by_id[s.message_id], replayed=index not in new) for index, s in enumerate(submissions)]


def _written_before(cursor: Cursor, submissions: Sequence[Submission]) -> dict[UUID, Outcome]:
    cursor.execute(_SEEN, ([s.message_id for s in submissions],))
    return {row[0]: Outcome(*(*row, True)) for row in cursor.fetchall()}


def _first_of_each_message(submissions: Sequence[Submission], known: Container[UUID]) -> list[int]:
    first: dict[UUID, int] = {}
    for index, submission in enumerate(submissions):
        if submission.message_id not in known:
            first.setdefault(submission.message_id, index)
    return list(first.values())


def _write(
    cursor: Cursor, submissions: Sequence[Submission], fresh: list[int], rows: list[Row], refused: list[Refused]
) -> list[Outcome]:
    wanted = _not_overtaken(cursor, submissions, _of_living_users(cursor, rows))
    unique = _one_of_each_key(wanted)
    inserted, unstorable = _insert(cursor, unique)
    taken_over = [] if len(inserted) == len(unique) else _take_over(cursor, unique, inserted)
    kept_aside = _of_owners(cursor, submissions, refused)
    rejected = kept_aside + unstorable
    _add_to_totals(cursor, inserted + taken_over)
    _set_aside(cursor, submissions, rejected)
    read, kept, stored, bad = (Counter(x.submission for x in group) for group in (rows, wanted, inserted, rejected))
    read.update(item.submission for item in refused)
    kept.update(item.submission for item in kept_aside)
    outcomes = [
        _outcome(submissions[i], inserted=stored[i], suppressed=read[i] - kept[i], rejected=bad[i]) for i in fresh
    ]
    _record(cursor, outcomes)
    return outcomes


def _outcome(submission: Submission, *, inserted: int, suppressed: int, rejected: int) -> Outcome:
    consumed = len(submission.listens)
    duplicate = consumed - inserted - suppressed - rejected
    return Outcome(submission.message_id, consumed, inserted, duplicate, suppressed, rejected, replayed=False)


def _of_living_users(cursor: Cursor, rows: list[Row]) -> list[Row]:
    users = {row.user_id for row in rows}
    if not users:
        return []
    cursor.execute("SELECT id FROM users WHERE id = ANY(%s)", (list(users),))
    living = {user_id for (user_id,) in cursor.fetchall()}
    return rows if living == users else [row for row in rows if row.user_id in living]


def _of_owners(cursor: Cursor, submissions: Sequence[Submission], refused: list[Refused]) -> list[Refused]:
    """Without those whose user is gone, or has deleted the history since: set aside they would outlive that."""
    asked = [s for s in {item.submission for item in refused} if 0 < submissions[s].user_id <= INT_MAX]
    if not asked:
        return refused
    messages = [submissions[s] for s in asked]
    cursor.execute(_UNWANTED, ([m.user_id for m in messages], [m.submitted_at for m in messages]))
    unwanted = {asked[n] for (n,) in cursor.fetchall()}
    return [item for item in refused if item.submission not in unwanted]


def _not_overtaken(cursor: Cursor, submissions: Sequence[Submission], rows: list[Row]) -> list[Row]:
    users = list({row.user_id for row in rows})
    cursor.execute(_WITH_DELETES, (users,))
    deleting = {user_id for (user_id,) in cursor.fetchall()}
    doubtful = [row for row in rows if row.user_id in deleting]
    if not doubtful:
        return rows
    submitted = [submissions[row.submission].accepted_at(row.item) for row in doubtful]
    cursor.execute(_OVERTAKEN, (*_columns(doubtful, 3), submitted))
    late = {doubtful[n - 1][-2:] for (n,) in cursor.fetchall()}
    return [row for row in rows if row[-2:] not in late]


def _one_of_each_key(rows: list[Row]) -> list[Row]:
    unique: dict[tuple[int, int, str], Row] = {}
    for row in rows:
        unique.setdefault(row.key, row)
    return list(unique.values())


def _insert(cursor: Cursor, rows: list[Row]) -> tuple[list[Row], list[Refused]]:
    """Those inserted (the others were there), and those PostgreSQL refuses, found by halving."""
    if not rows:
        return [], []
    cursor.execute("SAVEPOINT listens")
    try:
        inserted = _insert_together(cursor, rows)
    except (psycopg2.DataError, psycopg2.IntegrityError, ValueError) as problem:
        cursor.execute("ROLLBACK TO SAVEPOINT listens; RELEASE SAVEPOINT listens")
        if len(rows) == 1:
            return [], [Refused(rows[0].submission, rows[0].item, f"PostgreSQL refuses it: {_first_line(problem)}")]
        half = len(rows) // 2
        left, right = _insert(cursor, rows[:half]), _insert(cursor, rows[half:])
        return left[0] + right[0], left[1] + right[1]
    cursor.execute("RELEASE SAVEPOINT listens")
    return inserted, []


def _take_over(cursor: Cursor, rows: list[Row], inserted: list[Row]) -> list[Row]:
    """What users submit that a dump has brought before is theirs from now on; it was there, so it is no new listen."""
    there = {row.key for row in inserted}
    own = [row for row in rows if row.source is None and row.key not in there]
    if not own:
        return []
    return _insert(cursor, [own[n] for n in make_way(cursor, [row.key for row in own])])[0]


def _insert_together(cursor: Cursor, rows: list[Row]) -> list[Row]:
    positions = take_positions(cursor, len(rows))
    cursor.execute(_INSERT, (*_columns(rows, 9), list(positions)))
    return [rows[position - positions.start] for (position,) in cursor.fetchall()]


def _columns(rows: list[Row], count: int) -> list[list[object]]:
    """The first `count` fields of the rows, each as one array."""
    return [[row[field] for row in rows] for field in range(count)]


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]


def _add_to_totals(cursor: Cursor, rows: list[Row]) -> None:
    if rows:
        cursor.execute(_TOTALS, _columns(rows, 2))


def _set_aside(cursor: Cursor, submissions: Sequence[Submission], rejected: list[Refused]) -> None:
    for submission, item, reason in rejected:
        message = submissions[submission]
        user_id = message.user_id if 0 < message.user_id <= INT_MAX else None
        body = Binary(body_of(message.listens[item]))
        values = (message.message_id, user_id, item, reason, body, message.accepted_at(item))
        cursor.execute(_REJECT, (*values, message.source, message.dump_id))


def _record(cursor: Cursor, outcomes: list[Outcome]) -> None:
    counts = [(o.message_id, o.consumed, o.inserted, o.duplicate, o.suppressed, o.rejected) for o in outcomes]
    if counts:
        cursor.execute(_RECORD, [list(column) for column in zip(*counts, strict=True)])
