"""What a page of statistics draws of their payloads: the charts, and the same figures for its tables."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import zip_longest
from typing import Any
from zoneinfo import ZoneInfo

from jobs.clock import DAILY, HOURS, MONTHS, TIME_UNITS, WEEKDAYS, WEEKS
from jobs.ranges import ALL_TIME, following, midnight
from webapi.charts import Box, Cell, Chart, Counted, columns, pieces, said, share, stacks, strip
from webapi.country_names import country_name
from webapi.statistics import Payload

SERIES = 8
"""Artists that have a colour of their own."""
GENRES = 12
ALBUMS = 8
"""Of an artist, named one by one."""
HOUR_NAMES = tuple(f"{hour:02}:00" for hour in range(HOURS))


@dataclass(frozen=True)
class Ranked:
    """A row of a list, with its bar: percent of the longest."""

    name: str
    by: str | None
    listen_count: int
    share: float


@dataclass(frozen=True)
class Activity:
    """Listens over time."""

    chart: Chart
    rows: list[tuple[Counted | None, Counted | None]]
    """(of the range, of the period before)."""
    now: int
    before: int | None
    """Listens of the period before; None: there is none before."""
    year: int
    """In which the range begins."""


@dataclass(frozen=True)
class Strip:
    """A row of cells, one per hour of the day."""

    name: str
    listen_count: int
    cells: list[Cell]
    busiest: str
    """Said of it in place of the cells."""


@dataclass(frozen=True)
class Named:
    """Whatever has parts with names: an hour, a time unit, an artist."""

    name: str
    listen_count: int
    parts: list[Counted]
    rest: int = 0
    """Parts that are not named."""
    bar: list[Box] | None = None


@dataclass(frozen=True)
class Evolution:
    """Artists over time; the rows have every artist, the chart those of the legend."""

    chart: Chart
    legend: list[Counted]
    rows: list[Named]


@dataclass(frozen=True)
class Country:
    """A row of the artist map."""

    name: str
    artist_count: int
    listen_count: int
    share: float
    artists: list[str]
    """The most heard of them."""


def zone_of(payload: Payload) -> str:
    """The zone whose days and hours it counts by."""
    applied = payload.get("settings_applied")
    return str(applied["timezone"]) if applied else "UTC"


def ranked(items: Sequence[dict[str, Any]], name: str, by: str | None = None) -> list[Ranked]:
    """`name`, `by`: keys of the items."""
    most = max((item["listen_count"] for item in items), default=0)
    return [
        Ranked(item[name], item[by] if by else None, item["listen_count"], share(item["listen_count"], most))
        for item in items
    ]


def bounds_of_activity(payload: Payload) -> tuple[int, int]:
    """from_ts and to_ts of the calendar range that a listening activity is of: it answers from the period before on."""
    stats_range, clock = payload["range"], ZoneInfo(zone_of(payload))
    first = following(stats_range, datetime.fromtimestamp(payload["from_ts"], clock).date())
    return midnight(first, clock), midnight(following(stats_range, first), clock)


def listening_activity(payload: Payload) -> Activity:
    """The range's buckets, those of the period before beside them."""
    stats_range, zone = payload["range"], zone_of(payload)
    from_ts = payload["from_ts"] if stats_range == ALL_TIME else bounds_of_activity(payload)[0]
    year = datetime.fromtimestamp(from_ts, ZoneInfo(zone)).year
    buckets = payload["listening_activity"]
    if stats_range == ALL_TIME:
        now, labels = _by_year((int(bucket["time_range"]), bucket["listen_count"]) for bucket in buckets)
        rows = [(Counted(bucket["time_range"], bucket["listen_count"]), None) for bucket in buckets]
        return Activity(columns(now, [], labels), list(rows), _sum(now), None, year)
    of_range = [bucket for bucket in buckets if bucket["from_ts"] >= from_ts]
    earlier = [bucket for bucket in buckets if bucket["from_ts"] < from_ts]
    now, before = (
        [Counted(bucket["time_range"], bucket["listen_count"], series) for bucket in chosen]
        for chosen, series in ((of_range, "now"), (earlier, "before"))
    )
    # What a running range has not had yet is labelled as a period before.
    labelled = [*of_range, *earlier[len(of_range) :]]
    starts = [datetime.fromtimestamp(bucket["from_ts"], ZoneInfo(zone)).date() for bucket in labelled]
    labels = [_bucket_label(stats_range, start) for start in starts]
    return Activity(columns(now, before, labels), list(zip_longest(now, before)), _sum(now), _sum(before), year)


