"""Artists over time on Spark: units by range, credited names, the twenty most heard, listens without metadata."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.jobs.clock_lake import BERLIN, BOB, CROWD, KATHMANDU, LONDON, LOW, MAPPER, MONDAY, Clock, histories
from tests.jobs.lake import write_lake
from tests.jobs.served import EVERYBODY, Payloads, lake_settings, payloads

pytestmark = pytest.mark.spark

USER, SITEWIDE = "user_artist_evolution_activity", "sitewide_artist_evolution_activity"
Cell = tuple[str, str | None, str, int]


def cells(served: Payloads, key: int, stats_range: str, statistic: str = USER) -> list[Cell]:
    found = served[statistic, stats_range, key]["artist_evolution_activity"]
    return [tuple(cell.values()) for cell in found]


def test_weekdays_by_name_descending_and_credited_names_apart(clock: Clock) -> None:
    assert cells(clock.served, LONDON, "week") == [
        ("Tuesday", BOB, "Bob", 1),
        ("Tuesday", LOW, "Low", 1),
        ("Tuesday", LOW, "LOW", 1),
        ("Monday", BOB, "Bob", 1),
        ("Monday", LOW, "Low", 1),
    ]
    assert list(clock.served[USER, "week", LONDON]["artist_evolution_activity"][0]) == [
        "time_unit",
        "artist_mbid",
        "artist_name",
        "listen_count",
    ]


def test_months_and_years(clock: Clock) -> None:
    assert cells(clock.served, LONDON, "this_year") == [
        ("November", BOB, "Bob", 3),
        ("November", LOW, "Low", 3),
        ("November", LOW, "LOW", 2),
        ("January", BOB, "Bob", 1),
        ("January", LOW, "Low", 1),
    ]
    assert cells(clock.served, LONDON, "half_yearly") == [("January", BOB, "Bob", 1), ("January", LOW, "Low", 1)]
    assert cells(clock.served, LONDON, "year") == [("December", LOW, "LOW", 1)]
    assert cells(clock.served, LONDON, "all_time") == [
        ("2021", BOB, "Bob", 4),
        ("2021", LOW, "Low", 4),
        ("2021", LOW, "LOW", 2),
        ("2020", LOW, "LOW", 1),
    ]
    assert (USER, "quarter", LONDON) not in clock.served


def test_days_of_the_month_are_local(clock: Clock) -> None:
    assert cells(clock.served, BERLIN, "month") == [("31", BOB, "Bob", 1), ("31", LOW, "Low", 1)]
    assert cells(clock.served, BERLIN, "this_month") == [("1", BOB, "Bob", 1), ("1", LOW, "Low", 1)]
    assert cells(clock.served, KATHMANDU, "this_month") == [("22", LOW, "LOW", 1), ("21", LOW, "LOW", 1)]
    # 14, 15, 16 and 22 November: as numbers.


def test_twenty_stay_ties_the_greatest_name(clock: Clock) -> None:
    found = [(name, count) for _, _, name, count in cells(clock.served, CROWD, "all_time")]
    assert found == [*((f"artist {number:02}", 1) for number in range(21, 2, -1)), ("artist 00", 2)]


def test_the_users_own_mapping_decides(clock: Clock) -> None:
    assert cells(clock.served, MAPPER, "all_time") == [("2021", BOB, "Bob", 2)]


def test_everybody_counts_plainly(clock: Clock) -> None:
    assert cells(clock.served, EVERYBODY, "week", SITEWIDE) == [
        ("Tuesday", BOB, "Bob", 1),
        ("Tuesday", LOW, "Low", 1),
        ("Tuesday", LOW, "LOW", 1),
        ("Sunday", LOW, "LOW", 2),
        ("Saturday", BOB, "Bob", 1),
        ("Monday", BOB, "Bob", 1),
        ("Monday", LOW, "Low", 1),
    ]


def test_without_any_metadata_listens_name_their_artists(spark: SparkSession, tmp_path: Path) -> None:
    made = histories()
    del made.beside["recording_artist"]
    landing = write_lake(spark, str(tmp_path / "lake"), made, MONDAY)
    served = payloads(spark, lake_settings(tmp_path / "lake"), landing, [USER], stats_range="week")

    assert cells(served, LONDON, "week") == [
        ("Tuesday", None, "low & bob", 1),
        ("Tuesday", None, "low", 1),
        ("Sunday", None, "unknown", 1),
        ("Monday", None, "low & bob", 1),
    ]
