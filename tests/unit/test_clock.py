from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.clock import activity, activity_bounds, time_unit
from jobs.ranges import STATS_RANGES, activity_days, activity_slots, epoch_of, range_slots, window_masks
from jobs.stats import artist_evolution_activity, daily_activity, era_activity, genre_activity

DAY = 86400
Stored = list[Mapping[str, Any]]
WINDOWS = [  # jobs.md 4, activity from and to
    ("this_week", "2021-11-24", "2021-11-15", "2021-11-24"),
    ("this_week", "2021-11-22", "2021-11-08", "2021-11-22"),
    ("this_month", "2021-11-22", "2021-10-01", "2021-11-22"),
    ("this_month", "2021-11-01", "2021-09-01", "2021-11-01"),
    ("this_month", "2021-01-01", "2020-11-01", "2021-01-01"),
    ("this_year", "2021-11-22", "2020-01-01", "2021-11-22"),
    ("this_year", "2021-01-01", "2019-01-01", "2021-01-01"),
    ("week", "2021-11-22", "2021-11-08", "2021-11-22"),
    ("week", "2021-01-01", "2020-12-14", "2020-12-28"),
    ("month", "2024-03-31", "2024-01-01", "2024-03-01"),
    ("quarter", "2021-05-07", "2020-10-01", "2021-04-01"),
    ("half_yearly", "2021-07-01", "2020-07-01", "2021-07-01"),
    ("year", "2022-01-01", "2020-01-01", "2022-01-01"),
]
LABELS = {  # the first bucket at T = 2021-08-09T12:22:43, and its days
    "this_week": ("Monday 26 July 2021", 1),
    "this_month": ("01 July 2021", 1),
    "this_year": ("January 2020", 31),
    "week": ("Monday 26 July 2021", 1),
    "month": ("01 June 2021", 1),
    "quarter": ("01 January 2021", 1),
    "half_yearly": ("July 2020", 31),
    "year": ("January 2019", 31),
    "all_time": ("2004", 366),
}
instants = st.datetimes(datetime(2002, 1, 1), datetime(2100, 1, 1)).map(
    lambda m: int(m.replace(tzinfo=UTC).timestamp())
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Chatham", "America/Havana"])


def day(text: str) -> int:
    return epoch_of(date.fromisoformat(text)) // DAY


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def shown(stored: list[list[int]], stats_range: str, newest: str, zone: str = "UTC") -> list[dict[str, Any]]:
    return activity(stored, stats_range, at(newest), zone)


@pytest.mark.parametrize(("stats_range", "newest", "first", "last"), WINDOWS)
def test_activity_shows_the_period_before_and_ends_with_yesterday(
    stats_range: str, newest: str, first: str, last: str
) -> None:
    for second in (0, DAY - 1):
        assert activity_bounds(stats_range, at(newest) + second, "UTC") == (at(first), at(last))
    buckets = shown([], stats_range, newest)
    assert buckets[0]["from_ts"] == at(first)
    assert buckets[-1]["from_ts"] < at(last) <= buckets[-1]["to_ts"] + 1
    assert {bucket["listen_count"] for bucket in buckets} == {0}


@pytest.mark.parametrize("stats_range", STATS_RANGES)
def test_labels_and_steps(stats_range: str) -> None:
    first = shown([[day("2004-01-01"), 7]], stats_range, "2021-08-09T12:22:43")[0]

    assert (first["time_range"], (first["to_ts"] + 1 - first["from_ts"]) // DAY) == LABELS[stats_range]


def test_a_month_has_its_leap_day() -> None:
    buckets = shown([[day("2024-02-29"), 3]], "month", "2024-03-31")
    assert [bucket["time_range"] for bucket in buckets[-2:]] == ["28 February 2024", "29 February 2024"]
    assert [bucket["listen_count"] for bucket in buckets[-2:]] == [0, 3]
    assert len(buckets) == 31 + 29
    assert shown([], "year", "2025-01-01")[13]["to_ts"] == at("2024-02-29T23:59:59")


def test_days_are_as_long_as_the_users_clock_makes_them() -> None:
    by_label = {bucket["time_range"]: bucket for bucket in shown([], "this_year", "2021-12-01", "Europe/Berlin")}
    march, october = by_label["March 2021"], by_label["October 2021"]
    assert march["to_ts"] + 1 - march["from_ts"] == 31 * DAY - 3600
    assert october["to_ts"] + 1 - october["from_ts"] == 31 * DAY + 3600

    days = {bucket["time_range"]: bucket for bucket in shown([], "quarter", "2021-05-07", "Europe/Berlin")}
    night = days["28 March 2021"]
    assert (night["from_ts"], night["to_ts"]) == (at("2021-03-27T23:00:00"), at("2021-03-28T21:59:59"))

    nepal = shown([], "week", "2021-11-21T18:15:00", "Asia/Kathmandu")
    assert nepal[-1]["time_range"] == "Sunday 21 November 2021"
    assert nepal[-1]["to_ts"] == at("2021-11-21T18:14:59")
    # A second earlier it is Sunday there, and the week before the last one.
    assert shown([], "week", "2021-11-21T18:14:59", "Asia/Kathmandu")[-1]["time_range"] == "Sunday 14 November 2021"


def test_a_day_that_begins_with_a_jump_begins_at_it() -> None:
    # In Havana the clock goes from midnight to one on 14 March 2021.
    days = {bucket["time_range"]: bucket for bucket in shown([], "quarter", "2021-05-07", "America/Havana")}
    assert days["14 March 2021"]["from_ts"] == at("2021-03-14T05:00:00")
    assert days["13 March 2021"]["to_ts"] == at("2021-03-14T04:59:59")


def test_all_time_shows_only_years_with_listens_up_to_that_of_t() -> None:
    found = shown([[day("2005-01-01"), 2], [day("2021-01-01"), 1]], "all_time", "2021-01-01")
    assert [(bucket["time_range"], bucket["listen_count"]) for bucket in found] == [("2005", 2), ("2021", 1)]
    assert found[-1]["to_ts"] == at("2021-12-31T23:59:59")
    assert activity_bounds("all_time", at("2021-01-01"), "UTC") == (at("2002-01-01"), at("2021-01-01"))


@given(instants, zones, st.sampled_from(STATS_RANGES[:-1]))
def test_buckets_follow_each_other_without_a_gap(instant: int, zone: str, stats_range: str) -> None:
    buckets = activity([], stats_range, instant, zone)
    from_ts, to_ts = activity_bounds(stats_range, instant, zone)
    assert buckets[0]["from_ts"] == from_ts
    assert all(one["to_ts"] + 1 == other["from_ts"] for one, other in pairwise(buckets))
    assert buckets[-1]["from_ts"] < to_ts <= buckets[-1]["to_ts"] + 1
    assert len({bucket["time_range"] for bucket in buckets}) == len(buckets)


@given(st.dates(date(2002, 1, 2), date(2100, 1, 1)), st.integers(0, 800))
def test_masks_say_what_activity_shows(today: date, back: int) -> None:
    heard = max(today - timedelta(days=back), date(2002, 1, 1))
    mask = [mask for edge, mask in window_masks(today) if edge <= epoch_of(heard)][-1]
    expected = [
        slot
        for slot, name in enumerate(STATS_RANGES)
        if activity_days(name, today)[0] <= heard < activity_days(name, today)[1]
    ]
    assert activity_slots(mask) == expected
    assert set(range_slots(mask)) >= {STATS_RANGES.index("all_time")}


def test_one_range_alone_has_no_other_slots() -> None:
    for name in STATS_RANGES:
        slots = {STATS_RANGES.index(name)}
        masks = [mask for _, mask in window_masks(date(2021, 11, 22), [name])]
        assert set().union(*(range_slots(mask) for mask in masks)) == slots
        assert set().union(*(activity_slots(mask) for mask in masks)) == slots


def test_a_week_has_all_its_hours() -> None:
    found = daily_activity.answer([[0, 1], [23, 2], [24, 3], [167, 4]], "week", 0, "UTC")
    assert list(found) == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    assert all([cell["hour"] for cell in hours] == list(range(24)) for hours in found.values())
    assert found["Monday"][0]["listen_count"] == 1
    assert found["Monday"][23]["listen_count"] == 2
    assert found["Tuesday"][0]["listen_count"] == 3
    assert found["Sunday"][23]["listen_count"] == 4
    assert sum(cell["listen_count"] for hours in found.values() for cell in hours) == 10


def test_genres_and_eras_in_the_stored_order() -> None:
    stored: Stored = [{"genre": "jazz", "hours": [[0, 2], [23, 1]]}, {"genre": "rock", "hours": [[0, 9]]}]
    assert genre_activity.answer(stored, "week", 0, "UTC") == [
        {"genre": "jazz", "hour": 0, "listen_count": 2},
        {"genre": "jazz", "hour": 23, "listen_count": 1},
        {"genre": "rock", "hour": 0, "listen_count": 9},
    ]
    assert era_activity.answer([[1800, 2], [1994, 1]], "week", 0, "UTC") == [
        {"year": 1800, "listen_count": 2},
        {"year": 1994, "listen_count": 1},
    ]


def test_evolution_descends_days_as_numbers_and_names_as_words() -> None:
    stored: Stored = [
        {"artist_name": "b", "units": [[2, 1]]},
        {"artist_mbid": "a", "artist_name": "a", "units": [[0, 5], [2, 3], [10, 4]]},
    ]
    found = artist_evolution_activity.answer(stored, "month", 0, "UTC")
    assert [(cell["time_unit"], cell["artist_name"], cell["listen_count"]) for cell in found] == [
        ("10", "a", 4),
        ("2", "a", 3),
        ("2", "b", 1),
        ("0", "a", 5),
    ]
    assert [cell["artist_mbid"] for cell in found] == ["a", "a", None, "a"]
    weekly = artist_evolution_activity.answer([{**stored[1], "units": [[0, 1], [2, 1], [6, 1]]}], "week", 0, "UTC")
    assert [cell["time_unit"] for cell in weekly] == ["Wednesday", "Sunday", "Monday"]
    assert [time_unit(name, 3) for name in STATS_RANGES] == [
        "Thursday", 3, "March", "Thursday", 3, "March", "March", "March", 3,
    ]  # fmt: skip
