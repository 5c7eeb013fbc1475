"""Years of release on Spark: through the release's group, from 1800 on, local ranges, everybody."""

import pytest

from tests.jobs.clock_lake import BERLIN, CROWD, KATHMANDU, LONDON, MAPPER, Clock
from tests.jobs.served import EVERYBODY, Payloads

pytestmark = pytest.mark.spark


def years(served: Payloads, key: int, stats_range: str, statistic: str = "user_era_activity") -> dict[int, int]:
    found = served[statistic, stats_range, key]["era_activity"]
    return {era["year"]: era["listen_count"] for era in found}


def test_the_group_says_the_year_and_years_before_1800_do_not_count(clock: Clock) -> None:
    assert years(clock.served, LONDON, "all_time") == {1800: 4}
    assert years(clock.served, LONDON, "week") == {1800: 2}
    assert years(clock.served, MAPPER, "all_time") == {1994: 2}
    assert years(clock.served, MAPPER, "this_week") == {1994: 1}


def test_without_a_year_there_is_no_answer(clock: Clock) -> None:
    assert not [key for key in clock.served if key[0] == "user_era_activity" and key[2] in (KATHMANDU, CROWD)]


def test_ranges_are_local(clock: Clock) -> None:
    assert years(clock.served, BERLIN, "month") == {1800: 1}
    assert years(clock.served, BERLIN, "this_month") == {1800: 1}
    assert years(clock.served, -BERLIN, "month") == {1800: 2}


def test_everybody_counts_plainly(clock: Clock) -> None:
    assert years(clock.served, EVERYBODY, "all_time", "sitewide_era_activity") == {1800: 6, 1994: 2}
    assert years(clock.served, EVERYBODY, "month", "sitewide_era_activity") == {1800: 2}
    assert clock.served["sitewide_era_activity", "all_time", EVERYBODY]["era_activity"] == [
        {"year": 1800, "listen_count": 6},
        {"year": 1994, "listen_count": 2},
    ]
