"""Counts to lists, against a count in plain Python: any rows, in any order and any batches."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.engines import rank_lists
from jobs.engines.int_order import columns_of
from jobs.engines.rank_lists import INPUT, OUTPUT, SITEWIDE_CAP, SOURCES
from jobs.tables.listens import MAX_DURATION_MS

RANGES = 9
ALL_TIME = 8
GROUPS = 4
"""A struct of place p is of group p % GROUPS."""
EVERYBODY = 0


def rank(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return rank_lists.rank(columns_of(batches, INPUT))


def rank_apart(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([(name, pa.int64()) for name in INPUT])
    return rank_lists.rank_apart(pa.Table.from_batches(list(batches), schema))


def cap(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return rank_lists.cap(columns_of(batches, INPUT))


@dataclass(frozen=True)
class Counted:
    """An input row, as far as it is not derived."""

    key: int
    windows: int
    place: int
    listen_count: int
    times: tuple[int, int, int, int]
    """Milliseconds by source."""

    @property
    def group(self) -> int:
        return _hash(self.place % GROUPS)


@dataclass
class Tally:
    """What a key played of a group in a window."""

    listen_count: int = 0
    spellings: Counter[int] = field(default_factory=Counter)
    times: list[int] = field(default_factory=lambda: [0] * len(SOURCES))

    @property
    def shown(self) -> int:
        """The place of the struct shown."""
        return max(self.spellings, key=lambda place: (self.spellings[place], place))

    @property
    def milliseconds(self) -> int:
        return sum(self.times)


Tallies = dict[int, Tally]
"""By group."""


def _hash(number: int) -> int:
    """Any 64-bit number, some of them negative, no two the same."""
    return (number * 0x9E3779B97F4A7C15 + 5) % 2**64 - 2**63


def struct_id(place: int) -> int:
    return _hash(place + 1000)


def tallied(rows: Iterable[Counted], slot: int) -> dict[int, Tallies]:
    """By key."""
    found: dict[int, Tallies] = defaultdict(lambda: defaultdict(Tally))
    for row in rows:
        if row.windows >> slot & 1:
            tally = found[row.key][row.group]
            tally.listen_count += row.listen_count
            tally.spellings[row.place] += row.listen_count
            tally.times = [a + b for a, b in zip(tally.times, row.times, strict=True)]
    return found


def together(rows: Iterable[Counted], slot: int) -> dict[int, Tallies]:
    """Everybody's: of each key's listens at most SITEWIDE_CAP count, and as large a part of its times; all names do."""
    found: Tallies = defaultdict(Tally)
    for tallies in tallied(rows, slot).values():
        for group, tally in tallies.items():
            count = min(tally.listen_count, SITEWIDE_CAP)
            times = [time * count // tally.listen_count for time in tally.times]
            found[group].listen_count += count
            found[group].spellings.update(tally.spellings)
            found[group].times = [a + b for a, b in zip(found[group].times, times, strict=True)]
    return {EVERYBODY: found} if found else {}


def lists(now: dict[int, Tallies], before: dict[int, Tallies], slot: int) -> Iterator[dict[str, Any]]:
    """What `rank` says of one range."""
    for key, tallies in now.items():
        listed, earlier = ordered(tallies), ordered(before.get(key, {}))
        longest = sorted(listed, key=lambda group: (tallies[group].milliseconds, tallies[group].shown), reverse=True)
        yield {
            "stats_range": slot,
            "key": key,
            "ids": [struct_id(tallies[group].shown) for group in listed],
            "counts": [tallies[group].listen_count for group in listed],
            "previous_ranks": [earlier.index(group) + 1 if group in earlier else 0 for group in listed],
            "previous_counts": [before[key][group].listen_count if group in earlier else 0 for group in listed],
            "gone_ids": [struct_id(before[key][group].shown) for group in earlier if group not in tallies],
            "gone_counts": [before[key][group].listen_count for group in earlier if group not in tallies],
            "seconds": [tallies[group].milliseconds // 1000 for group in listed],
            "by_time": [listed.index(group) + 1 for group in longest],
            "time_by_source": [sum(tally.times[source] for tally in tallies.values()) for source in range(4)],
        }


def ordered(tallies: Tallies) -> list[int]:
    return sorted(tallies, key=lambda group: (tallies[group].listen_count, tallies[group].shown), reverse=True)


def batches(rows: list[Counted], size: int = 7) -> list[pa.RecordBatch]:
    found = [rows[first : first + size] for first in range(0, len(rows), size)]
    return [
        pa.RecordBatch.from_pylist([_input(row) for row in some], pa.schema([(name, pa.int64()) for name in INPUT]))
        for some in found
    ]


def _input(row: Counted) -> dict[str, int]:
    return {
        "key": row.key,
        "windows": row.windows,
        "group_hash": row.group,
        "place": row.place,
        "id": struct_id(row.place),
        "listen_count": row.listen_count,
        "spelling_count": row.listen_count,
        **dict(zip(SOURCES, row.times, strict=True)),
    }


def by_range_and_key(rows: Iterable[dict[str, Any]]) -> dict[tuple[int, int], dict[str, Any]]:
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for row in rows:
        assert (row["stats_range"], row["key"]) not in found
        found[row["stats_range"], row["key"]] = row
    return found


def ranked(made: Iterable[pa.RecordBatch]) -> dict[tuple[int, int], dict[str, Any]]:
    found = list(made)
    assert all(batch.schema == OUTPUT for batch in found)
    return by_range_and_key(row for batch in found for row in batch.to_pylist())


def expected(rows: list[Counted], *, everybody: bool = False) -> dict[tuple[int, int], dict[str, Any]]:
    tallies = together if everybody else tallied
    return by_range_and_key(
        row
        for slot in range(RANGES)
        for row in lists(tallies(rows, slot), {} if slot == ALL_TIME else tallies(rows, RANGES + slot), slot)
    )


MILLISECONDS = st.integers(0, 2_500) | st.just(40 * 2**31 * 1000)
ROWS = st.lists(
    st.builds(
        Counted,
        key=st.sampled_from([-(2**31), -2, 1, 2, 3]),
        windows=st.integers(0, 2 ** (2 * RANGES - 1) - 1)
        | st.sampled_from([1, 1 << RANGES, 1 | 1 << RANGES, 1 << ALL_TIME]),
        place=st.integers(0, 3 * GROUPS),
        listen_count=st.integers(1, 4) | st.sampled_from([499, 500, 501]),
        times=st.tuples(MILLISECONDS, MILLISECONDS, MILLISECONDS, MILLISECONDS),
    ),
    max_size=40,
)
NOW, BEFORE = 1, 1 << RANGES
NO_TIME = (0, 0, 0, 0)


@given(ROWS)
@example([])
@example([Counted(1, BEFORE, 3, 2, NO_TIME)])
@example([Counted(1, NOW, 3, 2, NO_TIME), Counted(2, BEFORE, 3, 2, NO_TIME)])
@example([Counted(1, NOW, 0, 1, NO_TIME), Counted(1, NOW, 4, 1, NO_TIME), Counted(1, BEFORE, 8, 9, NO_TIME)])
@settings(deadline=None)
def test_lists_are_those_counted_one_row_at_a_time(rows: list[Counted]) -> None:
    assert ranked(rank(batches(rows))) == expected(rows)
    assert ranked(rank_apart(batches(rows))) == expected(rows), "range after range"


@given(ROWS, st.integers(1, 3))
@example([Counted(1, NOW, 0, 501, NO_TIME), Counted(1, NOW, 4, 501, NO_TIME), Counted(2, NOW, 8, 3, NO_TIME)], 1)
@settings(deadline=None)
def test_everybodys_lists_count_each_key_up_to_the_cap_however_keys_are_split(rows: list[Counted], calls: int) -> None:
    shares = [[row for row in rows if row.key % calls == call] for call in range(calls)]
    capped = [batch for share in shares for batch in cap(batches(share))]

    assert ranked(rank(capped)) == ranked(rank_apart(capped)) == expected(rows, everybody=True)


@given(ROWS, st.integers(0, 10**6))
@settings(deadline=None, max_examples=50)
def test_order_and_batches_of_the_rows_do_not_matter(rows: list[Counted], seed: int) -> None:
    shuffled = random.Random(seed).sample(rows, len(rows))  # noqa: S311 - test data

    assert list(rank(batches(shuffled, 3))) == list(rank(batches(rows, 1000)))


def test_columns_that_are_never_null_are_taken_too() -> None:
    strict = pa.schema([pa.field(name, pa.int64(), nullable=name == "key") for name in INPUT])
    (batch,) = batches([Counted(1, NOW, 0, 2, NO_TIME)])

    assert ranked(rank([pa.RecordBatch.from_arrays(batch.columns, schema=strict)])) == ranked(rank([batch]))


def test_equal_counts_go_by_place_descending_and_equal_spellings_show_the_greatest() -> None:
    rows = [Counted(1, NOW, place, 2, NO_TIME) for place in (0, 1, 4, 2)]

    (row,) = ranked(rank(batches(rows))).values()

    # Places 0 and 4 are one group of 4 listens, shown by 4; then 2 and 1, the greater first.
    assert (row["ids"], row["counts"]) == ([struct_id(4), struct_id(2), struct_id(1)], [4, 2, 2])


def test_an_item_keeps_its_place_before_though_its_spelling_was_another() -> None:
    rows = [
        Counted(1, NOW, 0, 1, (1500, 0, 0, 499)),
        Counted(1, NOW, 1, 3, (0, 100, 0, 0)),
        Counted(1, BEFORE, 4, 7, NO_TIME),
        Counted(1, BEFORE, 2, 9, NO_TIME),
        Counted(1, BEFORE, 3, 9, NO_TIME),
    ]

    row = ranked(rank(batches(rows)))[0, 1]

    assert row["ids"] == [struct_id(1), struct_id(0)]
    assert (row["previous_ranks"], row["previous_counts"]) == ([0, 3], [0, 7])
    assert (row["gone_ids"], row["gone_counts"]) == ([struct_id(3), struct_id(2)], [9, 9])
    assert (row["seconds"], row["by_time"], row["time_by_source"]) == ([0, 1], [2, 1], [1500, 100, 0, 499])


def test_the_longest_time_that_users_can_submit_is_listed_in_seconds() -> None:
    milliseconds = 1_036 * MAX_DURATION_MS
    rows = [Counted(1, NOW, 0, 1_036, (0, milliseconds, 0, 0)), Counted(1, NOW, 1, 1, (1_000, 0, 0, 0))]

    row = ranked(rank(batches(rows)))[0, 1]

    assert row["seconds"] == [milliseconds // 1_000, 1]
    assert row["seconds"][0] > 2**31


def test_who_loops_a_long_track_does_not_lead_everybodys_list_by_time() -> None:
    hour = 3_600_000
    rows = [Counted(1, NOW, 0, 50_000, (0, 50_000 * 10 * hour, 0, 7))]
    rows += [Counted(user, NOW, 1, 400, (0, 400 * 10 * hour, 0, 0)) for user in (2, 3)]

    row = ranked(rank(cap(batches(rows))))[0, EVERYBODY]

    assert row["counts"] == [800, 500]
    assert row["seconds"] == [800 * 36_000, 500 * 36_000]
    assert row["by_time"] == [1, 2]
    assert row["time_by_source"] == [0, 1_300 * 10 * hour, 0, 0], "7 ms of 50,000 listens are none of 500"


def test_the_share_of_the_longest_time_is_exact() -> None:
    milliseconds = 2**63 - 1

    row = ranked(rank(cap(batches([Counted(1, NOW, 0, 501, (0, milliseconds, 0, 0))]))))[0, EVERYBODY]

    assert row["time_by_source"] == [0, milliseconds * 500 // 501, 0, 0]
