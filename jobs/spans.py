"""A span: any whole days of one user, [from_ts, to_ts), whose statistics are computed when they are asked for.

from_ts and to_ts are midnights UTC and name days; where the user's settings are applied these are the days of her
clock. A span from first to end is counted by the same jobs as a range, under the range whose steps (buckets of
listening activity, units of artist evolution) fit its length, which it borrows the windows of:

- up to 7 days: days and weekdays (as `week`);
- up to a month, so that no day of a month comes twice: days, and days of the month (as `month`);
- up to 92 days: days and months (as `quarter`);
- in at most 12 calendar months: months and months (as `year`);
- longer: years and years (as `all_time`).

`compare=previous` is about as many days directly before. Listening activity shows the span alone, where that of a range
also shows the period before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from jobs.ranges import ALL_TIME, DAY, FIRST_DAY, PREVIOUS_SLOT, STATS_RANGES, add_months, epoch_of, midnight

QUERY = "stats.user.span"
"""Name of the request."""
CUSTOM = "custom"
"""What an answer about a span says its range is."""
LONGEST_DAILY = 92
"""Days: a quarter has as many."""
LIST_RANGE = "year"
"""Lists know no steps: they take the windows of a range that has a period before, as all_time has not."""
_DAY_SECONDS = 86400
_UNIX_DAY = date(1970, 1, 1)


class InvalidSpanError(ValueError):
    """No span of days: says which bound is wrong and what one looks like."""


@dataclass(frozen=True)
class Span:
    """The days from `first` up to, not including, `end`."""

    first: date
    end: date

    @property
    def from_ts(self) -> int:
        """Epoch seconds at which it begins in UTC."""
        return epoch_of(self.first)

    @property
    def to_ts(self) -> int:
        """The first second after it, in UTC."""
        return epoch_of(self.end)

    @property
    def previous(self) -> "Span":
        """As many days, directly before."""
        return Span(self.first - (self.end - self.first), self.first)

    @property
    def like(self) -> str:
        """The range whose steps it is shown in."""
        days = (self.end - self.first).days
        if days <= 7:
            return "week"
        if self.end <= _month_later(self.first):
            return "month"
        if days <= LONGEST_DAILY:
            return "quarter"
        return "year" if self.end <= add_months(self.first.replace(day=1), 12) else ALL_TIME

    def bounds(self, zone: str) -> tuple[int, int]:
        """from_ts and to_ts of these days on a zone's clock."""
        clock = ZoneInfo(zone)
        return midnight(self.first, clock), midnight(self.end, clock)

    def stretches(self, stats_range: str, *, compared: bool) -> tuple[tuple[int, int], ...]:
        """(first second, mask) as jobs/ranges.py window_masks gives it: in place of that range.

        `compared`: and of its previous one. Listening activity would show that beside the span, in a bucket of both
        where the span begins within a month or year.
        """
        slot = STATS_RANGES.index(stats_range)
        inside = ((self.from_ts, 1 << slot), (self.to_ts, 0))
        if not compared:
            return inside
        return (self.previous.from_ts, 1 << PREVIOUS_SLOT + slot), *inside


def span_of(from_ts: int, to_ts: int, now: float) -> Span:
    """The span of two midnights UTC. `now`: epoch seconds; tomorrow is the last day. Raises InvalidSpanError."""
    tomorrow = datetime.fromtimestamp(now, UTC).date() + DAY
    latest = epoch_of(tomorrow) + _DAY_SECONDS
    for name, value in (("from_ts", from_ts), ("to_ts", to_ts)):
        if not epoch_of(FIRST_DAY) <= value <= latest:
            raise InvalidSpanError(
                f"{name}={value}: expected epoch seconds from {epoch_of(FIRST_DAY)} ({FIRST_DAY}) to {latest}, "
                "the end of tomorrow"
            )
        if value % _DAY_SECONDS:
            below = value - value % _DAY_SECONDS
            raise InvalidSpanError(
                f"{name}={value}: expected whole days, that is a midnight UTC such as {below} or {below + _DAY_SECONDS}"
            )
    if from_ts >= to_ts:
        raise InvalidSpanError(f"from_ts={from_ts} must be less than to_ts={to_ts}")
    return Span(_day(from_ts), _day(to_ts))


def span_buckets(span: Span) -> Iterator[tuple[date, date, date]]:
    """Of listening activity: (first day of the bucket as it is counted, first and end as far as the span has it)."""
    first = _bucket(span.like, span.first)
    while first < span.end:
        following = _following(span.like, first)
        yield first, max(first, span.first), min(following, span.end)
        first = following


def _bucket(stats_range: str, day: date) -> date:
    if stats_range == ALL_TIME:
        return day.replace(month=1, day=1)
    return day.replace(day=1) if stats_range == "year" else day


def _following(stats_range: str, first: date) -> date:
    if stats_range == ALL_TIME:
        return add_months(first, 12)
    return add_months(first, 1) if stats_range == "year" else first + DAY


def _month_later(first: date) -> date:
    """The first day whose number was in the month before: a span up to there has each number once."""
    following = add_months(first.replace(day=1), 1)
    length = (add_months(following, 1) - following).days
    return following + timedelta(days=min(first.day - 1, length))


def _day(midnight_ts: int) -> date:
    return _UNIX_DAY + timedelta(days=midnight_ts // _DAY_SECONDS)
