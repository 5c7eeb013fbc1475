"""Generated histories: what happens to some users, step by step, with times that crowd at the edges of all ranges.

A plan is a sequence of moments (T), the same for all histories, and for each history what it does at each moment. The
histories have their own users, names and MBIDs, so that many can live in one world at once and one step of all of them
is one change of it; a few tracks are everybody's.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.oracle import steps
from tests.oracle.catalog import Catalog, catalog, learn, maybe, some_artists
from tests.oracle.msid import msid
from tests.oracle.steps import Step
from tests.oracle.windows import CALENDAR, activity_window, epoch, previous_window, wall_clock, window
from tests.oracle.world import AUTOMATIC, MANUAL, Listen, Mapped, Track, World, folded

USERS = 2
"""Per history."""
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Kiritimati",
    "Pacific/Pago_Pago", "America/St_Johns", "America/Havana",
)  # fmt: skip
CLIENTS = (None, None, "Navidrome", "navidrome", "Rhythmbox")
NIGHTS = (  # when something turns: leap day, DST both ways in several zones, year, half, quarter, week
    "2020-02-29", "2020-03-01", "2020-03-08", "2020-03-29", "2020-10-04", "2020-10-25", "2020-11-01", "2020-12-31",
    "2021-01-01", "2021-01-04", "2021-02-28", "2021-03-01", "2021-03-14", "2021-03-28", "2021-04-01", "2021-07-01",
    "2021-10-31", "2021-11-07", "2022-01-01", "2022-01-03", "2023-12-31", "2024-01-01", "2024-02-29", "2024-03-01",
)  # fmt: skip
IMPORTS_EVERY = 4
"""Metadata come with these moments only: they may touch everybody, and hide at other moments what touches too few."""
MANY = 505
"""More listens of one thing by one user than count sitewide."""


@dataclass
class History:
    """What happens to its users."""

    users: dict[int, str]
    at: list[list[Step]] = field(default_factory=list)
    """By moment."""


@dataclass(frozen=True)
class Plan:
    """Moments and histories."""

    moments: tuple[int, ...]
    """T at each, epoch seconds, never earlier than the one before."""
    histories: tuple[History, ...]

    def worlds(self) -> Iterator[World]:
        """The world after each moment: one and the same value, changed in between."""
        world = World(self.moments[0])
        for history in self.histories:
            world.users.update(history.users)
        for number, moment in enumerate(self.moments):
            world.newest = moment
            for step in self.steps(number):
                steps.apply(world, step)
            yield world

    def steps(self, number: int) -> Iterator[Step]:
        """What happens at a moment, in order."""
        return (step for history in self.histories for step in history.at[number])


def plan(seed: int, histories: int, moments: int, first_user: int = 1) -> Plan:
    """The same for the same arguments. Users have consecutive ids from first_user."""
    chance = random.Random(seed)  # noqa: S311 - test data
    times = _moments(chance, moments)
    shared = catalog(random.Random(seed), 0)  # noqa: S311
    found = []
    for number in range(1, histories + 1):
        users = [first_user + (number - 1) * USERS + index for index in range(USERS)]
        found.append(_Living(chance, number, users, shared, times).history)
    return Plan(times, tuple(found))


def _moments(chance: random.Random, count: int) -> tuple[int, ...]:
    """Nights in order; of each its edge, a second before or after it, or some hour."""
    nights = sorted(chance.choice(NIGHTS) for _ in range(count))
    turns = (0, 0, -1, 1, 3600, 5400, 7 * 3600 + 1234, 86399)
    times: list[int] = []
    for night in nights:
        turn = epoch(datetime.fromisoformat(night), chance.choice(ZONES)) + chance.choice(turns)
        times.append(max(turn, times[-1] + chance.choice((0, 1, 60))) if times else turn)
    return tuple(times)


class _Living:
    """Makes one history, remembering what it did so that later steps meet earlier ones."""

    def __init__(
        self, chance: random.Random, number: int, users: Sequence[int], shared: Catalog, times: tuple[int, ...]
    ) -> None:
        self.chance = chance
        self.catalog = catalog(chance, number, wide=number % 8 == 3)
        self.tracks = (*self.catalog.tracks, *shared.tracks[:2])
        self.zones = dict.fromkeys(users, "UTC")
        self.times = times
        self.listened: list[Listen] = []
        self.said: list[Mapped] = []
        self.learnt: list[steps.Learn] = []
        self.excluded: list[steps.Exclude] = []
        self.history = History({user_id: f"user {user_id}" for user_id in users})
        for moment in range(len(times)):
            self.now, self.next = times[moment], times[min(moment + 1, len(times) - 1)]
            self.history.at.append(self._first(number) if moment == 0 else self._some(moment))

    def _first(self, number: int) -> list[Step]:
        wide = number % 8 == 3
        many = [self._learn() for _ in range(150 if wide else 15)]
        listens: list[Step] = [self._insert(80 if wide else self.chance.choice((0, 1, 12))) for _ in self.zones]
        if number % 50 == 7:
            user_id, track = min(self.zones), self.tracks[0]
            listens.append(steps.Insert(tuple(Listen(user_id, self.now - n, track) for n in range(MANY))))
        return [*many, *(self._say() for _ in range(3)), *listens]

    def _some(self, moment: int) -> list[Step]:
        learning = moment % IMPORTS_EVERY == 0
        kinds = self.chance.choices(
            (self._insert, self._delete, self._wipe, self._say, self._unsay, self._learn, self._forget, self._move,
             self._exclude, self._include),
            (6, 3, 0.4, 2, 1, 4 * learning, 3 * learning, 0.7, 1, 1),
            k=self.chance.choice((0, 1, 1, 2)),
        )  # fmt: skip
        return [kind() for kind in kinds]

    def _insert(self, count: int | None = None) -> Step:
        count = self.chance.choice((1, 1, 2, 5)) if count is None else count
        listens = tuple(self._listen() for _ in range(count))
        self.listened += listens
        return steps.Insert(listens)

    def _listen(self) -> Listen:
        user_id = self.chance.choice(list(self.zones))
        track, duration = self.chance.choice(self.tracks), self.chance.choice((None, None, None, 180_000, 0))
        if duration is not None:
            track = _lasting(track, duration)
        played = self.chance.choice((None, None, 0, 30_000))
        return Listen(user_id, self._time(user_id), track, self.chance.choice(CLIENTS), played, duration)

    def _time(self, user_id: int) -> int:
        chance = self.chance
        kind = chance.random()
        if kind < 0.1:
            return self.now + chance.choice((0, 1, 3600, 86400 * 3))
        if kind < 0.3:
            return chance.randint(1033430400, self.now)
        if kind < 0.5:
            return self.now - chance.randint(0, 86400 * 40)
        return _edge(chance, chance.choice((self.now, self.next)), self.zones[user_id]) + chance.choice((-1, 0, 1))

    def _delete(self) -> Step:
        return steps.Delete(self.chance.choice(self.listened or [self._listen()]).key)

    def _wipe(self) -> Step:
        return steps.Wipe(self.chance.choice(list(self.zones)))

    def _say(self) -> Step:
        chance = self.chance
        user_id = chance.choice((None, *self.zones))
        source = MANUAL if user_id is not None and chance.random() < 0.6 else chance.choice((AUTOMATIC, "dump-a"))
        row = Mapped(
            user_id,
            chance.choice(self.catalog.tracks).msid,
            source,
            maybe(chance, self.catalog.recordings, 0.7),
            maybe(chance, self.catalog.releases),
            some_artists(chance, self.catalog),
        )
        self.said.append(row)
        return steps.Say(row)

    def _unsay(self) -> Step:
        return steps.Unsay(self.chance.choice(self.said).key) if self.said else self._say()

    def _learn(self) -> Step:
        step = learn(self.chance, self.catalog)
        self.learnt.append(step)
        return step

    def _forget(self) -> Step:
        if not self.learnt:
            return self._learn()
        step = self.chance.choice(self.learnt)
        return steps.Forget(step.table, step.key)

    def _move(self) -> Step:
        user_id = self.chance.choice(list(self.zones))
        self.zones[user_id] = self.chance.choice(ZONES)
        return steps.Move(user_id, self.zones[user_id])

    def _exclude(self) -> Step:
        chance, track = self.chance, self.chance.choice(self.tracks)
        values = {
            "artist_mbids": chance.choice(self.catalog.artists),
            "artist_names": folded(chance.choice([track.artist_name, *self._names()])),
            "recording_mbids": chance.choice(self.catalog.recordings),
            "recording_msids": track.msid,
            "clients": "navidrome",
        }
        kind = chance.choice(list(values))
        step = steps.Exclude(chance.choice(list(self.zones)), kind, values[kind])
        self.excluded.append(step)
        return step

    def _names(self) -> list[str]:
        """What artists were said to be called, the latest of them."""
        return [step.key[1] for step in self.learnt if step.table == "artists" and isinstance(step.key, tuple)][-2:]

    def _include(self) -> Step:
        if not self.excluded:
            return self._exclude()
        step = self.chance.choice(self.excluded)
        return steps.Include(step.user_id, step.kind, step.value)


def _lasting(track: Track, duration_ms: int) -> Track:
    """The same names with a length are another MSID."""
    name = msid(track.artist_name, track.track_name, track.release_name, duration_ms)
    return Track(
        name, track.artist_name, track.track_name, track.release_name, track.recording_mbid, track.release_mbid,
        track.artist_mbids,
    )  # fmt: skip


def _edge(chance: random.Random, newest: int, zone: str) -> int:
    """Where a range, the period before it, an activity window, a day or an hour turns."""
    stats_range = chance.choice(CALENDAR)
    kind = chance.choice((window, previous_window, activity_window))
    shown = kind(stats_range, newest, zone)
    today = wall_clock(newest, zone).replace(minute=0, second=0)
    turn = chance.choice((shown.start, shown.to, today, today.replace(hour=0) - timedelta(days=chance.randint(0, 8))))
    return epoch(turn or today, zone)
