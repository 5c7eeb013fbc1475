"""A span is computed by the jobs of the ranges: of the same days both say the same. And a few worked out by hand."""

from dataclasses import replace
from datetime import date

import pytest
from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs.catalog import catalog
from jobs.lake import Landing
from jobs.spans import Span
from tests.jobs import albums, clock_lake
from tests.jobs.clock_lake import Clock
from tests.jobs.lake import write_lake
from tests.jobs.moments import ts
from tests.jobs.results import Results, results
from tests.jobs.served import lake_settings
from tests.jobs.span_runs import shown, span_results

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

WEEK = Span(date(2021, 11, 15), date(2021, 11, 22))
"""The range `week` at the T of both lakes."""
WHOSE = {
    "user_artists": albums.CHOOSY,
    "user_recordings": albums.READER,
    "user_releases": albums.COLLECTOR,
    "user_release_groups": albums.COLLECTOR,
    "user_artist_map": albums.CASUAL,
    "user_artist_activity": albums.CASUAL,
    "user_listening_activity": albums.CHOOSY,
    "user_daily_activity": albums.CHOOSY,
    "user_genre_activity": albums.READER,
    "user_era_activity": albums.COLLECTOR,
    "user_artist_evolution_activity": albums.MAPPED,
}
OFTEN = ("user_artists", "user_artist_map", "user_listening_activity", "user_daily_activity", "user_genre_activity")
"""In every run; the others, whose spans are made by the same code, in longer ones."""


class Lake:
    """The lake of albums, and what its ranges give."""

    def __init__(self, spark: SparkSession, settings: Settings, landing: Landing) -> None:
        self.spark, self.settings, self.landing = spark, settings, landing
        self.ranges: Results = results(spark, settings, landing, list(WHOSE), at=albums.T, stats_range="week")

    def span(self, statistic: str, user_id: int, span: Span) -> Results:
        return span_results(self.spark, self.settings, self.landing, statistic, user_id, span, albums.T)


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("spans") / "lake"
    beside = {**albums.METADATA, **albums.CHOICES, "recording_genre": [_genre(albums.BALCONY), _genre(albums.MERGED)]}
    landing = write_lake(spark, str(folder), albums.histories(beside), albums.T)
    return Lake(spark, lake_settings(folder), landing)


def _genre(recording_mbid: str) -> dict[str, object]:
    return {"recording_mbid": recording_mbid, "genre": "rock", "genre_count": 1}


def test_every_statistic_of_users_has_spans() -> None:
    assert {name for name in catalog().jobs if name.startswith("user_")} == set(WHOSE)


@pytest.mark.parametrize(
    "statistic", [name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow) for name in WHOSE]
)
def test_of_the_days_of_a_range_it_says_what_the_range_says(lake: Lake, statistic: str) -> None:
    user_id = WHOSE[statistic]
    found = lake.span(statistic, user_id, WEEK)
    (switch,) = found.manifest.switches
    keys = {user_id, -user_id} if user_id == albums.CHOOSY else {user_id}
    assert (switch.from_ts, switch.to_ts, found.manifest.span_of) == (WEEK.from_ts, WEEK.to_ts, user_id)
    assert found.keys(statistic, switch.stats_range) == keys
    for key in keys:
        row = found.row(statistic, key, switch.stats_range)
        assert row == lake.ranges.row(statistic, key, "week")
        items = found.items(statistic, key, switch.stats_range)
        assert items == lake.ranges.items(statistic, key, "week")
        documents = found.documents(statistic, switch.stats_range)
        if statistic != "user_listening_activity":  # the range's has the week before as well: worked out below
            assert documents.get(key) == lake.ranges.documents(statistic, "week").get(key)
        assert bool(row) != bool(documents.get(key))


def test_before_it_are_as_many_days(lake: Lake) -> None:
    after = Span(date(2021, 11, 16), date(2021, 11, 17))
    assert lake.span("user_artists", albums.COLLECTOR, after).keys("user_artists", "year") == set()
    both = Span(date(2021, 11, 15), date(2021, 11, 17))
    row = lake.span("user_artists", albums.CHOOSY, both).row("user_artists", -albums.CHOOSY, "year")
    assert row is not None
    assert row["previous_ranks"] == [0] * len(row["ids"])
    assert row["counts"][0] == 6


