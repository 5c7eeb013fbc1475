from datetime import datetime

import pytest

from tests.oracle.windows import CALENDAR, activity_window, buckets, epoch, previous_window, wall_clock, window
from tests.oracle.worked import ts


@pytest.mark.parametrize(
    ("newest", "stats_range", "first", "last"),
    [
        ("2021-11-22", "this_week", "2021-11-15", "2021-11-22"),  # jobs.md 4: a Monday is still the week before
        ("2021-11-23", "this_week", "2021-11-22", "2021-11-29"),
        ("2021-11-22", "week", "2021-11-15", "2021-11-22"),
        ("2021-11-21", "week", "2021-11-08", "2021-11-15"),
        ("2022-01-08", "quarter", "2021-10-01", "2022-01-01"),  # jobs.md 4
        ("2021-12-31", "quarter", "2021-07-01", "2021-10-01"),
        ("2021-03-01", "this_month", "2021-02-01", "2021-03-01"),
        ("2021-03-02", "this_month", "2021-03-01", "2021-04-01"),
        ("2021-01-01", "this_month", "2020-12-01", "2021-01-01"),
        ("2024-03-31", "month", "2024-02-01", "2024-03-01"),
        ("2024-01-31", "month", "2023-12-01", "2024-01-01"),
        ("2021-01-01", "this_year", "2020-01-01", "2021-01-01"),
        ("2021-01-02", "this_year", "2021-01-01", "2022-01-01"),
        ("2024-02-29", "year", "2023-01-01", "2024-01-01"),
        ("2021-06-30", "half_yearly", "2020-07-01", "2021-01-01"),
        ("2021-07-01", "half_yearly", "2021-01-01", "2021-07-01"),
        ("2023-01-01", "this_week", "2022-12-26", "2023-01-02"),
        ("2024-12-31", "week", "2024-12-23", "2024-12-30"),
    ],
)
def test_ranges_are_those_of_the_table(newest: str, stats_range: str, first: str, last: str) -> None:
    for time in ("T00:00:00", "T12:34:56", "T23:59:59"):
        shown = window(stats_range, ts(newest + time))
        assert (shown.from_ts("UTC"), shown.to_ts("UTC", 0)) == (ts(first), ts(last))


@pytest.mark.parametrize(
    ("newest", "stats_range", "first", "last", "count"),
    [
        ("2021-05-07", "quarter", "2020-10-01", "2021-04-01", 182),  # jobs.md 4
        ("2021-11-22", "this_week", "2021-11-08", "2021-11-22", 14),
        ("2021-11-23", "this_week", "2021-11-15", "2021-11-23", 8),
        ("2021-11-22", "week", "2021-11-08", "2021-11-22", 14),
        ("2021-03-01", "this_month", "2021-01-01", "2021-03-01", 59),
        ("2021-03-02", "this_month", "2021-02-01", "2021-03-02", 29),
        ("2024-03-02", "month", "2024-01-01", "2024-03-01", 60),
        ("2021-01-01", "this_year", "2019-01-01", "2021-01-01", 24),
        ("2021-01-02", "this_year", "2020-01-01", "2021-01-02", 13),
        ("2021-07-01", "half_yearly", "2020-07-01", "2021-07-01", 12),
        ("2021-07-01", "year", "2019-01-01", "2021-01-01", 24),
    ],
)
def test_activities_show_the_period_before_as_well(
    newest: str, stats_range: str, first: str, last: str, count: int
) -> None:
    shown = activity_window(stats_range, ts(newest + "T10:00:00"))

    assert (shown.from_ts("UTC"), shown.to_ts("UTC", 0)) == (ts(first), ts(last))
    assert len(list(buckets(stats_range, ts(newest + "T10:00:00")))) == count


