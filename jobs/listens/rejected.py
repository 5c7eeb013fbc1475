"""Listens that were set aside with a reason: look at them, try them again after what refused them was mended."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.positions import lock_writes
from jobs.listens.write import write_in_transaction

CHUNK = 500
"""Listens tried again per transaction."""

_LIST = """
SELECT r.id, r.message_id, r.user_id, u.name, r.item, r.reason, r.body, r.submitted_at, r.source, r.created,
    r.dump_id
FROM rejected_listen r LEFT JOIN users u ON u.id = r.user_id
WHERE r.id > %s AND (%s::bigint[] IS NULL OR r.id = ANY(%s::bigint[])) ORDER BY r.id LIMIT %s
"""

# The write function set them aside once more, as new rows: their reasons go to the old rows, which stay.
_STILL_BAD = """
WITH again AS (DELETE FROM rejected_listen WHERE message_id = ANY(%s::uuid[]) RETURNING message_id, reason)
UPDATE rejected_listen r SET reason = again.reason
FROM again JOIN unnest(%s::uuid[], %s::bigint[]) AS pair (message_id, id) USING (message_id)
WHERE r.id = pair.id RETURNING r.id
"""


@dataclass(frozen=True)
class RejectedListen:
    """One listen of a message that could not be stored."""

    id: int
    message_id: UUID
    user_id: int | None
    user_name: str | None
    """None: the user is gone."""
    item: int
    """Its index in the message."""
    reason: str
    body: bytes
    """The listen as JSON."""
    submitted_at: int
    """Epoch microseconds: a retry keeps its place before later deletes."""
    source: str | None
    """The import source it came with."""
    created: datetime
    dump_id: int | None
    """The dump of the source that brought it."""


@dataclass(frozen=True)
class Retried:
    """What a retry did: tried = inserted + duplicate + suppressed + still_rejected."""

    tried: int = 0
    inserted: int = 0
    duplicate: int = 0
    suppressed: int = 0
    still_rejected: int = 0
    """They stay, with the reason of now."""


def list_rejected(
    cursor: Cursor, *, after: int = 0, limit: int = 100, ids: Sequence[int] | None = None
) -> list[RejectedListen]:
    """Those with an id above `after` (and in `ids`, if given), oldest first."""
    chosen = None if ids is None else list(ids)
    cursor.execute(_LIST, (after, chosen, chosen, limit))
    return [RejectedListen(*(*row[:6], bytes(row[6]), *row[7:])) for row in cursor.fetchall()]


def retry_rejected(connection: Connection, ids: Sequence[int] | None = None) -> Retried:
    """Write them again (all, or those ids), each as a new message with its old time of submission.

    A transaction per CHUNK, so that it can be interrupted and called again. What is still bad stays.
    """
    total, after = Retried(), 0
    while True:
        with transaction(connection) as cursor:
            lock_writes(cursor)
            chunk = list_rejected(cursor, after=after, limit=CHUNK, ids=ids)
            if not chunk:
                return total
            done = _retry(cursor, chunk)
        total = Retried(*(old + new for old, new in zip(astuple(total), astuple(done), strict=True)))
        after = chunk[-1].id


def _retry(cursor: Cursor, chunk: list[RejectedListen]) -> Retried:
    again = [(row.id, submission) for row in chunk if (submission := _submission(row)) is not None]
    old = [row_id for row_id, _ in again]
    new = [submission.message_id for _, submission in again]
    outcomes = write_in_transaction(cursor, [submission for _, submission in again])
    cursor.execute(_STILL_BAD, (new, new, old))
    still_bad = {row_id for (row_id,) in cursor.fetchall()}
    cursor.execute("DELETE FROM rejected_listen WHERE id = ANY(%s)", ([i for i in old if i not in still_bad],))
    return Retried(
        tried=len(chunk),
        inserted=sum(outcome.inserted for outcome in outcomes),
        duplicate=sum(outcome.duplicate for outcome in outcomes),
        suppressed=sum(outcome.suppressed for outcome in outcomes),
        still_rejected=len(chunk) - len(again) + len(still_bad),
    )


def _submission(row: RejectedListen) -> Submission | None:
    """None for what no retry can mend: no user, or bytes that are no JSON here."""
    if row.user_id is None:
        return None
    try:
        listen = orjson.loads(row.body)
    except orjson.JSONDecodeError:
        return None
    return Submission(new_message_id(), row.user_id, row.submitted_at, (listen,), row.source, row.dump_id)
