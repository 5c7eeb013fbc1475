"""The ranking kernel and the windows it is given, beside the oracle: no Spark, so that many histories are quick."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from jobs.engines.int_order import columns_of
from jobs.engines.rank_lists import INPUT, cap, rank
from jobs.ranges import STATS_RANGES, window_masks
from tests.oracle.histories import plan
from tests.oracle.items import ENTITIES, Entity
from tests.oracle.lists import SOURCES, Row, by_time, compared, listening_time
from tests.oracle.order import places
from tests.oracle.plays import Play
from tests.oracle.statistics import Oracle
from tests.oracle.windows import ALL_TIME, wall_clock

EPOCH = datetime(1970, 1, 1)


@dataclass
class Numbered:
    """What was played as the kernel is given it: display structs as their place in the order of all, groups as ids."""

    oracle: Oracle
    entity: Entity
    groups: dict[Any, int] = field(default_factory=dict)
    counts: Counter[tuple[int, int, int, str]] = field(default_factory=Counter)
    times: dict[tuple[int, int, int, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    order: dict[str, Any] = field(default_factory=dict)

    def add(self, key: int, plays: Sequence[Play], zone: str) -> None:
        """All plays of a key."""
        stretches = window_masks(wall_clock(self.oracle.world.newest, zone).date())
        for play in plays:
            second = int((play.shown - EPOCH).total_seconds())
            mask = next((mask for first, mask in reversed(stretches) if first <= second), 0)
            source, milliseconds = listening_time(play, self.oracle.facts)
            for item in self.entity.items(play.track, play.about, self.oracle.facts) if mask else ():
                struct = {**item.fixed, **dict(zip(self.entity.names, item.names, strict=True))}
                values = [struct[name] for name in self.entity.fields]
                self.order[repr(values)] = places(values)
                what = (key, mask, self.groups.setdefault(item.key, len(self.groups)), repr(values))
                self.counts[what] += 1
                self.times[what][source] += milliseconds

    def batch(self) -> pa.RecordBatch:
        """The kernel's input."""
        place = {struct: number for number, struct in enumerate(sorted(self.order, key=self.order.__getitem__))}
        rows = [
            (key, mask, group, place[struct], place[struct], count, count, *(self.times[what][s] for s in SOURCES))
            for what, count in self.counts.items()
            for key, mask, group, struct in [what]
        ]
        columns = zip(*rows, strict=True) if rows else ((),) * len(INPUT)
        return pa.record_batch([pa.array(column, pa.int64()) for column in columns], names=list(INPUT))

    def structs(self) -> list[str]:
        """By id."""
        return sorted(self.order, key=self.order.__getitem__)


def lists(batches: Iterator[pa.RecordBatch] | list[pa.RecordBatch]) -> dict[tuple[int, str], dict[str, Any]]:
    return {
        (row["key"], STATS_RANGES[row["stats_range"]]): row
        for batch in rank(columns_of(batches, INPUT))
        for row in batch.to_pylist()
    }


def agree(row: dict[str, Any], rows: Sequence[Row], before: Sequence[Row], numbered: Numbered) -> None:
    structs, fields = numbered.structs(), numbered.entity.fields

    def said(listed: Sequence[Row]) -> list[tuple[str, int]]:
        return [(repr([one.struct[name] for name in fields]), one.listen_count) for one in listed]

    assert [(structs[one], count) for one, count in zip(row["ids"], row["counts"], strict=True)] == said(rows)
    assert [said(rows)[place - 1] for place in row["by_time"]] == said(by_time(rows))
    assert row["seconds"] == [one.milliseconds // 1000 for one in rows]
    beside = compared(rows, before)
    assert row["previous_ranks"] == [change.previous_rank or 0 for change in beside[: len(rows)]]
    assert row["previous_counts"] == [change.previous_count for change in beside[: len(rows)]]
    gone = {change.key for change in beside[len(rows) :]}
    left = [one for one in before if one.key in gone]
    assert [(structs[one], count) for one, count in zip(row["gone_ids"], row["gone_counts"], strict=True)] == said(left)


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 60))])
@pytest.mark.parametrize("entity", ENTITIES)
def test_users_lists(entity: str, seed: int) -> None:
    for world in plan(seed, histories=8, moments=3).worlds():
        oracle = Oracle(world)
        numbered = Numbered(oracle, ENTITIES[entity])
        for user_id in world.users:
            numbered.add(user_id, oracle.plays(user_id), oracle.zone(user_id))
        found = lists([numbered.batch()])
        for stats_range in STATS_RANGES:
            for user_id in world.users:
                rows = oracle.user_rows(user_id, entity, stats_range)
                row = found.pop((user_id, stats_range), None)
                assert bool(rows) == (row is not None)
                if row is not None:
                    calendar = stats_range != ALL_TIME
                    before = oracle.user_rows(user_id, entity, stats_range, previous=True) if calendar else []
                    agree(row, rows, before, numbered)
        assert not found


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 30))])
@pytest.mark.parametrize("entity", ENTITIES)
def test_everybodys_lists(entity: str, seed: int) -> None:
    for world in plan(seed, histories=8, moments=2).worlds():
        oracle = Oracle(world)
        numbered = Numbered(oracle, ENTITIES[entity])
        for user_id in world.users:
            numbered.add(user_id, oracle.plays(user_id, plain=True), "UTC")
        found = lists(cap(columns_of([numbered.batch()], INPUT)))
        for stats_range in STATS_RANGES:
            rows, row = oracle.sitewide_rows(entity, stats_range), found.pop((0, stats_range), None)
            assert bool(rows) == (row is not None)
            if row is not None:
                calendar = stats_range != ALL_TIME
                before = oracle.sitewide_rows(entity, stats_range, previous=True) if calendar else []
                agree(row, rows, before, numbered)
        assert not found
