"""Importing a history from items, in transactions of BATCH of them, straight through the write function.

A batch's message id is made of its place and its content, the times that were read from it, the user, and what was last
deleted of her listens. So an interrupted import that is run again writes nothing twice and is quick over what is in; a
history that was deleted can be imported again, and so can a file that was read in a wrong time zone. What the items say
of MBIDs, love and hate is written with the listens, in the same transaction.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.listens.dump_mapping import Said, put_said, said_of
from jobs.listens.imported_feedback import (
    Feedback,
    InvalidFeedbackError,
    LovedNames,
    feedback_by_names,
    judged_feedback,
    judged_names,
    put_feedback,
)
from jobs.listens.items import DamagedFileError, Found, Item, LeftOut, Loved, LovedTrack, Rated, Refused
from jobs.listens.listen import Submission
from jobs.listens.msid import fold
from jobs.listens.positions import lock_writes
from jobs.listens.recommendation_feedback import Rating, judged_rating, put_ratings
from jobs.listens.validator import InvalidListenError, validate_listen
from jobs.listens.write import Outcome, write_in_transaction

BATCH = 2000
"""Items of a transaction: the write lock is held for a fraction of a second, players' submissions go between."""
BATCH_BYTES = 8_000_000
"""Of items; a batch is full at this, so that memory stays flat."""
OUTSIDE = "outside of the chosen dates"
_NAMESPACE = UUID("3b8f4c52-6b0d-5d0e-9a3f-0f6c1f1a7b55")


@dataclass(frozen=True)
class Totals:
    """Items so far: read = new + duplicate + deleted + rejected + others + left_out + feedback."""

    read: int = 0
    new: int = 0
    duplicate: int = 0
    deleted: int = 0
    """A delete was asked for after the import began."""
    rejected: int = 0
    others: int = 0
    """Items of other users, left out."""
    left_out: int = 0
    """By a rule of the format."""
    why: dict[str, int] = field(default_factory=dict)
    """How many were left out for which reason."""
    feedback: int = 0
    """Items of love, hate and ratings that can be kept, also those that were there."""
    mapped: int = 0
    """Mapping rows written."""
    place: str = ""
    """Everything up to here is in."""


Reject = Callable[[Item, str], None]
Keep = Callable[[Cursor, Totals, list[tuple[Item, str]]], None]
"""Called inside the transaction of each batch, with the totals after it and what it refused."""


@dataclass(frozen=True)
class _Import:
    """What all batches of one import share."""

    user_id: int
    now: float
    of: str
    """Part of every message id."""
    only: str | None
    """Folded."""
    within: range | None
    keep: Keep | None


