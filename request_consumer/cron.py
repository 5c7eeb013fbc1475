"""Times that come again, as cron writes them: minute, hour, day of the month, month, weekday; on the clock of UTC.

A field is `*` or a list of numbers and ranges, either with a step: `0,30`, `1-5`, `*/10`; weekdays are 0 to 7 (0 and 7
are Sunday) or sun to sat. Otherwise than in cron, not both a day of the month and a weekday: cron takes either of
them, which nobody expects.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?:(?P<every>\*)|(?P<first>\d{1,2})(?:-(?P<last>\d{1,2}))?)(?:/(?P<step>\d{1,2}))?")
_LONGEST_GAP = 8 * 366
"""Days from one 29 February to the next, at most."""
_DAYS_OF_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Times:
    """Every minute at which all five fields fit."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""

    def latest(self, now: datetime) -> datetime:
        """The last of them up to and including `now`, with a time zone; in UTC."""
        now = now.astimezone(UTC)
        return next(at for at in self._from(now.date(), -1) if at <= now)

    def following(self, now: datetime) -> datetime:
        """The first of them after `now`, with a time zone; in UTC."""
        now = now.astimezone(UTC)
        return next(at for at in self._from(now.date(), 1) if at > now)

    def _from(self, day: date, step: int) -> Iterator[datetime]:
        """All of them from a day on, forwards (1) or backwards (-1) in time."""
        clocks = [time(hour, minute, tzinfo=UTC) for hour in self.hours for minute in self.minutes][::step]
        for distance in range(_LONGEST_GAP + 1):
            one = day + timedelta(days=step * distance)
            if self._fits(one):
                yield from (datetime.combine(one, clock) for clock in clocks)

    def _fits(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays


def parse_times(text: str) -> Times:
    """The times of five fields. Raises ValueError, saying which field does not do and what is expected."""
    written = text.split()
    if len(written) != len(_FIELDS):
        raise ValueError("expected five fields: minute hour day month weekday, such as 30 4 * * mon")
    minutes, hours, days, months, weekdays = (
        _numbers(name, least, most, field) for (name, least, most), field in zip(_FIELDS, written, strict=True)
    )
    if written[2] != "*" and written[4] != "*":
        raise ValueError("expected a day of the month or a weekday, and * for the other: cron takes either of the two")
    if not any(day <= _DAYS_OF_MONTHS[month - 1] for month in months for day in days):
        raise ValueError(f"there is no day {min(days)} in month {min(months)}")
    return Times(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        frozenset(days),
        frozenset(months),
        frozenset(day % 7 for day in weekdays),
    )


def _numbers(name: str, least: int, most: int, field: str) -> set[int]:
    numbered = field
    if name == "weekday":
        for number, weekday in enumerate(_WEEKDAYS):
            numbered = numbered.lower().replace(weekday, str(number))
    return {number for part in numbered.split(",") for number in _part(name, least, most, field, part)}


def _part(name: str, least: int, most: int, field: str, part: str) -> range:
    matched = _PART.fullmatch(part)
    if matched is None:
        raise ValueError(f"{name} {field!r}: expected *, numbers, or ranges such as 1-5, each with a step such as */10")
    first = least if matched["every"] else int(matched["first"])
    last = most if matched["every"] or (matched["step"] and not matched["last"]) else int(matched["last"] or first)
    step = int(matched["step"] or 1)
    if not (least <= first <= last <= most and step > 0):
        raise ValueError(f"{name} {field!r}: expected numbers from {least} to {most}, the lesser first")
    return range(first, last + 1, step)
