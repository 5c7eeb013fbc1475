"""The year in music: every section of every user is what the oracle counts, and the same again has the same bytes."""

from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest
from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs.lake import Landing
from jobs.messages import Manifest, Switch
from jobs.years import days_of
from tests.jobs.real_listens import real_world
from tests.jobs.results import Results
from tests.jobs.served import lake_settings
from tests.jobs.world_tables import write_world
from tests.jobs.year_runs import computed, data_of, sections
from tests.jobs.year_worlds import YEAR, crowded_world, year_world
from tests.oracle.statistics import Oracle
from tests.oracle.worked import MERGED_DISCOVERED, MERGED_MISSED, A, B, C, merged_world, track, world
from tests.oracle.world import World
from tests.oracle.year import DISCOVERIES, MISSES, Year

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Lake:
    """A lake that holds a world, and the report of its busy year."""

    world: World
    settings: Settings
    landing: Landing
    report: Manifest


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    world, folder = year_world(1), tmp_path_factory.mktemp("year") / "lake"
    settings, landing = lake_settings(folder), write_world(spark, str(folder), world)
    return Lake(world, settings, landing, computed(spark, settings, landing, YEAR, sections()))


def differences(world: World, manifest: Manifest, year: int) -> list[str]:
    """One line for each section of a user that is not the oracle's."""
    oracle = Oracle(world)
    expected, wrong = Year(oracle, year), []
    for user_id in world.users:
        there, here = expected.report(user_id), data_of(manifest, year, user_id, oracle)
        wrong += [
            f"{key} of {user_id}: expected\n  {there.get(key)}\nfound\n  {here.get(key)}"
            for key in {*there, *here}
            if there.get(key) != here.get(key)
        ]
    return wrong


def test_every_section_of_every_user_is_what_the_oracle_counts(lake: Lake) -> None:
    wrong = differences(lake.world, lake.report, YEAR)

    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"


def test_the_world_has_something_in_every_section(lake: Lake) -> None:
    """Else the test above proves little."""
    oracle = Oracle(lake.world)
    reports = [data_of(lake.report, YEAR, user_id, oracle) for user_id in lake.world.users]

    assert {switch.statistic: switch.rows > 2 for switch in lake.report.switches} == {
        job.statistic: True for job in sections()
    }
    assert {key for report in reports for key in report} == {key for job in sections() for key in job.output.schema}  # type: ignore[union-attr]
    assert sum(len(report.get(DISCOVERIES, ())) for report in reports) > 5
    assert sum(len(report.get(MISSES, ())) for report in reports) > 5
    assert {} in reports
    bare = replace(lake.world, metadata=replace(lake.world.metadata, credits={}))
    without = Year(Oracle(bare), YEAR)
    assert any(
        report.get("new_releases_of_top_artists") != without.report(user_id).get("new_releases_of_top_artists")
        for user_id, report in zip(lake.world.users, reports, strict=True)
    ), "some hear recordings of which only MusicBrainz says who made them"


def test_a_report_is_of_its_year_and_becomes_visible_at_once(lake: Lake) -> None:
    days = days_of(YEAR)

    assert lake.report.together
    assert {replace(switch, statistic="", rows=0) for switch in lake.report.switches} == {
        Switch("", str(YEAR), days.from_ts, days.to_ts, 0, "all")
    }


@pytest.mark.slow
def test_the_same_data_version_gives_the_same_bytes_in_a_message_or_in_files(spark: SparkSession, lake: Lake) -> None:
    again = computed(
        spark,
        replace(lake.settings, result_inline_bytes=0),
        lake.landing,
        YEAR,
        sections(),
        UUID("018bcfe5-6800-7000-8000-000000000002"),
    )

    assert all(part.path is not None for part in again.parts)
    assert {part.statistic for part in again.parts} == {part.statistic for part in lake.report.parts}
    for switch in again.switches:
        one, other = (Results(run).documents(switch.statistic, str(YEAR)) for run in (lake.report, again))
        assert one == other, switch.statistic


def test_a_section_alone_says_what_it_says_in_the_report(spark: SparkSession, lake: Lake) -> None:
    alone = computed(spark, lake.settings, lake.landing, YEAR, sections("day_of_week", "new_artists_discovered"))

    inline = {part.statistic: part.inline for part in lake.report.parts}
    assert {part.statistic: part.inline for part in alone.parts} == {
        name: inline[name] for name in ("year_in_music_day_of_week", "year_in_music_new_artists_discovered")
    }


