"""The nine ranges of a statistic, from T: the latest listen that counts.

Calendar ranges are half open, [from_ts, to_ts): a listen at midnight is in one of them, the original counted it in
two. all_time ends at T and includes it. Nothing later than T counts in any range. Arithmetic is UTC, or a wall clock's
as if it were; only `midnight` and what uses it know zones.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
FIRST_DAY = date(2002, 1, 1)
"""The year Last.fm was founded: no listen is older."""
LAST_DAY = date(9998, 1, 1)


@dataclass(frozen=True)
class Period:
    """One range at one T. Epoch seconds UTC."""

    stats_range: str
    from_ts: int
    """First second that counts."""
    to_ts: int
    """As answered by the API: the first second after a calendar range; T for all_time."""
    until_ts: int
    """First second that no longer counts: to_ts or T + 1, whichever comes first."""


def this_week(day: date) -> tuple[date, date]:
    """The week of the day before `day`, Monday to Monday: on a Monday still the week just ended."""
    first = _monday(day - DAY)
    return first, first + 7 * DAY


def this_month(day: date) -> tuple[date, date]:
    """The month of the day before `day`."""
    first = (day - DAY).replace(day=1)
    return first, add_months(first, 1)


def this_year(day: date) -> tuple[date, date]:
    """The year of the day before `day`."""
    first = (day - DAY).replace(month=1, day=1)
    return first, add_months(first, 12)


def week(day: date) -> tuple[date, date]:
    """The whole week before the one of `day`."""
    first = _monday(day - 7 * DAY)
    return first, first + 7 * DAY


def month(day: date) -> tuple[date, date]:
    """The whole month before the one of `day`."""
    return _previous(day, 1)


def quarter(day: date) -> tuple[date, date]:
    """The whole quarter before the one of `day`."""
    return _previous(day, 3)


def half_yearly(day: date) -> tuple[date, date]:
    """The whole half year before the one of `day`."""
    return _previous(day, 6)


def year(day: date) -> tuple[date, date]:
    """The whole year before the one of `day`."""
    return _previous(day, 12)


CALENDAR: Mapping[str, Callable[[date], tuple[date, date]]] = {
    "this_week": this_week,
    "this_month": this_month,
    "this_year": this_year,
    "week": week,
    "month": month,
    "quarter": quarter,
    "half_yearly": half_yearly,
    "year": year,
}
ALL_TIME = "all_time"
STATS_RANGES: tuple[str, ...] = (*CALENDAR, ALL_TIME)
PREVIOUS_SLOT = len(STATS_RANGES)
"""Windows are numbered by slots: from 0 the ranges, from here the periods before the calendar ranges."""
EARLIER_SLOT = PREVIOUS_SLOT + len(CALENDAR)
"""The bit of what was before the day of T: listening activity of the ranges that T's day may be in ends there."""
RUNNING = ("this_week", "this_month", "this_year")
"""The ranges that T's day may be in."""
_MONTHS = {"this_month": 1, "this_year": 12, "month": 1, "quarter": 3, "half_yearly": 6, "year": 12}


def period(stats_range: str, newest_listen_ts: int) -> Period:
    """One range at T = newest_listen_ts (epoch seconds). Raises KeyError for another name."""
    end = newest_listen_ts + 1
    if stats_range == ALL_TIME:
        return Period(ALL_TIME, epoch_of(FIRST_DAY), newest_listen_ts, end)
    first, last = CALENDAR[stats_range](datetime.fromtimestamp(newest_listen_ts, UTC).date())
    return Period(stats_range, epoch_of(first), epoch_of(last), min(epoch_of(last), end))


def periods(newest_listen_ts: int) -> tuple[Period, ...]:
    """All nine, in the order of STATS_RANGES."""
    return tuple(period(name, newest_listen_ts) for name in STATS_RANGES)


def previous(stats_range: str, first: date) -> date:
    """First day of the period before the one that begins at `first`: of the same kind, whole. Calendar ranges only."""
    return add_months(first, -_MONTHS[stats_range]) if stats_range in _MONTHS else first - 7 * DAY


def following(stats_range: str, first: date) -> date:
    """First day of the period after the one that begins at `first`, as `previous`."""
    return add_months(first, _MONTHS[stats_range]) if stats_range in _MONTHS else first + 7 * DAY


def activity_days(stats_range: str, day: date) -> tuple[date, date]:
    """First day that listening activity shows for T on `day`, and the first one it no longer does.

    It shows the period before the range's own as well; a running range ends with the day before `day`. all_time has no
    period before and holds the whole of `day`.
    """
    if stats_range == ALL_TIME:
        return FIRST_DAY, day + DAY
    first, last = CALENDAR[stats_range](day)
    return previous(stats_range, first), day if stats_range in RUNNING else last


def local_bounds(stats_range: str, newest_listen_ts: int, zone: str) -> tuple[int, int]:
    """from_ts and to_ts of a Period whose days begin at the midnights of a zone."""
    clock = ZoneInfo(zone)
    if stats_range == ALL_TIME:
        return midnight(FIRST_DAY, clock), newest_listen_ts
    first, last = CALENDAR[stats_range](datetime.fromtimestamp(newest_listen_ts, clock).date())
    return midnight(first, clock), midnight(last, clock)


