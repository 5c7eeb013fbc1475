"""What the page of a year draws of a report, as the API answers it: the charts, and the same figures for its tables."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from jobs.clock import MONTHS
from jobs.year_in_music import top_discoveries, top_missed_recordings
from jobs.years import days_of
from webapi.charts import Cell, Chart, Counted, Mark, columns, share, weeks
from webapi.pages import charted
from webapi.pages.charted import Named, Ranked

ARTISTS = 20
"""Of artists over time: as many as the statistic has."""
LISTS = (
    ("top_artists", "Top artists", "artist_name", None, "total_artists_count"),
    ("top_recordings", "Top recordings", "track_name", "artist_name", "total_recordings_count"),
    ("top_release_groups", "Top albums", "release_group_name", "artist_name", "total_release_groups_count"),
)
"""(key of the report, heading, key of an item's name, key of who it is by, key of how many there are)."""
PLAYLISTS = (
    (top_discoveries.KEY, "Discoveries", top_discoveries.ABOUT),
    (top_missed_recordings.KEY, "Missed", top_missed_recordings.ABOUT),
)
"""(key of the report, heading, what is in it)."""

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Days:
    """Listens of every day of a year."""

    by_month: Chart
    calendar: list[list[Cell]]
    """By weekday, Monday first: its days, week by week."""
    months: list[Mark]
    """Under the weeks in which they begin."""
    rows: list[Named]
    """Months, with those of their days that have listens."""
    heard: int
    """Days that have."""
    in_all: int
    streak: int
    """The most of them that follow one another."""
    busiest: date
    most: int
    """Listens of the busiest day."""


@dataclass(frozen=True)
class Track:
    """Of a playlist, or a release."""

    name: str
    by: str


@dataclass(frozen=True)
class Similar:
    """A user, and how similar: the cosine, per cent."""

    name: str
    percent: float


def drawn(data: Report, year: int, zone: str) -> dict[str, Any]:
    """What there is to draw, by key of the report; sections that are not there, or are empty, are left out.

    `zone`: on whose clock the days are counted.
    """
    found: dict[str, Callable[[], Any]] = {
        "listens_per_day": lambda: days(data["listens_per_day"], year),
        "top_genres": lambda: genres(data["top_genres"]),
        "genre_activity": lambda: charted.genre_activity(dict(data)),
        "most_listened_year": lambda: charted.era_activity({"era_activity": _eras(data["most_listened_year"])}),
        "artist_evolution_activity": lambda: _evolution(data["artist_evolution_activity"], year, zone),
        "artist_map": lambda: charted.artist_map(dict(data)),
        "new_releases_of_top_artists": lambda: [
            Track(one["title"], one["artist_credit_name"]) for one in data["new_releases_of_top_artists"]
        ],
        "similar_users": lambda: [Similar(name, 100 * score) for name, score in data["similar_users"].items()],
    }
    made: dict[str, Any] = {key: draw() for key, draw in found.items() if data.get(key)}
    for key, _, name, by, _ in LISTS:
        if data.get(key):
            made[key] = charted.ranked(data[key], name, by)
    for key, _, _ in PLAYLISTS:
        if data.get(key):
            made[key] = [Track(one["title"], one["creator"]) for one in data[key]["track"]]
    return made


def days(buckets: Sequence[Mapping[str, Any]], year: int) -> Days:
    """Of the buckets of all days of the year, in order."""
    first = days_of(year).first
    counts = [(first + timedelta(days=n), bucket["listen_count"]) for n, bucket in enumerate(buckets)]
    by_month = [
        (month, [(day, count) for day, count in one])
        for month, one in groupby(counts, key=lambda counted: MONTHS[counted[0].month - 1])
    ]
    sums = [Counted(f"{month} {year}", sum(count for _, count in one)) for month, one in by_month]
    busiest, most = max(counts, key=lambda counted: (counted[1], -counted[0].toordinal()))
    return Days(
        columns(sums, [], [month[:3] for month, _ in by_month]),
        weeks([Counted(f"{day:%A} {day.day} {day:%B}", count) for day, count in counts], first.weekday()),
        _months(first, len(counts)),
        [_month(month, one) for month, one in by_month],
        sum(count > 0 for _, count in counts),
        len(counts),
        max((len(list(run)) for heard, run in groupby(counts, key=lambda one: one[1] > 0) if heard), default=0),
        busiest,
        most,
    )


def genres(top: Sequence[Mapping[str, Any]]) -> list[Ranked]:
    """With their share of all genres beneath the name."""
    most = max(one["genre_count"] for one in top)
    return [
        Ranked(one["genre"], f"{one['genre_count_percent']:g} %", one["genre_count"], share(one["genre_count"], most))
        for one in top
    ]


def _months(first: date, length: int) -> list[Mark]:
    """Names of months, under the week of their first day."""
    in_weeks = -(-(first.weekday() + length) // 7)
    starts = [first.replace(month=month) for month in range(1, 13)]
    places = [(first.weekday() + (start - first).days) // 7 for start in starts]
    return [Mark(round(100 * place / in_weeks, 3), month[:1]) for place, month in zip(places, MONTHS, strict=True)]


def _month(name: str, counts: Sequence[tuple[date, int]]) -> Named:
    heard = [Counted(f"{day.day} {day:%b}", count) for day, count in counts if count]
    return Named(name, sum(count for _, count in counts), heard)


def _eras(by_year: Mapping[str, int]) -> list[dict[str, int]]:
    return [{"year": int(year), "listen_count": listen_count} for year, listen_count in by_year.items()]


def _evolution(activity: Sequence[Mapping[str, Any]], year: int, zone: str) -> charted.Evolution:
    """Of the artists with the most listens: a report has all of them."""
    totals: Counter[tuple[str, str]] = Counter()
    for one in activity:
        totals[one["artist_name"], one["artist_mbid"] or ""] += one["listen_count"]
    kept = set(sorted(totals, key=lambda artist: (-totals[artist], artist))[:ARTISTS])
    from_ts, to_ts = days_of(year).bounds(zone)
    return charted.artist_evolution({
        "range": "year",
        "from_ts": from_ts,
        "to_ts": to_ts,
        "settings_applied": {"timezone": zone},
        "artist_evolution_activity": [
            one for one in activity if (one["artist_name"], one["artist_mbid"] or "") in kept
        ],
    })  # fmt: skip
