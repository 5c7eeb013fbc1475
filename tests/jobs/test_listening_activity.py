"""Listening activity on Spark: both periods, midnights of three clocks, the day of T, everybody."""

from typing import Any

import pytest

from tests.jobs.clock_lake import BERLIN, FUTURE, KATHMANDU, LONDON, MAPPER, SILENT, Clock
from tests.jobs.moments import ts
from tests.jobs.served import EVERYBODY, Payloads

pytestmark = pytest.mark.spark


def heard(served: Payloads, key: int, stats_range: str, statistic: str = "user_listening_activity") -> dict[str, int]:
    """The buckets that have listens."""
    buckets = of(served, key, stats_range, statistic)
    return {bucket["time_range"]: bucket["listen_count"] for bucket in buckets if bucket["listen_count"]}


def of(
    served: Payloads, key: int, stats_range: str, statistic: str = "user_listening_activity"
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = served[statistic, stats_range, key]["listening_activity"]
    return found


def test_the_week_and_the_one_before_by_day(clock: Clock) -> None:
    expected = {
        "Sunday 14 November 2021": 1,
        "Monday 15 November 2021": 1,
        "Tuesday 16 November 2021": 2,
        "Sunday 21 November 2021": 1,
    }
    assert heard(clock.served, LONDON, "week") == expected
    assert len(of(clock.served, LONDON, "week")) == 14
    assert clock.served["user_listening_activity", "week", LONDON] | {"listening_activity": []} == {
        "listening_activity": [],
        "range": "week",
        "from_ts": ts("2021-11-08"),
        "to_ts": ts("2021-11-22"),
        "last_updated": 1_700_000_000,
        "data_version": 1,
        "newest_listen_ts": ts("2021-11-22T12:00:00"),
    }
    # T is a Monday: this week is the one just over, and ends where the day of T begins.
    assert of(clock.served, LONDON, "this_week") == of(clock.served, LONDON, "week")


def test_the_running_month_and_year_end_where_the_day_of_t_begins(clock: Clock) -> None:
    assert heard(clock.served, LONDON, "this_month") == {
        "01 October 2021": 1,
        "14 November 2021": 1,
        "15 November 2021": 1,
        "16 November 2021": 2,
        "21 November 2021": 1,
    }
    assert of(clock.served, LONDON, "this_month")[-1]["time_range"] == "21 November 2021"
    assert heard(clock.served, LONDON, "this_year") == {
        "December 2020": 1,
        "January 2021": 1,
        "October 2021": 1,
        "November 2021": 5,
    }
    last = of(clock.served, LONDON, "this_year")[-1]
    assert (last["from_ts"], last["to_ts"]) == (ts("2021-11-01"), ts("2021-11-30T23:59:59"))
    assert clock.served["user_listening_activity", "this_year", LONDON]["to_ts"] == ts("2021-11-22")


def test_the_other_ranges_at_their_midnights(clock: Clock) -> None:
    assert heard(clock.served, LONDON, "month") == {"01 October 2021": 1}
    assert heard(clock.served, LONDON, "half_yearly") == {"December 2020": 1, "January 2021": 1}
    assert heard(clock.served, LONDON, "year") == {"December 2020": 1}
    # The quarter and the one before are April to September.
    assert ("user_listening_activity", "quarter", LONDON) not in clock.served


def test_all_time_has_the_years_with_listens_and_includes_t(clock: Clock) -> None:
    assert heard(clock.served, LONDON, "all_time") == {"2020": 1, "2021": 8}
    assert of(clock.served, MAPPER, "all_time") == [
        {
            "from_ts": ts("2021-01-01"),
            "to_ts": ts("2021-12-31T23:59:59"),
            "time_range": "2021",
            "listen_count": 2,
        }
    ]


def test_buckets_begin_at_midnights_of_the_user(clock: Clock) -> None:
    assert heard(clock.served, BERLIN, "month") == {"30 October 2021": 1, "31 October 2021": 4}
    longest = of(clock.served, BERLIN, "month")[-1]
    assert (longest["from_ts"], longest["to_ts"]) == (ts("2021-10-30T22:00:00"), ts("2021-10-31T22:59:59"))
    assert heard(clock.served, BERLIN, "this_year") == {
        "December 2020": 1,
        "January 2021": 1,
        "March 2021": 2,
        "October 2021": 5,
        "November 2021": 1,
    }
    month = clock.served["user_listening_activity", "this_month", BERLIN]
    assert (month["from_ts"], month["to_ts"]) == (ts("2021-09-30T22:00:00"), ts("2021-11-21T23:00:00"))
    assert month["settings_applied"]["timezone"] == "Europe/Berlin"
    # The quarter of an hour counts: 18:14:59 is Sunday, 18:15 is the Monday of T.
    assert heard(clock.served, KATHMANDU, "this_week") == {"Sunday 21 November 2021": 1}
    assert of(clock.served, KATHMANDU, "this_week")[-1]["to_ts"] == ts("2021-11-21T18:14:59")


def test_plainly_it_is_utc(clock: Clock) -> None:
    assert heard(clock.served, -BERLIN, "month") == {"30 October 2021": 2, "31 October 2021": 4}
    assert heard(clock.served, -KATHMANDU, "week") == {"Sunday 21 November 2021": 2}
    assert "settings_applied" not in clock.served["user_listening_activity", "month", -BERLIN]


def test_who_has_chosen_utc_again_has_one_answer_as_if_she_had_never_chosen(clock: Clock) -> None:
    keys = {key for _, _, key in clock.served}
    assert {LONDON, BERLIN, -BERLIN, KATHMANDU, -KATHMANDU} <= keys
    assert -LONDON not in keys
    assert "settings_applied" not in clock.served["user_listening_activity", "week", LONDON]


def test_everybody_counts_plainly(clock: Clock) -> None:
    assert heard(clock.served, EVERYBODY, "all_time", "sitewide_listening_activity") == {
        "2010": 2,
        "2020": 3,
        "2021": 20,
    }
    assert heard(clock.served, EVERYBODY, "week", "sitewide_listening_activity") == {
        "Sunday 14 November 2021": 1,
        "Monday 15 November 2021": 1,
        "Tuesday 16 November 2021": 2,
        "Saturday 20 November 2021": 1,
        "Sunday 21 November 2021": 3,
    }


def test_who_has_no_listen_up_to_t_has_no_answer(clock: Clock) -> None:
    assert not {key for _, _, key in clock.served} & {SILENT, FUTURE}


@pytest.mark.slow
def test_other_moments(clock: Clock) -> None:
    leap = clock.at("2024-02-29T23:59:59", "user_listening_activity")
    assert heard(leap, LONDON, "this_month") == {"28 February 2024": 1}
    assert len(of(leap, LONDON, "this_month")) == 31 + 28
    assert heard(leap, LONDON, "all_time")["2024"] == 3

    # New Year's midnight is T: the running year is still the one before.
    year = clock.at("2021-01-01T00:00:00", "user_listening_activity")
    assert heard(year, LONDON, "this_year") == {"December 2020": 1}
    assert heard(year, LONDON, "all_time") == {"2020": 1, "2021": 1}

    # In Berlin it is New Year already; plainly all of her listens are of the day of T.
    eve = clock.at("2020-12-31T23:30:00", "user_listening_activity")
    assert heard(eve, BERLIN, "this_year") == {"December 2020": 1}
    assert ("user_listening_activity", "this_year", -BERLIN) not in eve


@pytest.mark.slow
def test_one_range_alone_is_what_it_is_among_nine(clock: Clock) -> None:
    for stats_range in ("this_year", "week", "all_time"):
        alone = clock.at("2021-11-22T12:00:00", "user_listening_activity", stats_range=stats_range)
        among = {key: body for key, body in clock.served.items() if key[:2] == ("user_listening_activity", stats_range)}
        assert alone == among
