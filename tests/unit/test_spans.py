"""Spans of days: what is one, in which steps it is shown, which seconds of a clock lie in it."""

from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jobs.catalog import InvalidRequestError, catalog
from jobs.clock import activity, activity_bounds, span_activity
from jobs.ranges import CALENDAR, PREVIOUS_SLOT, STATS_RANGES, epoch_of, midnight, window_masks
from jobs.spans import LIST_RANGE, InvalidSpanError, Span, span_buckets, span_of
from tests.jobs.moments import ts

NOW = ts("2021-11-22T12:00:00")
DAYS = st.dates(date(2002, 1, 1), date(2030, 1, 1))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    first = draw(DAYS)
    return Span(first, first + timedelta(days=draw(st.integers(1, 1500))))


def test_two_midnights_are_a_span() -> None:
    assert span_of(ts("2020-02-29"), ts("2020-03-01"), NOW) == Span(date(2020, 2, 29), date(2020, 3, 1))
    assert span_of(ts("2002-01-01"), ts("2021-11-24"), NOW) == Span(date(2002, 1, 1), date(2021, 11, 24))


@pytest.mark.parametrize(
    ("from_ts", "to_ts", "message"),
    [
        (ts("2021-01-01") + 1, ts("2021-02-01"), "from_ts=1609459201: expected whole days.* 1609459200 or 1609545600"),
        (ts("2021-01-01"), ts("2021-02-01") - 1, "to_ts=1612137599: expected whole days"),
        (ts("2001-12-31"), ts("2021-02-01"), r"from_ts=1009756800: .* from 1009843200 \(2002-01-01\) to 1637712000"),
        (ts("2021-01-01"), ts("2021-11-25"), "to_ts=1637798400: .* the end of tomorrow"),
        (ts("2021-01-01"), ts("2021-01-01"), "from_ts=1609459200 must be less than to_ts=1609459200"),
        (ts("2021-01-02"), ts("2021-01-01"), "must be less"),
        (-(10**20), 10**20, "from_ts=-1"),
    ],
)
def test_anything_else_is_refused_by_name(from_ts: int, to_ts: int, message: str) -> None:
    with pytest.raises(InvalidSpanError, match=message):
        span_of(from_ts, to_ts, NOW)


@pytest.mark.parametrize(
    ("first", "end", "like"),
    [
        ("2021-01-01", "2021-01-08", "week"),
        ("2021-01-01", "2021-01-09", "month"),
        ("2021-01-31", "2021-03-01", "month"),
        ("2021-01-31", "2021-03-02", "quarter"),
        ("2020-02-10", "2020-03-10", "month"),
        ("2020-02-10", "2020-03-11", "quarter"),
        ("2021-01-01", "2021-02-01", "month"),
        ("2021-07-01", "2021-10-01", "quarter"),
        ("2021-07-01", "2021-10-02", "year"),
        ("2020-01-15", "2021-01-01", "year"),
        ("2020-01-15", "2021-01-02", "all_time"),
        ("2002-01-01", "2021-11-24", "all_time"),
    ],
)
def test_its_steps_fit_its_length(first: str, end: str, like: str) -> None:
    assert Span(date.fromisoformat(first), date.fromisoformat(end)).like == like


@settings(deadline=None, max_examples=50)
@given(spans())
def test_no_unit_of_time_comes_twice(span: Span) -> None:
    days = [span.first + timedelta(days=n) for n in range((span.end - span.first).days)]
    units: dict[str, Callable[[date], int]] = {
        "week": date.weekday,
        "month": lambda day: day.day,
        "quarter": lambda day: day.month,
        "year": lambda day: day.month,
        "all_time": lambda day: day.year,
    }
    months = {(day.year, day.month) for day in days}
    parts = {"week": len(days), "month": len(days), "all_time": len({day.year for day in days})}.get(
        span.like, len(months)
    )
    assert len({units[span.like](day) for day in days}) == parts


