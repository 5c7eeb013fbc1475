"""Which recordings are in a periodic playlist, and in which order. Plain Python; knows nothing of jobs.

At most two recordings of any artist, those of the greatest score; a recording of several artists stays only if it is
among the two of each. Chance is a hash of user, recording and day: the same again for the same day.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from jobs.ranges import midnight

LENGTH = 50
OF_ARTIST = 2
DAY = 86_400


@dataclass(frozen=True)
class Candidate:
    """A recording of a user's list."""

    recording: str
    """MBID."""
    score: float
    latest: int | None
    """When she last heard it, epoch seconds; None: never."""
    artists: Sequence[str]
    """MBIDs, or folded names where none is known."""


@dataclass(frozen=True)
class LocalDay:
    """A day on a user's clock."""

    day: date
    begins: int
    """Epoch seconds."""


@dataclass(frozen=True)
class Jam:
    """What a periodic playlist is made by."""

    weekly: bool
    """For the week that a Monday begins; else for any day."""
    rest: int | None
    """Of what she has heard, but in none of so many days before it; None: of what she never has."""
    top: bool
    """The best are in it, and chance says in which order; else chance says which are."""

    @property
    def known(self) -> bool:
        """Whether it is of what she has heard."""
        return self.rest is not None

    def fits(self, latest: int | None, begins: int) -> bool:
        """Whether a recording last heard then (None: never) may be in that of a day that begins then."""
        if latest is None or self.rest is None:
            return latest is self.rest
        return latest < begins - self.rest * DAY


JAMS: Mapping[str, Jam] = {
    "weekly-jams": Jam(True, 60, False),
    "weekly-exploration": Jam(True, None, False),
    "daily-jams": Jam(False, 7, True),
}
"""By slug."""


def day_of(moment: float, zone: str) -> LocalDay:
    """The day that it is at a moment (epoch seconds) on a zone's clock."""
    clock = ZoneInfo(zone)
    day = datetime.fromtimestamp(moment, clock).date()
    return LocalDay(day, midnight(day, clock))


def day_for(jam: Jam, moment: float, zone: str) -> LocalDay:
    """The day that one is for at that moment: the one that it is there; of a weekly one, the Monday of its week."""
    today = day_of(moment, zone)
    if not jam.weekly:
        return today
    monday = today.day - timedelta(days=today.day.weekday())
    return LocalDay(monday, midnight(monday, ZoneInfo(zone)))


def is_made(jam: Jam, begun: LocalDay, days: Iterable[date]) -> bool:
    """Whether that day, or the week that began with it, has one: `days` are those of the ones there are."""
    end = begun.day + timedelta(days=7 if jam.weekly else 1)
    return any(begun.day <= day < end for day in days)


def chosen(jam: Jam, user_id: int, today: LocalDay, candidates: Iterable[Candidate]) -> list[str]:
    """MBIDs, in order; at most LENGTH."""
    fitting = [one for one in candidates if jam.fits(one.latest, today.begins)]
    chance = {one.recording: _chance(user_id, one.recording, today.day) for one in fitting}
    fitting.sort(key=lambda one: (-one.score, chance[one.recording]))
    kept = [one.recording for one in _capped(fitting)]
    return sorted(kept[:LENGTH] if jam.top else kept, key=chance.__getitem__)[:LENGTH]


def _capped(ranked: Sequence[Candidate]) -> list[Candidate]:
    """Those that are among the first OF_ARTIST of each of their artists."""
    seen: Counter[str] = Counter()
    kept = []
    for one in ranked:
        artists = set(one.artists)
        if all(seen[artist] < OF_ARTIST for artist in artists):
            kept.append(one)
        seen.update(artists)
    return kept


def _chance(user_id: int, recording: str, day: date) -> str:
    text = f"{user_id} {recording} {day.isoformat()}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
