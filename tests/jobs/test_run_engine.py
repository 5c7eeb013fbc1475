"""Jobs that functions make: their rows become those of a run, and nothing is changed by one that has nothing to do."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs import result_files
from jobs.job import EntityDocument, Files, Job, NothingToWorkOnError, Output, Step, UserDocument
from jobs.lake import Landing
from jobs.listens.mapping import MappingRow
from jobs.messages import Manifest, new_run_id
from jobs.run_engine import EngineOrder, run_engines
from jobs.served_run import ServedRun
from tests.jobs.histories import mbid
from tests.jobs.lake import write_lake
from tests.jobs.oracle import Histories, Track
from tests.jobs.results import Results
from tests.jobs.served import lake_settings

pytestmark = pytest.mark.spark
DAY = 86400
NOON = 1637582400
SERVED = UUID("01901234-0000-7000-8000-000000000000")


def job(statistic: str, function: str, output: Output | None = None) -> Job:
    return Job(
        name="tests.engine",
        statistic=statistic,
        select={},
        params=(),
        inputs=(),
        run=f"tests.jobs.engine_functions.{function}",
        output=output or UserDocument(),
        about="Rows of a test",
        ranges=("all_time",),
    )


def both(function: str, **params: Any) -> list[Step]:
    return [Step((job("tests_first", function), job("tests_second", function)), params)]


@pytest.fixture(scope="module")
def heard(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Landing]:
    """User 1 hears a recording under two spellings, one mapped, and one that she leaves out; user 2's is her own."""
    lake = tmp_path_factory.mktemp("heard") / "lake"
    tracks = [
        Track(1, mbid(11), "Low"),
        Track(2, mbid(12), "LOW", recording_mbid=mbid(1)),
        Track(3, mbid(13), "Zoë"),
        Track(4, mbid(14), "Abba"),
    ]
    histories = Histories(tracks, {1, 2})
    histories.mapping = [
        MappingRow(None, mbid(11), "automatic", mbid(1)),
        MappingRow(2, mbid(13), "manual", mbid(3)),
    ]
    histories.listens = [
        (1, NOON - 10 * DAY, 1),
        (1, NOON - DAY, 1),
        (1, NOON - 2 * DAY, 2),
        (1, NOON - 3 * DAY, 3),
        (1, NOON - 3 * DAY + 1, 4),
        (2, NOON, 3),
        (2, NOON + 1, 1),
        (9, NOON - DAY, 1),
    ]
    left_out = {"user_id": 1, "kind": "artist", "value": "ABBA", "value_key": "abba", "position": 1}
    histories.beside = {"exclusions": [left_out]}
    return lake_settings(lake), write_lake(spark, str(lake), histories, NOON)


def made(
    spark: SparkSession, heard: tuple[Settings, Landing], steps: Sequence[Step], base: ServedRun | None = None
) -> Manifest | str:
    settings, landing = heard
    ordered = EngineOrder("tests.engine", steps)
    return run_engines(
        spark, settings, ordered, landing, run_id=new_run_id(1.7e9), request_id=None, now=1.7e9, base=base
    )


def manifest(
    spark: SparkSession, heard: tuple[Settings, Landing], steps: Sequence[Step], base: ServedRun | None = None
) -> Manifest:
    found = made(spark, heard, steps, base)
    assert isinstance(found, Manifest)
    return found


@pytest.mark.parametrize(("function", "params"), [("table", {}), ("frame", {}), ("batches", {"size": 2})])
def test_rows_of_any_form_are_the_documents_of_their_statistics(
    spark: SparkSession, heard: tuple[Settings, Landing], function: str, params: dict[str, Any]
) -> None:
    found = manifest(spark, heard, both(function, **params))

    results = Results(found)
    assert results.documents("tests_first", "all_time") == {1: ("[1]", None), 2: ("[3]", None)}
    assert results.documents("tests_second", "all_time") == {1: ("[2]", None)}
    assert [(s.statistic, s.stats_range, s.rows, s.replace) for s in found.switches] == [
        ("tests_first", "all_time", 2, "all"),
        ("tests_second", "all_time", 1, "all"),
    ]
    assert not Path(result_files.run_folder(heard[0].lake, found.run_id)).exists()


def test_large_results_are_files_and_say_the_same(spark: SparkSession, heard: tuple[Settings, Landing]) -> None:
    small = (replace(heard[0], result_inline_bytes=0), heard[1])

    found = Results(manifest(spark, small, both("batches", size=2)))

    assert all(part.path is not None for part in found.manifest.parts)
    assert found.documents("tests_first", "all_time") == {1: ("[1]", None), 2: ("[3]", None)}


def test_calls_of_one_request_follow_one_another_into_one_manifest(
    spark: SparkSession, heard: tuple[Settings, Landing]
) -> None:
    steps = [
        Step((job("tests_files", "files", Files()),), {}),
        *both("table"),
        Step((job("tests_entities", "entities", EntityDocument()),), {}),
    ]

    found = manifest(spark, heard, steps)

    assert [switch.statistic for switch in found.switches] == ["tests_first", "tests_second", "tests_entities"]
    assert Results(found).document("tests_entities", "00000000-0000-4000-8000-000000000001") == {}


def test_a_job_of_files_alone_says_what_it_made(spark: SparkSession, heard: tuple[Settings, Landing]) -> None:
    assert made(spark, heard, [Step((job("tests_files", "files", Files()),), {})]) == "made of version 1"


def test_rows_of_one_user_leave_those_of_the_others_where_there_are_any(
    spark: SparkSession, heard: tuple[Settings, Landing]
) -> None:
    steps = [Step((job("tests_first", "one_user"),), {})]

    over = manifest(spark, heard, steps, ServedRun(SERVED, 1, NOON))
    alone = manifest(spark, heard, steps)

    assert (over.touched, over.base_run_id, over.switches[0].replace) == ([1], SERVED, "touched")
    assert (alone.touched, alone.base_run_id, alone.switches[0].replace) == ([], None, "all")


def test_what_has_nothing_to_work_on_is_refused_with_the_reason(
    spark: SparkSession, heard: tuple[Settings, Landing]
) -> None:
    with pytest.raises(NothingToWorkOnError, match="no model yet"):
        made(spark, heard, both("refuses"))


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (
            None,
            {
                1: [(mbid(1), False, 3, NOON - DAY), (mbid(13), True, 1, NOON - 3 * DAY)],
                2: [(mbid(3), False, 1, NOON)],
            },
        ),
        (2, {1: [(mbid(1), False, 2, NOON - DAY)], 2: [(mbid(3), False, 1, NOON)]}),
        (1, {1: [(mbid(1), False, 1, NOON - DAY)], 2: [(mbid(3), False, 1, NOON)]}),
    ],
)
def test_plays_of_recordings_within_a_window_worked_out_by_hand(
    spark: SparkSession, heard: tuple[Settings, Landing], days: int | None, expected: Any
) -> None:
    """What is mapped is one recording, what is not is its MSID; left out, after T and of who is gone do not count."""
    found = Results(manifest(spark, heard, [Step((job("tests_first", "plays"),), {"days": days})]))

    plays = {key: orjson.loads(doc) for key, (doc, _) in found.documents("tests_first", "all_time").items()}
    names = ("recording", "msid", "listen_count", "latest")
    assert {key: [tuple(row[name] for name in names) for row in rows] for key, rows in plays.items()} == expected
