"""From counts to ordered lists, whole columns at a time. Arrays in, arrays out; knows nothing of jobs or Spark.

Input rows: one per (key, display struct, windows), any number of times: they add up, and what adds up to nothing is in
no list. A *group* is what counts as one item (an artist, whatever its spelling); a *place* is a display struct's place
in the total order of all structs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.ranges import PREVIOUS_SLOT, STATS_RANGES

Ints = npt.NDArray[np.int64]

SOURCES = ("played_ms", "duration_ms", "length_ms", "default_ms")
"""Where listening time is known from: the player, the listen's duration, the recording's length, the default."""
INPUT = ("key", "windows", "group_hash", "place", "id", "listen_count", "spelling_count", *SOURCES)
_INTS, _LONGS = pa.list_(pa.int32()), pa.list_(pa.int64())
OUTPUT = pa.schema(
    [
        ("stats_range", pa.int32()),
        ("key", pa.int64()),
        ("ids", _LONGS),
        ("counts", _INTS),
        ("previous_ranks", _INTS),
        ("previous_counts", _INTS),
        ("gone_ids", _LONGS),
        ("gone_counts", _INTS),
        ("seconds", _LONGS),
        ("by_time", _INTS),
        ("time_by_source", _LONGS),
    ]
)
"""One row per key and range that has listens; the columns as in `result_list`."""
SITEWIDE_CAP = 500
"""A user counts at most so often for one item sitewide (jobs.md 7.6), and the same share of her listening time of it.

Of each source whole milliseconds count, rounded down."""


def rank(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The ordered lists of every key; all rows of a key come in one call."""
    rows = _columns(batches)
    for slot in range(len(STATS_RANGES)):
        batch = _of_range(rows, slot)
        if batch is not None:
            yield batch