def test_few_rows_of_a_table_stand_for_all_of_it(lake: Lake) -> None:
    """There are credits, but of nothing that she played: a listen without one counts nowhere, as in the ranges."""
    found = lake.span("user_artist_evolution_activity", albums.WIDE, WEEK)
    assert found.keys("user_artist_evolution_activity", "week") == set()
    assert lake.ranges.documents("user_artist_evolution_activity", "week").get(albums.WIDE) is None


@pytest.mark.parametrize(
    ("key", "listens", "from_ts"),
    [
        (clock_lake.BERLIN, [1, 4, 1], "2021-10-29T22:00:00"),
        (-clock_lake.BERLIN, [2, 4, 0], "2021-10-30T00:00:00"),
    ],
)
def test_days_are_those_of_the_users_clock(clock: Clock, key: int, listens: list[int], from_ts: str) -> None:
    """2 o'clock is shown twice on 31 October."""
    span = Span(date(2021, 10, 30), date(2021, 11, 2))
    statistic = "user_listening_activity"
    spark = clock.spark
    found = span_results(spark, clock.settings, clock.landing, statistic, clock_lake.BERLIN, span, clock_lake.MONDAY)
    buckets = shown(found, catalog().jobs[statistic], key, span)
    assert [bucket["listen_count"] for bucket in buckets] == listens
    assert buckets[0]["from_ts"] == ts(from_ts)
    assert buckets[0]["time_range"] == "Saturday 30 October 2021"


@pytest.mark.parametrize(
    ("span", "listens"),
    [
        (Span(date(2021, 11, 16), date(2022, 3, 1)), [4, 0, 0, 0]),
        (Span(date(2021, 10, 2), date(2021, 11, 14)), None),
    ],
)
def test_listening_activity_counts_nothing_of_the_days_before_it(
    clock: Clock, span: Span, listens: list[int] | None
) -> None:
    """Of the month in which it begins London heard two listens before, and one in the days before the other."""
    statistic = "user_listening_activity"
    found = span_results(
        clock.spark, clock.settings, clock.landing, statistic, clock_lake.LONDON, span, clock_lake.MONDAY
    )
    buckets = shown(found, catalog().jobs[statistic], clock_lake.LONDON, span)
    assert buckets is None if listens is None else [bucket["listen_count"] for bucket in buckets] == listens


def test_later_than_t_nothing_counts(clock: Clock) -> None:
    span = Span(date(2021, 11, 22), date(2021, 11, 23))
    found = span_results(
        clock.spark, clock.settings, clock.landing, "user_artists", clock_lake.FUTURE, span, clock_lake.MONDAY
    )
    assert found.manifest.parts == []
    later = span_results(
        clock.spark, clock.settings, clock.landing, "user_artists", clock_lake.FUTURE, span, clock_lake.MONDAY + 1
    )
    assert [item["listen_count"] for item in later.items("user_artists", clock_lake.FUTURE, "year")] == [1]


def test_a_user_who_is_not_there_has_nothing(clock: Clock) -> None:
    span = Span(date(2021, 11, 22), date(2021, 11, 23))
    found = span_results(clock.spark, clock.settings, clock.landing, "user_artists", 999, span, clock_lake.MONDAY)
    assert (found.manifest.parts, found.manifest.switches[0].rows) == ([], 0)


def test_what_is_too_long_for_a_message_is_in_files(lake: Lake) -> None:
    settings = replace(lake.settings, result_inline_bytes=0)
    found = span_results(lake.spark, settings, lake.landing, "user_artists", albums.COLLECTOR, WEEK, albums.T)
    assert all(part.path is not None and part.inline is None for part in found.manifest.parts)
    listed = found.items("user_artists", albums.COLLECTOR, "year")
    assert listed == lake.ranges.items("user_artists", albums.COLLECTOR, "week")