def era_activity(payload: Payload) -> tuple[Chart, list[Counted]]:
    """Listens by year of first release."""
    years = [(one["year"], one["listen_count"]) for one in payload["era_activity"]]
    filled, labels = _by_year(years)
    return columns(filled, [], labels), [Counted(str(year), listen_count) for year, listen_count in years]


def daily_activity(payload: Payload) -> list[Strip]:
    """A strip per weekday, all on one scale."""
    days = payload["daily_activity"]
    most = max(hour["listen_count"] for hours in days.values() for hour in hours)
    return [_strip(day, {hour["hour"]: hour["listen_count"] for hour in hours}, most) for day, hours in days.items()]


def genre_activity(payload: Payload) -> tuple[list[Strip], list[Named]]:
    """A strip for each of the genres with the most listens; and what every hour has, most first."""
    by_genre: defaultdict[str, dict[int, int]] = defaultdict(dict)
    by_hour: defaultdict[int, list[Counted]] = defaultdict(list)
    for one in payload["genre_activity"]:
        by_genre[one["genre"]][one["hour"]] = one["listen_count"]
        by_hour[one["hour"]].append(Counted(one["genre"], one["listen_count"]))
    top = sorted(by_genre.items(), key=lambda one: (-sum(one[1].values()), one[0]))[:GENRES]
    most = max((count for _, hours in top for count in hours.values()), default=0)
    strips = [_strip(genre, hours, most) for genre, hours in top]
    return strips, [_named(HOUR_NAMES[hour], by_hour[hour]) for hour in sorted(by_hour)]


def artist_evolution(payload: Payload) -> Evolution:
    """Stacked columns of the artists with the most listens, all others of the twenty together on top."""
    Artist = tuple[str, str | None]  # noqa: N806
    totals: defaultdict[Artist, int] = defaultdict(int)
    by_unit: defaultdict[str, dict[Artist, int]] = defaultdict(dict)
    for one in payload["artist_evolution_activity"]:
        artist = one["artist_name"], one["artist_mbid"]
        totals[artist] += one["listen_count"]
        by_unit[one["time_unit"]][artist] = one["listen_count"]
    order = sorted(totals, key=lambda artist: (-totals[artist], artist[0], artist[1] or ""))
    shown, others = order[:SERIES], order[SERIES:]
    legend = [Counted(artist[0], totals[artist], f"s{place}") for place, artist in enumerate(shown, 1)]
    if others:
        legend.append(Counted(_others(len(others)), sum(totals[artist] for artist in others), "rest"))
    units = _units(payload, by_unit)
    stacked = []
    for unit in units:
        counts = by_unit.get(unit, {})
        heights = [counts.get(artist, 0) for artist in shown]
        heights += [sum(counts.get(artist, 0) for artist in others)] if others else []
        stacked.append([
            Counted(f"{unit}, {one.name}", height, one.series) for one, height in zip(legend, heights, strict=True)
        ])  # fmt: skip
    rows = [
        _named(unit, [Counted(artist[0], count) for artist, count in by_unit[unit].items()])
        for unit in units
        if unit in by_unit
    ]
    return Evolution(stacks(stacked, [_unit_label(payload["range"], unit) for unit in units]), legend, rows)