@dataclass(frozen=True)
class _Batch:
    items: list[Item]
    listens: list[dict[str, Any]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    loved: list[LovedNames] = field(default_factory=list)
    ratings: list[Rating] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    rejected: list[tuple[Item, str]] = field(default_factory=list)

    @property
    def felt(self) -> int:
        """Items of love, hate and ratings."""
        return len(self.feedback) + len(self.loved) + len(self.ratings)


def import_items(
    connection: Connection,
    items: Iterable[Item],
    user_id: int,
    *,
    now: float,
    only: str | None = None,
    within: range | None = None,
    reject: Reject = lambda item, reason: None,
    done: Totals | None = None,
    keep: Keep | None = None,
) -> Iterator[Totals]:
    """Write what the items bring for one user; the totals after every committed batch.

    `now`: epoch seconds when the import began. `only`: of items that carry this user name, without regard to case.
    `within`: only listens of these epoch seconds; the others are left out.
    `reject` hears of every item that is refused. `done`: totals that `keep` kept of an interrupted run of the same
    items, which goes on behind them. Raises DamagedFileError after writing what came before.
    """
    totals, wanted = done or Totals(), None if only is None else fold(only)
    with transaction(connection) as cursor:
        generation = _last_delete(cursor, user_id)
    of = f"{user_id} {generation} {wanted}" if within is None else f"{user_id} {generation} {wanted} {within}"
    whole = _Import(user_id, now, of, wanted, within, keep)
    for batch in _batches(islice(items, totals.read, None)):
        judged = _judge(batch, whole)
        totals = _write(connection, judged, totals, whole)
        for item, reason in judged.rejected:
            reject(item, reason)
        yield totals


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Lists of BATCH items, or of fewer long ones; also what came before a file turned out to be damaged."""
    batch: list[Item] = []
    size = 0
    try:
        for item in items:
            batch.append(item)
            size += len(item.content)
            if len(batch) == BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except DamagedFileError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _judge(items: list[Item], whole: _Import) -> _Batch:
    batch = _Batch(items)
    for item in items:
        try:
            _take(batch, item, whole)
        except InvalidListenError as problem:
            batch.rejected.append((item, problem.message))
        except InvalidFeedbackError as problem:
            batch.rejected.append((item, str(problem)))
    return batch


def _take(batch: _Batch, item: Item, whole: _Import) -> None:
    match item.brings:
        case Found() as found:
            listen = validate_listen(found.listen, "import", int(whole.now))
            # Only what is kept counts: an export carries more than the listen.
            if len(item.content) > found.limit and len(orjson.dumps(listen)) > found.limit:
                raise InvalidListenError(f"the listen is larger than {found.limit} bytes")
            if whole.only is not None and (found.user_name is None or fold(found.user_name) != whole.only):
                return
            if whole.within is not None and listen["listened_at"] not in whole.within:
                batch.left_out.append(OUTSIDE)
                return
            batch.listens.append(listen)
            said = said_of(listen, found.mbid_mapping)
            if said is not None:
                batch.said.append(said)
        case Loved() as loved:
            batch.feedback.append(judged_feedback(loved, whole.now))
        case LovedTrack() as track:
            batch.loved.append(judged_names(track, whole.now))
        case Rated() as rated:
            batch.ratings.append(judged_rating(rated, whole.now))
        case LeftOut(reason):
            batch.left_out.append(reason)
        case Refused(reason):
            batch.rejected.append((item, reason))


def _write(connection: Connection, batch: _Batch, totals: Totals, whole: _Import) -> Totals:
    """The totals after the batch, which is committed then."""
    felt = batch.felt
    if not batch.listens and not felt and whole.keep is None:
        return _added(totals, batch, None, 0)
    with transaction(connection) as cursor:
        outcome, mapped = None, 0
        if batch.listens:
            [outcome] = write_in_transaction(cursor, [_submission(batch, whole)])
            mapped = put_said(cursor, whole.user_id, batch.said, replayed=outcome.replayed)
        if felt:
            lock_writes(cursor)
            named = feedback_by_names(cursor, whole.user_id, batch.loved)
            put_feedback(cursor, whole.user_id, batch.feedback + named)
            put_ratings(cursor, whole.user_id, batch.ratings)
        after = _added(totals, batch, outcome, mapped)
        if whole.keep is not None:
            whole.keep(cursor, after, batch.rejected)
    return after


def _submission(batch: _Batch, whole: _Import) -> Submission:
    first = batch.items[0]
    place = f"{whole.of} {first.member}{first.number} {len(batch.listens)} "
    # The same text is another listen in another time zone, which is no part of what the items hold.
    times = " ".join(str(listen["listened_at"]) for listen in batch.listens)
    content = hashlib.sha256(f"{place}{times} ".encode() + b"\n".join(item.content for item in batch.items))
    message_id = uuid5(_NAMESPACE, content.hexdigest())
    return Submission(message_id, whole.user_id, int(whole.now * 1e6), tuple(batch.listens))


def _added(totals: Totals, batch: _Batch, outcome: Outcome | None, mapped: int) -> Totals:
    known = len(batch.listens) + batch.felt + len(batch.left_out) + len(batch.rejected)
    why = dict(totals.why)
    for reason in batch.left_out:
        why[reason] = why.get(reason, 0) + 1
    after = replace(
        totals,
        read=totals.read + len(batch.items),
        rejected=totals.rejected + len(batch.rejected),
        others=totals.others + len(batch.items) - known,
        left_out=totals.left_out + len(batch.left_out),
        why=why,
        feedback=totals.feedback + batch.felt,
        mapped=totals.mapped + mapped,
        place=batch.items[-1].place,
    )
    if outcome is None:
        return after
    new = 0 if outcome.replayed else outcome.inserted
    return replace(
        after,
        new=after.new + new,
        duplicate=after.duplicate + outcome.duplicate + outcome.inserted - new,
        deleted=after.deleted + outcome.suppressed,
        rejected=after.rejected + outcome.rejected,
    )


def _last_delete(cursor: Cursor, user_id: int) -> int:
    cursor.execute("SELECT coalesce(max(position), 0) FROM listen_delete WHERE user_id = %s", (user_id,))
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])