def test_all_time_is_from_2002_to_the_newest_listen_that_of_midnight_included() -> None:
    newest = ts("2021-01-01T00:00:00")
    shown = window("all_time", newest)

    assert (shown.from_ts("UTC"), shown.to_ts("UTC", newest)) == (1009843200, newest)
    assert [bucket.label for bucket in buckets("all_time", newest)] == [str(year) for year in range(2002, 2022)]


@pytest.mark.parametrize(
    ("stats_range", "label"),
    [
        ("this_week", "Monday 26 July 2021"),
        ("week", "Monday 19 July 2021"),
        ("this_month", "01 July 2021"),
        ("month", "01 June 2021"),
        ("quarter", "01 January 2021"),
        ("half_yearly", "July 2020"),
        ("this_year", "January 2020"),
        ("year", "January 2019"),
        ("all_time", "2002"),
    ],
)
def test_labels_of_first_buckets(stats_range: str, label: str) -> None:
    assert next(buckets(stats_range, ts("2021-08-04T10:00:00"))).label == label


def test_the_days_of_the_documentation() -> None:
    first, second, *_ = buckets("this_week", ts("2020-05-07T10:00:00"))

    assert (first.label, epoch(first.start, "UTC")) == ("Monday 27 April 2020", 1587945600)
    assert epoch(first.next_start, "UTC") - 1 == 1588031999
    assert (second.label, epoch(second.start, "UTC")) == ("Tuesday 28 April 2020", 1588032000)


def test_the_period_before_ends_where_the_range_begins() -> None:
    newest = ts("2024-03-01T00:00:00")

    assert {name: str(previous_window(name, newest).start.date()) for name in CALENDAR} == {
        "this_week": "2024-02-19",
        "this_month": "2024-01-01",
        "this_year": "2023-01-01",
        "week": "2024-02-12",
        "month": "2024-01-01",
        "quarter": "2023-07-01",
        "half_yearly": "2023-01-01",
        "year": "2022-01-01",
    }
    assert all(previous_window(name, newest).to == window(name, newest).start for name in CALENDAR)


def test_a_day_is_that_of_the_wall_clock() -> None:
    newest = ts("2021-11-22T18:15:00")  # Tuesday the 23rd, 00:00, in Kathmandu

    assert window("this_week", newest).start == datetime(2021, 11, 15)
    assert window("this_week", newest, "Asia/Kathmandu").start == datetime(2021, 11, 22)
    assert window("this_week", newest - 1, "Asia/Kathmandu").start == datetime(2021, 11, 15)
    assert window("this_week", newest, "Asia/Kathmandu").from_ts("Asia/Kathmandu") == ts("2021-11-21T18:15:00")


def test_days_of_23_and_25_hours() -> None:
    days = {b.label: b for b in buckets("month", ts("2021-04-02T00:00:00"), "Europe/Berlin")}
    short = days["28 March 2021"]
    assert epoch(short.next_start, "Europe/Berlin") - epoch(short.start, "Europe/Berlin") == 23 * 3600

    days = {b.label: b for b in buckets("month", ts("2021-11-02T00:00:00"), "Europe/Berlin")}
    long = days["31 October 2021"]
    assert epoch(long.next_start, "Europe/Berlin") - epoch(long.start, "Europe/Berlin") == 25 * 3600


def test_a_midnight_that_a_clock_skips_is_when_it_jumps_and_one_it_shows_twice_is_the_first() -> None:
    assert epoch(datetime(2018, 11, 4), "America/Sao_Paulo") == ts("2018-11-04T03:00:00")
    assert wall_clock(ts("2018-11-04T03:00:00"), "America/Sao_Paulo") == datetime(2018, 11, 4, 1)
    assert epoch(datetime(2020, 11, 1), "America/Havana") == ts("2020-11-01T04:00:00")
    assert wall_clock(ts("2020-11-01T05:00:00"), "America/Havana") == datetime(2020, 11, 1)
    second_time = ts("2020-11-01T05:30:00")
    assert activity_window("this_week", second_time, "America/Havana").to_ts("America/Havana", 0) == ts(
        "2020-11-01T04:00"
    )