def artist_map(payload: Payload) -> list[Country]:
    """In the stored order: the country with the most artists first."""
    countries = payload["artist_map"]
    most = max((country["artist_count"] for country in countries), default=0)
    return [
        Country(
            country_name(country["country"]),
            country["artist_count"],
            country["listen_count"],
            share(country["artist_count"], most),
            [artist["artist_name"] for artist in country["artists"][:3]],
        )
        for country in countries
    ]


def artist_activity(payload: Payload) -> list[Named]:
    """A bar per artist, its albums beside each other."""
    artists = payload["artist_activity"]
    most = max((artist["listen_count"] for artist in artists), default=0)
    return [_of_albums(artist, most) for artist in artists]


def _of_albums(artist: dict[str, Any], most: int) -> Named:
    albums = [Counted(album["name"], album["listen_count"], "now") for album in artist["albums"]]
    named, others = albums[:ALBUMS], albums[ALBUMS:]
    together = [Counted(_others(len(others)), _sum(others), "rest")] if others else []
    return Named(artist["name"], artist["listen_count"], named, len(others), pieces([*named, *together], most))


def _others(count: int) -> str:
    return f"{count} other{'' if count == 1 else 's'}"


def _named(name: str, parts: list[Counted]) -> Named:
    parts = sorted(parts, key=lambda part: (-part.listen_count, part.name))
    return Named(name, _sum(parts), parts)


def _strip(name: str, by_hour: dict[int, int], most: int) -> Strip:
    counts = [Counted(f"{name}, {HOUR_NAMES[hour]}", by_hour.get(hour, 0)) for hour in range(HOURS)]
    busiest = max(range(HOURS), key=lambda hour: by_hour.get(hour, 0))
    most_said = f"most at {HOUR_NAMES[busiest]}, {said(by_hour[busiest])}" if by_hour.get(busiest) else "no listens"
    return Strip(name, _sum(counts), strip(counts, most), f"{name}: {most_said}")


def _by_year(counts: Iterable[tuple[int, int]]) -> tuple[list[Counted], list[str]]:
    """Every year from the first to the last, and a label for the round ones."""
    known = dict(counts)
    if not known:
        return [], []
    years = range(min(known), max(known) + 1)
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000) if len(years) / step <= 8)
    labels = [str(year) if year % step == 0 else "" for year in years]
    return [Counted(str(year), known.get(year, 0)) for year in years], labels


def _bucket_label(stats_range: str, start: date) -> str:
    if stats_range in WEEKS:
        return WEEKDAYS[start.weekday()][:3]
    if stats_range == "quarter":
        return MONTHS[start.month - 1] if start.day == 1 else ""
    return str(start.day) if stats_range in DAILY else MONTHS[start.month - 1][:3]


def _units(payload: Payload, known: Iterable[str]) -> list[str]:
    """The time units of artist evolution in the order of time, those without listens too."""
    stats_range = payload["range"]
    if stats_range in TIME_UNITS["by_weekday"]:
        return list(WEEKDAYS)
    if stats_range == ALL_TIME:
        years = [int(year) for year in known]
        return [str(year) for year in range(min(years), max(years) + 1)] if years else []
    clock = ZoneInfo(zone_of(payload))
    first = datetime.fromtimestamp(payload["from_ts"], clock).date()
    last = datetime.fromtimestamp(payload["to_ts"], clock).date() - timedelta(days=1)
    if stats_range in TIME_UNITS["by_day"]:
        return [str(day) for day in range(first.day, last.day + 1)]
    return list(MONTHS[first.month - 1 : last.month])


def _unit_label(stats_range: str, unit: str) -> str:
    return unit if stats_range in TIME_UNITS["by_day"] or stats_range == ALL_TIME else unit[:3]


def _sum(counts: Iterable[Counted]) -> int:
    return sum(counted.listen_count for counted in counts)
