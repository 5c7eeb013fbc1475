"""Weekdays and hours on Spark: the hours of the user's clock, both nights on which it is set, half open ranges."""

import pytest

from tests.jobs.clock_lake import BERLIN, KATHMANDU, LONDON, Clock
from tests.jobs.served import Payloads

pytestmark = pytest.mark.spark


def heard(served: Payloads, key: int, stats_range: str) -> dict[tuple[str, int], int]:
    """The hours that have listens."""
    days = served["user_daily_activity", stats_range, key]["daily_activity"]
    cells = ((day, cell["hour"], cell["listen_count"]) for day, cells in days.items() for cell in cells)
    return {(day, hour): listen_count for day, hour, listen_count in cells if listen_count}


def test_the_first_and_the_last_second_of_a_day(clock: Clock) -> None:
    assert heard(clock.served, LONDON, "week") == {("Monday", 0): 1, ("Tuesday", 8): 2, ("Sunday", 23): 1}
    assert heard(clock.served, LONDON, "all_time") == {
        ("Monday", 0): 2,
        ("Tuesday", 8): 2,
        ("Thursday", 23): 1,
        ("Friday", 0): 2,
        ("Sunday", 23): 2,
    }
    assert heard(clock.served, LONDON, "month") == {("Friday", 0): 1}


def test_an_hour_shown_twice_counts_twice_and_one_skipped_never(clock: Clock) -> None:
    assert heard(clock.served, BERLIN, "all_time") == {
        ("Monday", 0): 1,
        ("Thursday", 23): 1,
        ("Friday", 0): 1,
        ("Saturday", 23): 1,
        ("Sunday", 0): 1,
        ("Sunday", 1): 1,
        ("Sunday", 2): 2,
        ("Sunday", 3): 1,
        ("Sunday", 23): 1,
    }


def test_a_clock_may_be_a_quarter_of_an_hour_off(clock: Clock) -> None:
    assert heard(clock.served, KATHMANDU, "all_time") == {("Sunday", 23): 1, ("Monday", 0): 1}
    assert heard(clock.served, KATHMANDU, "week") == {("Sunday", 23): 1}
    assert heard(clock.served, -KATHMANDU, "all_time") == {("Sunday", 18): 2}


def test_a_leap_day(clock: Clock) -> None:
    found = heard(clock.at("2024-02-29T23:59:59", "user_daily_activity"), LONDON, "this_month")
    assert found == {("Wednesday", 23): 1, ("Thursday", 0): 1, ("Thursday", 23): 1}