def cap(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What the keys together say, in rows for `rank` under key 0: each key counts at most SITEWIDE_CAP times a group.

    All rows of a key come in one call; the results of several calls add up.
    """
    rows = _columns(batches)
    for slot in range(PREVIOUS_SLOT + len(STATS_RANGES) - 1):
        chosen = _select(rows, (rows["windows"] >> slot) & 1 == 1)
        if chosen["key"].size:
            yield _capped(chosen, slot)


def _capped(rows: dict[str, Ints], slot: int) -> pa.RecordBatch:
    """The whole is said by the spelling of the least id: a user's rows say the same whatever all structs are."""
    grouped = _summed(rows, ("key", "group_hash"), ("listen_count", *SOURCES))
    members = _summed(rows, ("key", "group_hash", "id"), ("spelling_count",), keep=("place",))
    first = _starts(members["key"], members["group_hash"])
    together = dict(members)
    for name in ("listen_count", *SOURCES):
        together[name] = np.zeros(members["key"].size, np.int64)
        together[name][first] = _share_that_counts(grouped[name], grouped["listen_count"])
    summed = _summed(together, ("group_hash", "id"), ("listen_count", "spelling_count", *SOURCES), keep=("place",))
    size = summed["id"].size
    summed |= {"key": np.zeros(size, np.int64), "windows": np.full(size, 1 << slot, np.int64)}
    return pa.record_batch([pa.array(summed[name]) for name in INPUT], names=list(INPUT))


def _share_that_counts(values: Ints, listen_count: Ints) -> Ints:
    """values * capped // listen_count, without the product, which may be longer than 64 bits. Rounded down."""
    capped = np.minimum(listen_count, SITEWIDE_CAP)
    return values // listen_count * capped + values % listen_count * capped // listen_count


def _of_range(rows: dict[str, Ints], slot: int) -> pa.RecordBatch | None:
    now = _groups(rows, slot)
    if not now.key.size:
        return None
    calendar = slot < PREVIOUS_SLOT and STATS_RANGES[slot] != STATS_RANGES[-1]
    before = _groups(rows, PREVIOUS_SLOT + slot) if calendar else _Groups.none()
    offsets = np.append(_starts(now.key), now.key.size)
    found = _matches(now, before)
    known = np.append(before.rank, 0)[found], np.append(before.count, 0)[found]
    gone = np.flatnonzero(~np.isin(np.arange(before.key.size), found))
    # A key without listens now has no list, so none to say what is gone from it.
    owner = np.searchsorted(now.key[offsets[:-1]], before.key[gone])
    inside = owner < offsets.size - 1
    inside[inside] = now.key[offsets[:-1]][owner[inside]] == before.key[gone][inside]
    gone, owner = gone[inside], owner[inside]
    gone_offsets = np.append(0, np.cumsum(np.bincount(owner, minlength=offsets.size - 1)))
    milliseconds = now.times.sum(axis=1)
    longest = np.lexsort((-now.place, -milliseconds, now.key))
    return pa.record_batch(
        [
            pa.array(np.full(offsets.size - 1, slot, np.int32)),
            pa.array(now.key[offsets[:-1]]),
            _lists(offsets, now.id, pa.int64()),
            _lists(offsets, now.count, pa.int32()),
            _lists(offsets, known[0], pa.int32()),
            _lists(offsets, known[1], pa.int32()),
            _lists(gone_offsets, before.id[gone], pa.int64()),
            _lists(gone_offsets, before.count[gone], pa.int32()),
            _lists(offsets, milliseconds // 1000, pa.int64()),
            _lists(offsets, now.rank[longest], pa.int32()),
            _lists(
                np.arange(offsets.size) * len(SOURCES),
                np.add.reduceat(now.times, offsets[:-1], axis=0).ravel(),
                pa.int64(),
            ),
        ],
        schema=OUTPUT,
    )


@dataclass(frozen=True)
class _Groups:
    """The items of one window, in order of the lists: by key, then most played first."""

    key: Ints
    group: Ints
    count: Ints
    id: Ints
    place: Ints
    times: Ints
    """(items, SOURCES), milliseconds."""
    rank: Ints
    """From 1, within the key."""

    @classmethod
    def none(cls) -> "_Groups":
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, empty, empty, empty, np.zeros((0, len(SOURCES)), np.int64), empty)


def _groups(rows: dict[str, Ints], slot: int) -> _Groups:
    chosen = _select(rows, (rows["windows"] >> slot) & 1 == 1)
    if not chosen["key"].size:
        return _Groups.none()
    shown = ("listen_count", "spelling_count", *SOURCES)
    spelled = _summed(chosen, ("key", "group_hash", "place"), shown, keep=("id",))
    spelled = _select(spelled, spelled["spelling_count"] > 0)
    if not spelled["key"].size:
        return _Groups.none()
    order = np.lexsort((spelled["place"], spelled["spelling_count"], spelled["group_hash"], spelled["key"]))
    spelled = _select(spelled, order)
    starts = _starts(spelled["key"], spelled["group_hash"])
    ends = np.append(starts[1:], spelled["key"].size) - 1
    count = np.add.reduceat(spelled["listen_count"], starts)
    times = np.add.reduceat(np.column_stack([spelled[name] for name in SOURCES]), starts, axis=0)
    key, place = spelled["key"][ends], spelled["place"][ends]
    listed = np.lexsort((-place, -count, key))
    key = key[listed]
    first = _starts(key)
    position = np.arange(key.size) - np.repeat(first, np.diff(np.append(first, key.size))) + 1
    return _Groups(
        key,
        spelled["group_hash"][ends][listed],
        count[listed],
        spelled["id"][ends][listed],
        place[listed],
        times[listed],
        position,
    )


def _matches(now: _Groups, before: _Groups) -> Ints:
    """For each item of `now` its index in `before`, or the size of `before` where it is not there."""
    missing = before.key.size
    size = now.key.size
    both_key, both_group = np.concatenate((now.key, before.key)), np.concatenate((now.group, before.group))
    order = np.lexsort((np.arange(both_key.size), both_group, both_key))
    pairs = np.flatnonzero(
        (both_key[order][1:] == both_key[order][:-1]) & (both_group[order][1:] == both_group[order][:-1])
    )
    found = np.full(size, missing, np.int64)
    found[order[pairs]] = order[pairs + 1] - size
    return found


def _summed(
    rows: dict[str, Ints], by: tuple[str, ...], values: tuple[str, ...], keep: tuple[str, ...] = ()
) -> dict[str, Ints]:
    """One row per value of `by`, in its order, with sums of `values`; `keep` is the same in all rows of a group."""
    ordered = _select(rows, np.lexsort(tuple(rows[name] for name in reversed(by))))
    starts = _starts(*(ordered[name] for name in by))
    summed = {name: ordered[name][starts] for name in (*by, *keep)}
    return summed | {name: np.add.reduceat(ordered[name], starts) for name in values}


def _starts(*columns: Ints) -> Ints:
    """Where runs of equal rows begin, in ordered columns of at least one row."""
    changed = np.zeros(columns[0].size, bool)
    changed[0] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changed)


def _select(rows: dict[str, Ints], which: Any) -> dict[str, Ints]:
    return {name: column[which] for name, column in rows.items()}


def _columns(batches: Iterable[pa.RecordBatch]) -> dict[str, Ints]:
    received = list(batches)
    if not received:
        return {name: np.zeros(0, np.int64) for name in INPUT}
    table = pa.Table.from_batches(received)
    return {name: table.column(name).to_numpy() for name in INPUT}


def _lists(offsets: Ints, values: Ints, type_: pa.DataType) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values).cast(type_))
