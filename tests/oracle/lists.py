"""Top lists: whole, in their total order, with counts, times and what makes an item the same in two windows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.items import Entity, Facts, Item
from tests.oracle.order import place, places
from tests.oracle.plays import Play

CAP = 500
"""The most that one user adds to a sitewide count."""
DEFAULT_MS = 180_000
SOURCES = ("played_ms", "duration_ms", "length_ms", "default_ms")
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Row:
    """An item of a list."""

    key: Key
    listen_count: int
    struct: Mapping[str, Any]
    time: Mapping[str, int]
    """Milliseconds by source."""
    place: Any
    """Where it comes among those with as many listens, or as long: that of its struct."""

    @property
    def milliseconds(self) -> int:
        return sum(self.time.values())


@dataclass
class Tally:
    """What is counted of one item."""

    fixed: Mapping[str, Any]
    listen_count: int = 0
    names: Counter[tuple[str | None, ...]] = field(default_factory=Counter)
    time: Counter[str] = field(default_factory=Counter)


def tallies(plays: Iterable[Play], entity: Entity, facts: Facts) -> dict[Key, Tally]:
    """What one user played, by item."""
    found: dict[Key, Tally] = {}
    known: dict[tuple[int, int], list[Item]] = {}
    for play in plays:
        same = id(play.track), id(play.about)
        items = known.get(same)
        if items is None:
            items = known[same] = entity.items(play.track, play.about, facts)
        source, milliseconds = listening_time(play, facts)
        for item in items:
            tally = found.get(item.key)
            if tally is None:
                tally = found[item.key] = Tally(item.fixed)
            tally.listen_count += 1
            tally.names[item.names] += 1
            tally.time[source] += milliseconds
    return found


def sitewide_tallies(users: Iterable[Mapping[Key, Tally]]) -> dict[Key, Tally]:
    """What all users played together, each adding at most CAP to a count, and as large a part of her time."""
    found: dict[Key, Tally] = {}
    for user in users:
        for key, tally in user.items():
            together = found.get(key)
            if together is None:
                together = found[key] = Tally(tally.fixed)
            together.listen_count += min(tally.listen_count, CAP)
            together.names.update(tally.names)
            for source, milliseconds in tally.time.items():
                together.time[source] += milliseconds * min(tally.listen_count, CAP) // tally.listen_count
    return found


def rows(found: Mapping[Key, Tally], entity: Entity) -> list[Row]:
    """The list."""
    unordered = [_row(entity, key, tally) for key, tally in found.items()]
    return sorted(unordered, key=lambda row: (row.listen_count, row.place), reverse=True)


def by_time(listed: Iterable[Row]) -> list[Row]:
    """The same items, the longest heard first; choice 20."""
    return sorted(listed, key=lambda row: (row.milliseconds, row.place), reverse=True)


def shares(listed: Iterable[Row]) -> dict[str, float] | None:
    """How much of the listening time each source gave; None where nothing was heard."""
    together: Counter[str] = Counter()
    for row in listed:
        together.update(row.time)
    whole = sum(together.values())
    return {source: together[source] / whole for source in SOURCES} if whole else None


def listening_time(play: Play, facts: Facts) -> tuple[str, int]:
    """Source and milliseconds of one listen."""
    if play.played_ms is not None:
        return "played_ms", play.played_ms
    if play.duration_ms is not None:
        return "duration_ms", play.duration_ms
    length = facts.length_ms(play.about)
    return ("default_ms", DEFAULT_MS) if length is None else ("length_ms", length)


@dataclass(frozen=True)
class Comparison:
    """An item beside the period before. Ranks from 1; None: it was not in that list."""

    key: Key
    rank: int | None
    listen_count: int
    previous_rank: int | None
    previous_count: int


def compared(current: Iterable[Row], previous: Iterable[Row]) -> list[Comparison]:
    """Every item of the current list, in order, then those that are gone, in theirs."""
    before = {row.key: (rank, row.listen_count) for rank, row in enumerate(previous, 1)}
    found = []
    for rank, row in enumerate(current, 1):
        previous_rank, previous_count = before.pop(row.key, (None, 0))
        found.append(Comparison(row.key, rank, row.listen_count, previous_rank, previous_count))
    return found + [Comparison(key, None, 0, rank, count) for key, (rank, count) in before.items()]


def _row(entity: Entity, key: Key, tally: Tally) -> Row:
    struct = _struct(entity, tally)
    time = {source: tally.time[source] for source in SOURCES}
    return Row(key, tally.listen_count, struct, time, places(struct.values()))


def _struct(entity: Entity, tally: Tally) -> dict[str, Any]:
    best = max(tally.names, key=lambda names: (tally.names[names], place(names)))
    values = {**tally.fixed, **dict(zip(entity.names, best, strict=True))}
    return {name: values[name] for name in entity.fields}
