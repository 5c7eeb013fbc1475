"""Which times a range covers at T, on the wall clock of a zone. jobs.md section 4, choices 1 to 6."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

RANGES = ("this_week", "this_month", "this_year", "week", "month", "quarter", "half_yearly", "year", "all_time")
CALENDAR = RANGES[:-1]
ALL_TIME = "all_time"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
MONTHS_IN = {"month": 1, "quarter": 3, "half_yearly": 6, "year": 12}
BEGINNING = datetime(2002, 1, 1)


@lru_cache(maxsize=1_000_000)
def wall_clock(at: int, zone: str) -> datetime:
    """What a clock in the zone shows at an epoch second."""
    return datetime.fromtimestamp(at, UTC if zone == "UTC" else ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def epoch(shown: datetime, zone: str) -> int:
    """When a clock in the zone first shows this."""
    return int(shown.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone)).timestamp())


@dataclass(frozen=True)
class Window:
    """Wall clock times, from included, to not. `to` None: up to T, included."""

    start: datetime
    to: datetime | None

    def holds(self, shown: datetime) -> bool:
        """Of a listen that is not later than T."""
        return self.start <= shown and (self.to is None or shown < self.to)

    def from_ts(self, zone: str) -> int:
        """As answered."""
        return epoch(self.start, zone)

    def to_ts(self, zone: str, newest: int) -> int:
        """As answered."""
        return newest if self.to is None else epoch(self.to, zone)


@dataclass(frozen=True)
class Bucket:
    """A bar of listening activity: [start, next_start)."""

    start: datetime
    next_start: datetime
    label: str


@lru_cache
def window(stats_range: str, newest: int, zone: str = "UTC") -> Window:
    """The range at T."""
    today = _midnight(wall_clock(newest, zone))
    if stats_range == ALL_TIME:
        return Window(BEGINNING, None)
    if stats_range == "week":
        start = _monday(today - timedelta(days=7))
        return Window(start, start + timedelta(days=7))
    if stats_range == "this_week":
        start = _monday(today - timedelta(days=1))
        return Window(start, start + timedelta(days=7))
    if stats_range == "this_month":
        start = _months_on(_first_of(today, 1), -1 if today.day == 1 else 0)
        return Window(start, _months_on(start, 1))
    if stats_range == "this_year":
        start = _months_on(_first_of(today, 12), -12 if (today.month, today.day) == (1, 1) else 0)
        return Window(start, _months_on(start, 12))
    months = MONTHS_IN[stats_range]
    start = _months_on(_first_of(today, months), -months)
    return Window(start, _months_on(start, months))


@lru_cache
def previous_window(stats_range: str, newest: int, zone: str = "UTC") -> Window:
    """The period just before that of a calendar range."""
    current = window(stats_range, newest, zone)
    if stats_range.endswith("week"):
        return Window(current.start - timedelta(days=7), current.start)
    months = MONTHS_IN[stats_range.removeprefix("this_")]
    return Window(_months_on(current.start, -months), current.start)


@lru_cache
def activity_window(stats_range: str, newest: int, zone: str = "UTC") -> Window:
    """What listening activity shows: the period before as well; the running ones only up to yesterday."""
    if stats_range == ALL_TIME:
        return window(stats_range, newest, zone)
    today = _midnight(wall_clock(newest, zone))
    if stats_range == "this_week":
        return Window(_monday(today - timedelta(days=8)), today)
    if stats_range == "this_month":
        return Window(_months_on(_first_of(today, 1), -2 if today.day == 1 else -1), today)
    if stats_range == "this_year":
        return Window(_months_on(_first_of(today, 12), -24 if (today.month, today.day) == (1, 1) else -12), today)
    if stats_range == "week":
        start = _monday(today - timedelta(days=14))
        return Window(start, start + timedelta(days=14))
    months = MONTHS_IN[stats_range]
    start = _months_on(_first_of(today, months), -2 * months)
    return Window(start, _months_on(start, 2 * months))


def buckets(stats_range: str, newest: int, zone: str = "UTC") -> Iterator[Bucket]:
    """The bars of listening activity, in order."""
    shown = activity_window(stats_range, newest, zone)
    end = shown.to if shown.to is not None else wall_clock(newest, zone) + timedelta(seconds=1)
    start = shown.start
    while start < end:
        next_start = _next_bucket(stats_range, start)
        yield Bucket(start, next_start, _label(stats_range, start))
        start = next_start


def time_unit(stats_range: str, shown: datetime) -> str | int:
    """What artist evolution counts by: weekday, day of the month, month, or year."""
    if stats_range.endswith("week"):
        return WEEKDAYS[shown.weekday()]
    if stats_range in ("month", "this_month"):
        return shown.day
    return shown.year if stats_range == ALL_TIME else MONTHS[shown.month - 1]


def _next_bucket(stats_range: str, start: datetime) -> datetime:
    if stats_range == ALL_TIME:
        return _months_on(start, 12)
    if stats_range in ("this_year", "half_yearly", "year"):
        return _months_on(start, 1)
    return start + timedelta(days=1)


def _label(stats_range: str, start: datetime) -> str:
    if stats_range == ALL_TIME:
        return str(start.year)
    month = f"{MONTHS[start.month - 1]} {start.year}"
    if stats_range in ("this_year", "half_yearly", "year"):
        return month
    day = f"{start.day:02} {month}"
    return f"{WEEKDAYS[start.weekday()]} {day}" if stats_range.endswith("week") else day


def _midnight(shown: datetime) -> datetime:
    return shown.replace(hour=0, minute=0, second=0)


def _monday(day: datetime) -> datetime:
    return day - timedelta(days=day.weekday())


def _first_of(day: datetime, months: int) -> datetime:
    """Where the month, quarter, half or year (1, 3, 6, 12) that holds the day begins."""
    return day.replace(month=day.month - (day.month - 1) % months, day=1)


def _months_on(first: datetime, months: int) -> datetime:
    years, month = divmod(first.month - 1 + months, 12)
    return first.replace(year=first.year + years, month=month + 1)
