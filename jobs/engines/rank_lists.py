"""From counts to ordered lists, whole columns at a time. Arrays in, arrays out; knows nothing of jobs or Spark.

Input rows: one per (key, display struct, windows), any number of times: they add up, and what adds up to nothing is in
no list. A *group* is what counts as one item (an artist, whatever its spelling); a *place* is a display struct's place
in the total order of all structs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.engines.int_order import Ints, dense, order_of, starts_of
from jobs.ranges import CALENDAR, PREVIOUS_SLOT, STATS_RANGES

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


def rank(columns: dict[str, Ints]) -> Iterator[pa.RecordBatch]:
    """The ordered lists of every key, one batch for each range that has any; all rows of a key come in one call.

    `columns`: those of INPUT. They are taken out of it, so that memory holds them once.
    """
    rows = _ordered(columns, "place")
    for slot in range(len(STATS_RANGES)):
        batch = _of_range(rows, slot)
        if batch is not None:
            yield batch


def rank_apart(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    """As `rank`, one range after the other from the rows of its windows: so much less is in memory at once.

    `rows`: columns INPUT. Those of `cap` lie in one window each; a row of several is counted in each of them.
    """
    windows = rows["windows"].to_numpy()
    for slot in range(len(STATS_RANGES)):
        of_range = rows.filter(pa.array(windows & _windows_of(slot) != 0))
        yield from rank({name: of_range[name].to_numpy() for name in INPUT} | {"windows": _only(of_range, slot)})


def _windows_of(slot: int) -> int:
    return 1 << slot | (1 << PREVIOUS_SLOT + slot if STATS_RANGES[slot] in CALENDAR else 0)


def _only(rows: pa.Table, slot: int) -> Ints:
    windows: Ints = rows["windows"].to_numpy() & _windows_of(slot)
    return windows


def cap(columns: dict[str, Ints]) -> Iterator[pa.RecordBatch]:
    """What the keys together say, in rows for `rank` under key 0: each key counts at most SITEWIDE_CAP times a group.

    All rows of a key come in one call; the results of several calls add up. `columns`: as for `rank`.
    """
    rows = _ordered(columns, "id")
    for slot in range(PREVIOUS_SLOT + len(STATS_RANGES) - 1):
        chosen = rows.of(slot)
        if chosen["pair"].size:
            yield _capped(rows, chosen, slot)


@dataclass(frozen=True)
class _Rows:
    """Input rows by key, group, and then a column that tells the structs of a group apart."""

    keys: Ints
    """The keys there are, ascending."""
    groups: Ints
    """The hashes of the groups there are, ascending."""
    columns: dict[str, Ints]
    """Of INPUT, without key and group_hash; and pair: a number for each of (key, group), in their order."""

    def of(self, slot: int) -> dict[str, Ints]:
        """The rows in one window."""
        inside = np.flatnonzero((self.columns["windows"] >> slot) & 1)
        return self.columns if inside.size == self.columns["windows"].size else _select(self.columns, inside)

    def key(self, pair: Ints) -> Ints:
        """The keys, as places in `keys`."""
        return pair // self.groups.size

    def group_hash(self, pair: Ints) -> Ints:
        """The groups' hashes."""
        return self.groups[pair % self.groups.size]


def _ordered(columns: dict[str, Ints], last: str) -> _Rows:
    keys, key = dense(columns.pop("key"))
    groups, group = dense(columns.pop("group_hash"))
    pair = key * groups.size + group
    order = order_of(pair, columns[last])
    ordered = {"pair": pair[order]}
    while columns:
        name, column = columns.popitem()
        ordered[name] = column[order]
    return _Rows(keys, groups, ordered)


def _capped(rows: _Rows, chosen: dict[str, Ints], slot: int) -> pa.RecordBatch:
    """The whole is said by the spelling of the least id: a user's rows say the same whatever all structs are."""
    of_pair = starts_of(chosen["pair"])
    of_member = starts_of(chosen["pair"], chosen["id"])
    pair = chosen["pair"][of_member]
    said = {"group_hash": rows.group_hash(pair), "id": chosen["id"][of_member], "place": chosen["place"][of_member]}
    said["spelling_count"] = np.add.reduceat(chosen["spelling_count"], of_member)
    first = starts_of(pair)
    listens = np.add.reduceat(chosen["listen_count"], of_pair)
    for name in ("listen_count", *SOURCES):
        said[name] = np.zeros(pair.size, np.int64)
        said[name][first] = _share_that_counts(np.add.reduceat(chosen[name], of_pair), listens)
    said = _select(said, order_of(said["group_hash"], said["id"]))
    of_item = starts_of(said["group_hash"], said["id"])
    summed = {name: said[name][of_item] for name in ("group_hash", "id", "place")}
    summed |= {name: np.add.reduceat(said[name], of_item) for name in ("listen_count", "spelling_count", *SOURCES)}
    summed |= {"key": np.zeros(of_item.size, np.int64), "windows": np.full(of_item.size, 1 << slot, np.int64)}
    return pa.record_batch([pa.array(summed[name]) for name in INPUT], names=list(INPUT))