def midnight(day: date, clock: ZoneInfo) -> int:
    """Epoch seconds at which a day begins on a zone's clock."""
    return int(datetime(day.year, day.month, day.day, tzinfo=clock).timestamp())


def day_ended(newest_listen_ts: int, now: float, zones: Iterable[str]) -> int | None:
    """When the day of T ended on the first of these zones' clocks, epoch seconds; None: on none of them by `now`."""
    clocks = [ZoneInfo(zone) for zone in zones]
    ends = [midnight(datetime.fromtimestamp(newest_listen_ts, clock).date() + DAY, clock) for clock in clocks]
    return min((end for end in ends if end <= now), default=None)


def moved(before: date, after: date) -> int | None:
    """First second of the wall clock that lies in other windows for T on `after` than on `before`; None: none does."""
    old, new = window_masks(before), window_masks(after)
    edges = sorted({edge for edge, _ in (*old, *new)})
    return next((edge for edge in edges if _mask_at(old, edge) != _mask_at(new, edge)), None)


def _mask_at(stretches: list[tuple[int, int]], second: int) -> int:
    return next((mask for edge, mask in reversed(stretches) if edge <= second), 0)


def window_masks(day: date, asked: Collection[str] = STATS_RANGES) -> list[tuple[int, int]]:
    """(first second, mask) of each stretch of time that lies in the same windows, ascending, for T on `day`.

    Bit i of a mask: the stretch is in range i, or, from PREVIOUS_SLOT, in the period before range i - PREVIOUS_SLOT;
    bit EARLIER_SLOT: it is in any of these, and before `day`. Seconds of the wall clock of `day`, as if UTC. all_time
    has no end here: what is later than T is left out before.
    """
    spans = {slot: span for slot, span in _spans(day).items() if STATS_RANGES[slot % PREVIOUS_SLOT] in asked}
    today = epoch_of(day)
    edges = sorted({edge for span in spans.values() for edge in span if edge is not None} | {today})
    return [(edge, _mask(edge, spans, earlier=edge < today)) for edge in edges]


def range_slots(mask: int) -> list[int]:
    """The ranges, as places in STATS_RANGES, that what has this mask is in."""
    return [slot for slot in range(len(STATS_RANGES)) if mask >> slot & 1]


def activity_slots(mask: int) -> list[int]:
    """The ranges whose listening activity shows what has this mask."""
    before = mask >> PREVIOUS_SLOT & (1 << len(CALENDAR)) - 1
    earlier = mask >> EARLIER_SLOT & 1
    return [slot for slot in range_slots(mask | before) if earlier or STATS_RANGES[slot] not in RUNNING]


def range_bits(ranges: Collection[str]) -> int:
    """The mask of what is in all of these ranges."""
    return sum(1 << STATS_RANGES.index(name) for name in ranges)


def _spans(day: date) -> dict[int, tuple[int, int | None]]:
    """Slot to its first second and the first one after it."""
    spans: dict[int, tuple[int, int | None]] = {STATS_RANGES.index(ALL_TIME): (epoch_of(FIRST_DAY), None)}
    for slot, (name, calendar) in enumerate(CALENDAR.items()):
        first, last = calendar(day)
        spans[slot] = (epoch_of(first), epoch_of(last))
        spans[PREVIOUS_SLOT + slot] = (epoch_of(previous(name, first)), epoch_of(first))
    return spans


def _mask(second: int, spans: Mapping[int, tuple[int, int | None]], *, earlier: bool) -> int:
    mask = sum(1 << slot for slot, span in spans.items() if _inside(second, *span))
    return mask | 1 << EARLIER_SLOT if mask and earlier else mask


def _inside(second: int, first: int, end: int | None) -> bool:
    return first <= second and (end is None or second < end)


def add_months(first: date, months: int) -> date:
    """The first of a month, so many months on (or back)."""
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def epoch_of(day: date) -> int:
    """Midnight UTC at which the day begins."""
    return (day - date(1970, 1, 1)).days * 86400


def parse_instant(value: Any) -> int:
    """Epoch seconds from an ISO date, an ISO time (UTC unless it says), or epoch seconds. Raises ValueError."""
    instant = _epoch(value)
    if not epoch_of(FIRST_DAY) <= instant < epoch_of(LAST_DAY):
        raise ValueError(f"expected a time from {FIRST_DAY} to {LAST_DAY}")
    return instant


def _epoch(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("expected an ISO date or time, or epoch seconds")  # noqa: TRY004 - one error for callers
    if isinstance(value, int) or value.strip().isdecimal():
        return int(value)
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("expected an ISO date or time such as 2021-11-22T12:00, or epoch seconds") from None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def _monday(day: date) -> date:
    return day - day.weekday() * DAY


def _previous(day: date, months: int) -> tuple[date, date]:
    """The whole period of `months` months (dividing the year) before the one of `day`."""
    current = date(day.year, (day.month - 1) // months * months + 1, 1)
    return add_months(current, -months), current
