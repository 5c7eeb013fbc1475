"""What statistics of the clock show: buckets of listening activity, their labels, the units of artist evolution.

Days are those of a wall clock. A bucket is known by its first day, as days since 1970-01-01.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jobs.ranges import ALL_TIME, DAY, activity_days, add_months, midnight
from jobs.spans import Span, span_buckets

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
HOURS = 24

WEEKS = ("this_week", "week")
DAILY = (*WEEKS, "this_month", "month", "quarter")
"""Ranges whose listening activity has a bucket per day."""
MONTHLY = ("this_year", "half_yearly", "year")
"""Ranges whose listening activity has a bucket per month; all_time has one per year."""
TIME_UNITS: Mapping[str, tuple[str, ...]] = {
    "by_weekday": WEEKS,
    "by_day": ("this_month", "month"),
    "by_month": ("this_year", "quarter", "half_yearly", "year"),
}
"""Ranges by what artist evolution counts by (jobs.md 7.5); all_time counts by year."""
_UNIX_DAY = date(1970, 1, 1)


def activity_bounds(stats_range: str, newest_listen_ts: int, zone: str) -> tuple[int, int]:
    """from_ts and to_ts of listening activity at T, epoch seconds: both periods; a running range ends with yesterday.

    all_time ends at T.
    """
    clock = ZoneInfo(zone)
    first, last = activity_days(stats_range, _day(newest_listen_ts, clock))
    to_ts = newest_listen_ts if stats_range == ALL_TIME else midnight(last, clock)
    return midnight(first, clock), to_ts


def activity(stored: list[list[int]], stats_range: str, newest_listen_ts: int, zone: str) -> list[dict[str, Any]]:
    """The buckets of listening activity, ascending, each counted or 0; of all_time only years with listens.

    `stored`: [first day of the bucket, listen_count]. A bucket's to_ts is the last second of it.
    """
    counts = {_UNIX_DAY + timedelta(days=number): listen_count for number, listen_count in stored}
    clock = ZoneInfo(zone)
    shown = []
    for first, following in _buckets(stats_range, _day(newest_listen_ts, clock)):
        if first not in counts and stats_range == ALL_TIME:
            continue
        shown.append(
            {
                "from_ts": midnight(first, clock),
                "to_ts": midnight(following, clock) - 1,
                "time_range": bucket_label(stats_range, first),
                "listen_count": counts.get(first, 0),
            }
        )
    return shown


def span_activity(stored: list[list[int]], span: Span, zone: str) -> list[dict[str, Any]]:
    """The buckets of a span's listening activity, ascending, each counted or 0; the first and last as far as it goes.

    `stored` as above.
    """
    counts = {_UNIX_DAY + timedelta(days=number): listen_count for number, listen_count in stored}
    clock = ZoneInfo(zone)
    return [
        {
            "from_ts": midnight(first, clock),
            "to_ts": midnight(end, clock) - 1,
            "time_range": bucket_label(span.like, counted),
            "listen_count": counts.get(counted, 0),
        }
        for counted, first, end in span_buckets(span)
    ]


def bucket_label(stats_range: str, first: date) -> str:
    """What `time_range` says: `Monday 02 August 2021`, `02 August 2021`, `August 2021` or `2021`."""
    if stats_range == ALL_TIME:
        return str(first.year)
    month = f"{MONTHS[first.month - 1]} {first.year}"
    if stats_range in MONTHLY:
        return month
    day = f"{first.day:02} {month}"
    return f"{WEEKDAYS[first.weekday()]} {day}" if stats_range in WEEKS else day


def time_unit(stats_range: str, number: int) -> str | int:
    """What artist evolution orders by: the name of a weekday (0 is Monday) or month (from 1), or the number itself."""
    if stats_range in TIME_UNITS["by_weekday"]:
        return WEEKDAYS[number]
    return MONTHS[number - 1] if stats_range in TIME_UNITS["by_month"] else number


def _buckets(stats_range: str, day: date) -> Iterator[tuple[date, date]]:
    """First day of each bucket, and of the one after it."""
    first, last = activity_days(stats_range, day)
    while first < last:
        following = _following(stats_range, first)
        yield first, following
        first = following


def _following(stats_range: str, first: date) -> date:
    if stats_range in DAILY:
        return first + DAY
    return add_months(first, 1 if stats_range in MONTHLY else 12)


def _day(newest_listen_ts: int, clock: ZoneInfo) -> date:
    return datetime.fromtimestamp(newest_listen_ts, clock).date()