def _share_that_counts(values: Ints, listen_count: Ints) -> Ints:
    """values * capped // listen_count, without the product, which may be longer than 64 bits. Rounded down."""
    capped = np.minimum(listen_count, SITEWIDE_CAP)
    return values // listen_count * capped + values % listen_count * capped // listen_count


def _of_range(rows: _Rows, slot: int) -> pa.RecordBatch | None:
    now = _groups(rows, slot)
    if not now.pair.size:
        return None
    before = _groups(rows, PREVIOUS_SLOT + slot) if STATS_RANGES[slot] in CALENDAR else _Groups.none()
    listed = now.listed
    key = now.key[listed]
    starts = starts_of(key)
    offsets = np.append(starts, key.size)
    found = _found_in(before.pair, now.pair[listed])
    owners = key[starts]
    # A key without listens now has no list, so none to say what is gone from it.
    gone = before.listed[_found_in(now.pair, before.pair[before.listed]) == now.pair.size]
    owner = _found_in(owners, before.key[gone])
    gone, owner = gone[owner < owners.size], owner[owner < owners.size]
    gone_offsets = np.append(0, np.cumsum(np.bincount(owner, minlength=owners.size)))
    milliseconds = np.sum(now.times, axis=0)[listed]
    longest = order_of(key, -milliseconds, -now.place[listed])
    by_source = np.column_stack([np.add.reduceat(times[listed], starts) for times in now.times])
    return pa.record_batch(
        [
            pa.array(np.full(owners.size, slot, np.int32)),
            pa.array(rows.keys[owners]),
            _lists(offsets, now.id[listed], pa.int64()),
            _lists(offsets, now.count[listed], pa.int32()),
            _lists(offsets, np.append(before.rank, 0)[found], pa.int32()),
            _lists(offsets, np.append(before.count, 0)[found], pa.int32()),
            _lists(gone_offsets, before.id[gone], pa.int64()),
            _lists(gone_offsets, before.count[gone], pa.int32()),
            _lists(offsets, milliseconds // 1000, pa.int64()),
            _lists(offsets, now.rank[listed][longest], pa.int32()),
            _lists(np.arange(owners.size + 1) * len(SOURCES), by_source.ravel(), pa.int64()),
        ],
        schema=OUTPUT,
    )


@dataclass(frozen=True)
class _Groups:
    """The items of one window, by pair: one of each (key, group)."""

    pair: Ints
    key: Ints
    """Places in the keys there are."""
    count: Ints
    id: Ints
    place: Ints
    times: list[Ints]
    """Milliseconds, by source."""
    listed: Ints
    """In order of the lists: by key, then most played first."""
    rank: Ints
    """From 1, within the key."""

    @classmethod
    def none(cls) -> "_Groups":
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, empty, empty, empty, [empty for _ in SOURCES], empty, empty)


def _groups(rows: _Rows, slot: int) -> _Groups:
    spelled = _spelled(rows.of(slot))
    if not spelled["pair"].size:
        return _Groups.none()
    starts = starts_of(spelled["pair"])
    shown = _most_said(spelled, starts)
    pair, place = spelled["pair"][starts], spelled["place"][shown]
    key = rows.key(pair)
    count = np.add.reduceat(spelled["listen_count"], starts)
    listed = order_of(key, -count, -place)
    first = starts_of(key)
    rank = np.empty(key.size, np.int64)
    rank[listed] = np.arange(key.size) - np.repeat(first, np.diff(np.append(first, key.size))) + 1
    times = [np.add.reduceat(spelled[name], starts) for name in SOURCES]
    return _Groups(pair, key, count, spelled["id"][shown], place, times, listed, rank)


def _most_said(spelled: dict[str, Ints], starts: Ints) -> Ints:
    """Of each pair the row of the struct that is said most; ties: that of the last place."""
    sizes = np.diff(np.append(starts, spelled["pair"].size))
    shown = starts.copy()
    several = np.flatnonzero(sizes > 1)
    if several.size:
        rows = np.flatnonzero(np.repeat(sizes > 1, sizes))
        order = order_of(spelled["pair"][rows], spelled["spelling_count"][rows], spelled["place"][rows])
        shown[several] = rows[order][np.cumsum(sizes[several]) - 1]
    return shown


def _spelled(rows: dict[str, Ints]) -> dict[str, Ints]:
    """One row per (key, struct) of which something is left after adding up."""
    if not rows["pair"].size:
        return rows
    starts = starts_of(rows["pair"], rows["place"])
    summed = {name: rows[name][starts] for name in ("pair", "place", "id")}
    summed |= {name: np.add.reduceat(rows[name], starts) for name in ("listen_count", "spelling_count", *SOURCES)}
    left = summed["spelling_count"] > 0
    return summed if left.all() else _select(summed, left)


def _found_in(known: Ints, asked: Ints) -> Ints:
    """Where each is in `known`, ascending and without repetition; its size where it is not."""
    found = np.searchsorted(known, asked)
    return np.where(np.append(known, -1)[found] == asked, found, known.size)


def _select(rows: dict[str, Ints], which: Any) -> dict[str, Ints]:
    return {name: column[which] for name, column in rows.items()}


def _lists(offsets: Ints, values: Ints, type_: pa.DataType) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values).cast(type_))
