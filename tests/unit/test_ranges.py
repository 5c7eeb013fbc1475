from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import ranges
from jobs.ranges import CALENDAR, STATS_RANGES, day_ended, epoch_of, parse_instant, period, periods

EXAMPLES = [
    ("this_week", "2021-11-22", "2021-11-15", "2021-11-22"),
    ("this_week", "2021-11-23", "2021-11-22", "2021-11-29"),
    ("this_week", "2021-11-21", "2021-11-15", "2021-11-22"),
    ("this_month", "2021-11-22", "2021-11-01", "2021-12-01"),
    ("this_month", "2021-11-01", "2021-10-01", "2021-11-01"),
    ("this_month", "2021-01-01", "2020-12-01", "2021-01-01"),
    ("this_month", "2024-02-29", "2024-02-01", "2024-03-01"),
    ("this_year", "2021-11-22", "2021-01-01", "2022-01-01"),
    ("this_year", "2021-01-01", "2020-01-01", "2021-01-01"),
    ("this_year", "2021-01-02", "2021-01-01", "2022-01-01"),
    ("week", "2021-11-22", "2021-11-15", "2021-11-22"),
    ("week", "2021-11-21", "2021-11-08", "2021-11-15"),
    ("week", "2021-01-01", "2020-12-21", "2020-12-28"),
    ("month", "2021-03-31", "2021-02-01", "2021-03-01"),
    ("month", "2021-01-01", "2020-12-01", "2021-01-01"),
    ("month", "2024-03-31", "2024-02-01", "2024-03-01"),
    ("quarter", "2022-01-08", "2021-10-01", "2022-01-01"),
    ("quarter", "2021-05-07", "2021-01-01", "2021-04-01"),
    ("quarter", "2021-12-31", "2021-07-01", "2021-10-01"),
    ("half_yearly", "2021-06-30", "2020-07-01", "2021-01-01"),
    ("half_yearly", "2021-07-01", "2021-01-01", "2021-07-01"),
    ("half_yearly", "2021-01-01", "2020-07-01", "2021-01-01"),
    ("year", "2021-12-31", "2020-01-01", "2021-01-01"),
    ("year", "2022-01-01", "2021-01-01", "2022-01-01"),
]
instants = st.datetimes(datetime(2002, 1, 1), datetime(2100, 1, 1)).map(
    lambda m: int(m.replace(tzinfo=UTC).timestamp())
)


@pytest.mark.parametrize(("stats_range", "day", "first", "last"), EXAMPLES)
@pytest.mark.parametrize("second", [0, 43200, 86399])
def test_a_range_follows_from_the_day_of_the_newest_listen(
    stats_range: str, day: str, first: str, last: str, second: int
) -> None:
    found = period(stats_range, epoch_of(date.fromisoformat(day)) + second)

    assert (found.from_ts, found.to_ts) == (epoch_of(date.fromisoformat(first)), epoch_of(date.fromisoformat(last)))


def test_all_time_ends_at_the_newest_listen_and_includes_it() -> None:
    found = period("all_time", 1_637_600_000)

    assert (found.from_ts, found.to_ts, found.until_ts) == (1_009_843_200, 1_637_600_000, 1_637_600_001)


def test_nothing_after_the_newest_listen_counts_in_a_running_week() -> None:
    assert period("this_week", 1_637_700_000).until_ts == 1_637_700_001
    assert period("week", 1_637_700_000).until_ts == period("week", 1_637_700_000).to_ts


def test_there_are_nine_ranges_in_one_order() -> None:
    assert tuple(p.stats_range for p in periods(1_637_600_000)) == STATS_RANGES
    assert len(STATS_RANGES) == 9


@given(instants)
def test_a_calendar_range_is_whole_days_that_begin_before_the_day_after_the_newest_listen(instant: int) -> None:
    for name in CALENDAR:
        found = period(name, instant)
        assert found.from_ts % 86400 == found.to_ts % 86400 == 0
        assert found.from_ts < found.until_ts <= min(found.to_ts, instant + 1)


@given(instants)
def test_a_range_of_this_period_holds_the_day_before_and_a_past_one_ends_by_that_day(instant: int) -> None:
    yesterday = datetime.fromtimestamp(instant, UTC).date() - timedelta(days=1)
    for name in ("this_week", "this_month", "this_year"):
        first, last = CALENDAR[name](yesterday + timedelta(days=1))
        assert first <= yesterday < last
    for name in ("week", "month", "quarter", "half_yearly", "year"):
        _, last = CALENDAR[name](yesterday + timedelta(days=1))
        assert last <= yesterday + timedelta(days=1)


@given(st.dates(date(2002, 1, 1), date(2100, 1, 1)))
def test_adjacent_months_quarters_halves_and_years_share_only_their_border(day: date) -> None:
    for months, measure in ((1, ranges.month), (3, ranges.quarter), (6, ranges.half_yearly), (12, ranges.year)):
        first, last = measure(day)
        assert measure(last)[0] == first
        assert measure(first)[1] == first
        assert ranges.add_months(first, months) == last


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("2021-11-22", 1637539200),
        ("2021-11-22T12:00", 1637582400),
        ("2021-11-22T12:00:00Z", 1637582400),
        ("2021-11-22T13:00:00+01:00", 1637582400),
        ("1637582400", 1637582400),
        (1637582400, 1637582400),
    ],
)
def test_an_instant_is_a_date_a_time_or_seconds(given_text: str | int, expected: int) -> None:
    assert parse_instant(given_text) == expected


@pytest.mark.parametrize("refused", ["yesterday", "", "2021-13-01", 0, -1, True, 1.5, None, [], "1", 10**18, "9" * 30])
def test_an_instant_that_is_none_is_refused(refused: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_instant(refused)


def test_a_day_ends_first_where_the_sun_is_furthest_ahead_and_summer_time_makes_it_shorter() -> None:
    noon = int(datetime(2024, 3, 31, 12, tzinfo=UTC).timestamp())
    in_berlin = int(datetime(2024, 3, 31, 22, tzinfo=UTC).timestamp())  # two hours ahead since that morning
    midnight = int(datetime(2024, 4, 1, tzinfo=UTC).timestamp())
    both = ["UTC", "Europe/Berlin"]
    assert day_ended(noon, in_berlin - 1, both) is None
    assert day_ended(noon, in_berlin, both) == in_berlin
    assert day_ended(noon, in_berlin, ["UTC"]) is None
    assert day_ended(noon, midnight, ["UTC"]) == midnight
    assert day_ended(noon, midnight + 10 * 86400, both) == in_berlin
    assert day_ended(in_berlin, midnight - 1, ["Europe/Berlin"]) is None