@settings(deadline=None, max_examples=50)
@given(spans(), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Sao_Paulo"]))
def test_buckets_are_the_span_without_gap_or_overlap(span: Span, zone: str) -> None:
    shown = span_activity([], span, zone)
    from_ts, to_ts = span.bounds(zone)
    edges = [from_ts, *(bucket["to_ts"] + 1 for bucket in shown)]
    assert edges[:-1] == [bucket["from_ts"] for bucket in shown]
    assert edges[-1] == to_ts


def test_a_bucket_that_begins_before_the_span_is_named_and_counted_whole() -> None:
    span = Span(date(2020, 1, 15), date(2020, 12, 10))
    cells = [[(date(2020, month, 1) - date(1970, 1, 1)).days, month] for month in (1, 2, 12)]
    shown = span_activity(cells, span, "UTC")
    assert len(shown) == len(list(span_buckets(span))) == 12
    assert shown[0] == {
        "from_ts": ts("2020-01-15"), "to_ts": ts("2020-02-01") - 1, "time_range": "January 2020", "listen_count": 1,
    }  # fmt: skip
    assert shown[2]["listen_count"] == 0
    assert shown[-1] == {
        "from_ts": ts("2020-12-01"), "to_ts": ts("2020-12-10") - 1, "time_range": "December 2020", "listen_count": 12,
    }  # fmt: skip


@pytest.mark.parametrize("name", [name for name in CALENDAR if not name.startswith("this_") and name != "half_yearly"])
@settings(deadline=None, max_examples=50)
@given(day=DAYS)
def test_a_span_that_is_a_range_is_shown_as_that(name: str, day: date) -> None:
    """Buckets, their labels and bounds; the range shows the period before it as well."""
    span = Span(*CALENDAR[name](day))
    assert span.like == name
    newest = epoch_of(day)
    stored = [[n, 1 + n % 7] for n in range(11_000, 22_000)]
    whole = activity(stored, name, newest, "Europe/Berlin")
    assert span_activity(stored, span, "Europe/Berlin") == [
        bucket for bucket in whole if bucket["from_ts"] >= span.bounds("Europe/Berlin")[0]
    ]
    assert activity_bounds(name, newest, "Europe/Berlin")[1] == span.bounds("Europe/Berlin")[1]


@settings(deadline=None, max_examples=50)
@given(spans(), st.sampled_from(["week", "month", "quarter", "year", "all_time"]), st.booleans())
def test_windows_are_the_span_and_where_it_is_compared_as_many_days_before(
    span: Span, stats_range: str, compared: bool
) -> None:
    assume(not compared or stats_range != "all_time")
    slot = STATS_RANGES.index(stats_range)
    stretches = span.stretches(stats_range, compared=compared)

    def mask(second: int) -> int:
        return next((mask for first, mask in reversed(stretches) if first <= second), 0)

    assert mask(span.from_ts) == mask(span.to_ts - 1) == 1 << slot
    assert mask(span.to_ts) == 0
    before = 1 << PREVIOUS_SLOT + slot if compared else 0
    assert mask(span.from_ts - 1) == mask(2 * span.from_ts - span.to_ts) == before
    assert mask(2 * span.from_ts - span.to_ts - 1) == 0


@settings(deadline=None, max_examples=50)
@given(DAYS)
def test_a_week_has_the_windows_of_the_range(day: date) -> None:
    ranged = [(edge, mask & ~(1 << PREVIOUS_SLOT + 9 - 1)) for edge, mask in window_masks(day, ("week",))]
    span = Span(*CALENDAR["week"](day))
    assert [(edge, mask & (1 << 17) - 1) for edge, mask in ranged][:3] == list(span.stretches("week", compared=True))


def test_days_begin_at_midnights_of_a_clock() -> None:
    span = Span(date(2021, 3, 28), date(2021, 3, 29))
    from_ts, to_ts = span.bounds("Europe/Berlin")
    assert (from_ts, to_ts - from_ts) == (midnight(date(2021, 3, 28), ZoneInfo("Europe/Berlin")), 23 * 3600)


def test_lists_take_a_range_that_has_one_before() -> None:
    assert LIST_RANGE in CALENDAR


def test_a_request_names_one_statistic_of_users() -> None:
    params = {"user_id": 1, "from_ts": 0, "to_ts": 86400}
    jobs, checked = catalog().check("stats.user.span", {"statistic": "user_artists", **params})
    assert ([job.statistic for job in jobs], checked["user_id"]) == (["user_artists"], 1)
    for statistic in ("sitewide_artists", "artist_listeners", "pizza"):
        with pytest.raises(InvalidRequestError, match=f"statistic='{statistic}': expected one of .*user_artist_map"):
            catalog().check("stats.user.span", {"statistic": statistic, **params})
    with pytest.raises(InvalidRequestError, match="user_id is missing"):
        catalog().check("stats.user.span", {"statistic": "user_artists", "from_ts": 0, "to_ts": 86400})
