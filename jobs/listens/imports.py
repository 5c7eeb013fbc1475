"""Importing a history from lines, in transactions of BATCH lines, straight through the write function.

A batch's message id is made of its place and its content, the user, and what was last deleted of her listens. So an
interrupted import that is run again writes nothing twice and is quick over what is in; and a history that was deleted
can be imported again. What the lines say of MBIDs is written with the listens, in the same transaction.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.listens.dump_mapping import Said, put_said
from jobs.listens.lines import DamagedFileError, Line, RejectedLineError, listen_of
from jobs.listens.listen import Submission
from jobs.listens.msid import fold
from jobs.listens.write import Outcome, write_in_transaction

BATCH = 2000
"""Lines of a transaction: the write lock is held for a fraction of a second, players' submissions go between."""
BATCH_BYTES = 8_000_000
"""Of lines; a batch is full at this, so that memory stays flat."""
_NAMESPACE = UUID("3b8f4c52-6b0d-5d0e-9a3f-0f6c1f1a7b55")

Reject = Callable[[Line, str], None]


@dataclass
class Totals:
    """Lines so far: read = new + duplicate + deleted + rejected + others."""

    read: int = 0
    new: int = 0
    duplicate: int = 0
    deleted: int = 0
    """A delete was asked for after the import began."""
    rejected: int = 0
    others: int = 0
    """Lines of other users, left out."""
    mapped: int = 0
    """Mapping rows written."""
    last_line: int = 0
    """Everything up to this line is in."""


@dataclass(frozen=True)
class _Batch:
    lines: list[Line]
    listens: list[dict[str, Any]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    rejected: list[tuple[Line, str]] = field(default_factory=list)


def import_lines(
    connection: Connection,
    lines: Iterable[Line],
    user_id: int,
    *,
    now: float,
    only: str | None = None,
    reject: Reject = lambda line, reason: None,
) -> Iterator[Totals]:
    """Write the listens of the lines for one user; the totals after every committed batch, and at the end.

    `now`: epoch seconds when the import began. `only`: of lines that carry this user name, without regard to case.
    `reject` hears of every line that is refused. Raises DamagedFileError after writing what came before.
    """
    totals, wanted = Totals(), None if only is None else fold(only)
    with transaction(connection) as cursor:
        generation = _last_delete(cursor, user_id)
    for batch in _batches(lines):
        judged = _judge(batch, wanted, int(now))
        outcome, mapped = _write(connection, judged, user_id, int(now * 1e6), f"{user_id} {generation} {wanted}")
        _add(totals, judged, outcome)
        totals.mapped += mapped
        for line, reason in judged.rejected:
            reject(line, reason)
        yield totals


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Lists of BATCH lines, or of fewer long ones; also what came before a file turned out to be damaged."""
    batch: list[Line] = []
    size = 0
    try:
        for line in lines:
            batch.append(line)
            size += len(line.content)
            if len(batch) == BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except DamagedFileError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _judge(lines: list[Line], wanted: str | None, now: int) -> _Batch:
    batch = _Batch(lines)
    for line in lines:
        try:
            read = listen_of(line, now)
        except RejectedLineError as problem:
            batch.rejected.append((line, str(problem)))
            continue
        if wanted is None or (read.user_name is not None and fold(read.user_name) == wanted):
            batch.listens.append(read.listen)
            if read.said is not None:
                batch.said.append(read.said)
    return batch


def _write(
    connection: Connection, batch: _Batch, user_id: int, submitted_at: int, of: str
) -> tuple[Outcome | None, int]:
    """What became of the listens (None: there were none), and the mapping rows written."""
    if not batch.listens:
        return None, 0
    place = f"{of} {batch.lines[0].number} {len(batch.listens)} "
    content = hashlib.sha256(place.encode() + b"\n".join(line.content for line in batch.lines))
    message_id = uuid5(_NAMESPACE, content.hexdigest())
    submission = Submission(message_id, user_id, submitted_at, tuple(batch.listens))
    with transaction(connection) as cursor:
        [outcome] = write_in_transaction(cursor, [submission])
        mapped = put_said(cursor, user_id, batch.said, replayed=outcome.replayed)
    return outcome, mapped


def _add(totals: Totals, batch: _Batch, outcome: Outcome | None) -> None:
    totals.read += len(batch.lines)
    totals.rejected += len(batch.rejected)
    totals.others += len(batch.lines) - len(batch.rejected) - len(batch.listens)
    totals.last_line = batch.lines[-1].number
    if outcome is None:
        return
    new = 0 if outcome.replayed else outcome.inserted
    totals.new += new
    totals.duplicate += outcome.duplicate + outcome.inserted - new
    totals.deleted += outcome.suppressed
    totals.rejected += outcome.rejected


def _last_delete(cursor: Cursor, user_id: int) -> int:
    cursor.execute("SELECT coalesce(max(position), 0) FROM listen_delete WHERE user_id = %s", (user_id,))
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])
