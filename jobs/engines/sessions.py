"""Listening sessions, and the listens in them that were not skipped (jobs.md 9). Arrays in, arrays out; no Spark.

A *pause* is the time from the end of a listen, as long as its recording is, to the next listen of the same user. It is
negative where the next one began before the end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

LISTENED = ("user_id", "listened_at", "seconds", "item_id", "unit_id")
"""A listen: its user, when (epoch seconds), how long its recording is, which one, and what it counts for.

item_id orders listens of one second. unit_id is what pairs are made of, the recording itself or a credit; none: -1.
"""
KEPT = pa.schema(
    [("user_id", pa.int32()), ("session", pa.int32()), ("unit_id", pa.int32()), ("plays", pa.int32())],
)
"""One row per (user, session of hers, unit): how often it was played there and not skipped. Sessions count from 0."""
LISTENERS = pa.schema([("item_id", pa.int32()), ("listeners", pa.int64())])
NO_UNIT = -1


@dataclass(frozen=True)
class Marks:
    """What each listen is, in order of user and time."""

    session: Ints
    """Number of its session, ascending over all users: no two users share one."""
    skipped: Flags
    """The next listen began more than the skip threshold before this one's end. The last of a user never is."""


def mark(user_id: Ints, listened_at: Ints, seconds: Ints, *, session: int, skip_threshold: int) -> Marks:
    """Sessions and skips of listens that are ordered by user and time. All durations in seconds.

    A pause longer than `session` ends a session; a listen cut short by more than `skip_threshold` was skipped.
    """
    if not user_id.size:
        return Marks(np.zeros(0, np.int64), np.zeros(0, bool))
    same_user = user_id[1:] == user_id[:-1]
    pause = listened_at[1:] - listened_at[:-1] - seconds[:-1]
    begins = np.append(True, ~same_user | (pause > session))
    skipped = np.append(same_user & (pause < -skip_threshold), False)
    return Marks(np.cumsum(begins) - 1, skipped)


def kept_plays(batches: Iterable[pa.RecordBatch], *, session: int, skip_threshold: int) -> Iterator[pa.RecordBatch]:
    """Rows of LISTENED in any order to rows of KEPT. All listens of a user come in one call.

    Listens of one second are ordered by item, length and unit, so that the same listens always say the same. A listen
    that counts for no unit is part of its session none the less: it ends a pause, and it skips.
    """
    rows = columns(batches, LISTENED)
    if not rows["user_id"].size:
        return
    rows = _in_order(rows)
    marks = mark(rows["user_id"], rows["listened_at"], rows["seconds"], session=session, skip_threshold=skip_threshold)
    chosen = ~marks.skipped & (rows["unit_id"] != NO_UNIT)
    counted, plays = np.unique(packed(marks.session[chosen], rows["unit_id"][chosen]), return_counts=True)
    number, unit_id = unpacked(counted)
    first = np.searchsorted(marks.session, number)
    user_id = rows["user_id"][first]
    begins = marks.session[np.searchsorted(rows["user_id"], user_id)]
    yield record_batch(KEPT, user_id, number - begins, unit_id, plays)


def listeners(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows with user_id and item_id to rows of LISTENERS: how many users of this call have the item.

    All rows of a user come in one call, so the results of several calls add up.
    """
    rows = columns(batches, ("user_id", "item_id"))
    if not rows["user_id"].size:
        return
    item_id, _ = unpacked(np.unique(packed(rows["item_id"], rows["user_id"])))
    found, users = np.unique(item_id, return_counts=True)
    yield record_batch(LISTENERS, found, users)


def columns(batches: Iterable[pa.RecordBatch], names: Iterable[str]) -> dict[str, Ints]:
    """Whole columns of int64."""
    received = list(batches)
    if not received:
        return {name: np.zeros(0, np.int64) for name in names}
    table = pa.Table.from_batches(received)
    return {name: table.column(name).to_numpy().astype(np.int64, copy=False) for name in names}


def record_batch(schema: pa.Schema, *arrays: Any) -> pa.RecordBatch:
    """Arrays as the columns of a schema, in its order. Raises pyarrow.ArrowInvalid where a value does not fit."""
    cast = [pa.array(array).cast(field.type) for array, field in zip(arrays, schema, strict=True)]
    return pa.record_batch(cast, schema=schema)


def packed(high: Ints, low: Ints) -> Ints:
    """Two numbers below 2**31 as one key, which is ordered as the pairs are."""
    keys: Ints = high << 32 | low
    return keys


def unpacked(keys: Ints) -> tuple[Ints, Ints]:
    """The reverse of `packed`."""
    return keys >> 32, keys & 0xFFFFFFFF


def _in_order(rows: dict[str, Ints]) -> dict[str, Ints]:
    # Times are below 2**32 until 2106 and lengths below 2**31, so two columns are one key: sorting is most of the work.
    when = packed(rows["user_id"], rows["listened_at"])
    what = packed(rows["item_id"], rows["seconds"])
    order = np.lexsort((rows["unit_id"], what, when))
    return {name: column[order] for name, column in rows.items()}