def test_every_limit_of_a_report_cuts_where_the_oracle_does(spark: SparkSession, tmp_path: Path) -> None:
    world, settings = crowded_world(), lake_settings(tmp_path / "lake")
    found = computed(spark, settings, write_world(spark, settings.lake, world), YEAR, sections())

    told = data_of(found, YEAR, 1, Oracle(world))
    many = (DISCOVERIES, MISSES, "top_artists", "top_recordings", "top_genres", "similar_users")
    assert [len(told[key]) for key in (*many, "new_releases_of_top_artists")] == [50, 50, 50, 50, 25, 25, 5]
    wrong = differences(world, found, YEAR)
    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"


def test_new_artists_are_told_apart_by_mbid_and_by_name_where_there_is_none(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Users 1 to 5: one artist of two is new; she was a name only; she is one now; her namesake; with and without."""
    plain, queen = track("Queen"), track("QUEEN", artist_mbids=(A,))
    both, namesake = track("Queen & David Bowie", artist_mbids=(A, B)), track("Queen", artist_mbids=(C,))
    before, now = f"{YEAR - 1}-05-01", f"{YEAR}-05-01"
    plays = ((1, queen, both), (2, plain, queen), (3, queen, plain), (4, queen, namesake), (5, track("Low"), queen))
    made = world(
        f"{YEAR + 1}-01-31",
        *((user_id, before, heard) for user_id, heard, _ in plays),
        *((user_id, now, heard) for user_id, _, heard in plays),
        (5, f"{YEAR}-06-01", plain),
        users=range(1, 6),
    )
    settings = lake_settings(tmp_path / "lake")
    found = computed(spark, settings, write_world(spark, settings.lake, made), YEAR, sections("new_artists_discovered"))
    oracle = Oracle(made)

    told = [data_of(found, YEAR, user_id, oracle)["total_new_artists_discovered"] for user_id in made.users]
    assert told == [1, 0, 0, 1, 1]
    assert told == [Year(oracle, YEAR).report(user_id)["total_new_artists_discovered"] for user_id in made.users]


def test_a_merged_recording_is_the_one_it_was_merged_into(spark: SparkSession, tmp_path: Path) -> None:
    """Heard under its old MBID it is no discovery and not missed under the new one, and left out by either."""
    made, settings = merged_world(), lake_settings(tmp_path / "lake")
    asked = sections("similar_users", "top_discoveries", "top_missed_recordings")
    found = computed(spark, settings, write_world(spark, settings.lake, made), YEAR, asked)
    oracle = Oracle(made)
    told = {user_id: data_of(found, YEAR, user_id, oracle) for user_id in made.users}

    discovered, missed = (
        {user_id: {track["recording_mbid"] for track in one[key]} for user_id, one in told.items() if key in one}
        for key in (DISCOVERIES, MISSES)
    )
    assert (discovered, missed) == (MERGED_DISCOVERED, MERGED_MISSED)
    for user_id, one in told.items():
        expected = Year(oracle, YEAR).report(user_id)
        assert one == {key: expected[key] for key in one}, user_id


@pytest.mark.slow
def test_a_year_without_listens_has_no_rows(spark: SparkSession, lake: Lake) -> None:
    after_t = YEAR + 3
    empty = computed(spark, lake.settings, lake.landing, after_t, sections())

    assert empty.parts == []
    assert {switch.rows for switch in empty.switches} == {0}
    assert len(empty.switches) == len(sections())


@pytest.mark.slow
@pytest.mark.parametrize("year", [2005, 2006])
def test_real_listens(spark: SparkSession, tmp_path: Path, shared_data: Path, year: int) -> None:
    world, settings = real_world(shared_data, "last-fm-304-users"), lake_settings(tmp_path / "lake")
    landing = write_world(spark, settings.lake, world)

    wrong = differences(world, computed(spark, settings, landing, year, sections()), year)

    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "year"), [(2, YEAR), (3, YEAR), (4, YEAR - 1), (5, YEAR + 1), (6, YEAR)])
def test_other_worlds_and_years(spark: SparkSession, tmp_path: Path, seed: int, year: int) -> None:
    world, settings = year_world(seed), lake_settings(tmp_path / "lake")
    landing = write_world(spark, settings.lake, world)

    wrong = differences(world, computed(spark, settings, landing, year, sections()), year)

    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"
