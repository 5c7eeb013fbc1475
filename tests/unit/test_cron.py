"""Times as cron writes them, beside a plain reading of the five fields, minute by minute."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from request_consumer.cron import parse_times

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "now", "before", "after"),
    [
        ("1 2 * * *", "2026-11-29T02:00", "2026-11-28T02:01", "2026-11-29T02:01"),
        ("1 2 * * *", "2026-11-29T02:01", "2026-11-29T02:01", "2026-11-30T02:01"),
        ("0 9 * * sun", "2026-11-30T00:00", "2026-11-29T09:00", "2026-12-06T09:00"),
        ("0 9 * * 7", "2026-11-30T00:00", "2026-11-29T09:00", "2026-12-06T09:00"),
        ("4 * * * sun,mon", "2026-11-28T12:00", "2026-11-23T23:04", "2026-11-29T00:04"),
        ("*/20 22-23 * * *", "2026-01-01T00:00", "2025-12-31T23:40", "2026-01-01T22:00"),
        ("0 4 2 1 *", "2026-01-02T04:00", "2026-01-02T04:00", "2027-01-02T04:00"),
        ("0 4 1-31/7 12 *", "2026-12-24T00:00", "2026-12-22T04:00", "2026-12-29T04:00"),
        ("0 0 29 2 *", "1903-03-01T00:00", "1896-02-29T00:00", "1904-02-29T00:00"),
        ("30 5/6 * * *", "2026-01-01T06:00", "2026-01-01T05:30", "2026-01-01T11:30"),
    ],
)
def test_the_last_time_up_to_now_and_the_next_one_after_it(text: str, now: str, before: str, after: str) -> None:
    times, at = parse_times(text), datetime.fromisoformat(f"{now}Z")
    assert times.latest(at) == datetime.fromisoformat(f"{before}Z")
    assert times.following(at) == datetime.fromisoformat(f"{after}Z")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected five fields"),
        ("0 9 * *", "expected five fields"),
        ("60 * * * *", "minute '60': expected numbers from 0 to 59"),
        ("0 24 * * *", "hour '24': expected numbers from 0 to 23"),
        ("0 5-3 * * *", "hour '5-3': expected numbers from 0 to 23, the lesser first"),
        ("*/0 * * * *", "minute '\\*/0'"),
        ("0 0 0 * *", "day '0': expected numbers from 1 to 31"),
        ("0 0 31 2,4 *", "there is no day 31 in month 2"),
        ("0 0 * * someday", "weekday 'someday': expected"),
        ("0 0 1 * mon", "expected a day of the month or a weekday"),
        ("@daily * * * *", "minute '@daily'"),
        ("0,,5 * * * *", "minute '0,,5'"),
        ("-5 * * * *", "minute '-5'"),
    ],
)
def test_what_is_no_time_is_refused_by_its_field(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_times(text)


def _numbers(field: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{least}-{most}" if span == "*" else span).partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def _fits(text: str) -> Callable[[datetime], bool]:
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    minute, hour, day, month, weekday = (
        _numbers(field, *most) for field, most in zip(text.split(), bounds, strict=True)
    )
    weekday = {number % 7 for number in weekday}
    return lambda at: (
        at.minute in minute
        and at.hour in hour
        and at.day in day
        and at.month in month
        and at.isoweekday() % 7 in weekday
    )


def _fields(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    spans = st.tuples(number, number).map(lambda both: f"{min(both)}-{max(both)}")
    stepped = st.tuples(st.just("*") | spans, st.integers(1, 20)).map(lambda both: f"{both[0]}/{both[1]}")
    part = number.map(str) | spans | stepped
    return st.just("*") | st.lists(part, min_size=1, max_size=2).map(",".join)


WEEKLY = st.tuples(_fields(0, 59), _fields(0, 23), st.just("*"), st.just("*"), _fields(0, 7)).map(" ".join)
MONTHLY = st.tuples(_fields(0, 59), _fields(0, 23), _fields(1, 28), st.just("*"), st.just("*")).map(" ".join)


@settings(deadline=None)
@given(WEEKLY | MONTHLY, st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)), st.integers(-14, 14))
def test_nothing_that_fits_lies_between_the_last_time_and_the_next(text: str, naive: datetime, hours: int) -> None:
    now = naive.replace(second=0, microsecond=0, tzinfo=timezone(timedelta(hours=hours)))
    times, fits = parse_times(text), _fits(text)
    before, after = times.latest(now), times.following(now)
    assert before <= now < after
    assert (before.tzinfo, after.tzinfo) == (UTC, UTC)
    assert fits(before)
    assert fits(after)
    between = int((after - before) / MINUTE)
    looked_at = {*range(1, min(between, 500)), *range(max(1, between - 500), between)}
    assert not any(fits(before + number * MINUTE) for number in looked_at)
