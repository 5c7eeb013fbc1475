"""Similar recordings and artists on Spark: equal to the oracle on a lake where every case meets."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs.catalog import catalog
from jobs.job import NothingToWorkOnError
from jobs.lake import Landing
from jobs.messages import Manifest, new_run_id
from jobs.run_engine import EngineOrder, run_engines
from jobs.run_similarity import warn_of_long_sessions
from tests.jobs import heard_together
from tests.jobs.heard_together import FOUR, HERS, MERGED, NOON, ONE, THREE, A, B, C, D, E
from tests.jobs.histories import mbid
from tests.jobs.lake import write_lake
from tests.jobs.oracle import Histories
from tests.jobs.results import Results
from tests.jobs.served import lake_settings
from tests.oracle.similarity import Rules, artist_scores, lists, recording_scores

pytestmark = pytest.mark.spark
SERVED = {"is_production_dataset": True}
RULES = Rules(session=300, skip=30, contribution=2, threshold=3, limit=4)
Ask = Callable[..., Results]


def params(query: str, rules: Rules, **more: Any) -> dict[str, Any]:
    """As the two requests name them."""
    named = {"session": rules.session, "threshold": rules.threshold, "limit": rules.limit, **SERVED, **more}
    if query == "similarity.artist":
        return {**named, "contribution": rules.contribution, "skip": rules.skip}
    return {**named, "max_contribution": rules.contribution, "skip_threshold": rules.skip}


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Landing, Histories]:
    folder = tmp_path_factory.mktemp("together") / "lake"
    made = heard_together.histories(seed=4)
    return lake_settings(folder), write_lake(spark, str(folder), made, NOON), made


@pytest.fixture(scope="module")
def ask(spark: SparkSession, lake: tuple[Settings, Landing, Histories]) -> Ask:
    settings, landing, _ = lake

    def asked(query: str, given: dict[str, Any], at: Landing = landing) -> Results:
        found = run_engines(
            spark, settings, EngineOrder(query, catalog().steps(query, given)), at,
            run_id=new_run_id(1.7e9), request_id=None, now=1.7e9,
        )  # fmt: skip
        assert isinstance(found, Manifest)
        return Results(found)

    return asked


def served(results: Results, statistic: str, key: str) -> dict[str, list[tuple[str, int]]]:
    return {
        str(entity): [(item[key], item["score"]) for item in results.document(statistic, entity)["items"]]
        for entity in results.keys(statistic)
        if "merged_into" not in results.document(statistic, entity)
    }


@pytest.mark.parametrize("days", [7500, pytest.param(100, marks=pytest.mark.slow)])
def test_recordings_are_alike_as_the_oracle_says(
    ask: Ask, lake: tuple[Settings, Landing, Histories], days: int
) -> None:
    found = ask("similarity.recording", params("similarity.recording", RULES, days=days))

    listens = heard_together.heard(lake[2], NOON - days * 86_400)
    expected = lists(recording_scores(listens, RULES), RULES)
    assert max(map(len, expected.values())) == RULES.limit
    assert served(found, "similar_recordings", "id") == expected


@pytest.mark.parametrize("days", [7500, pytest.param(100, marks=pytest.mark.slow)])
def test_artists_are_alike_as_the_oracle_says(ask: Ask, lake: tuple[Settings, Landing, Histories], days: int) -> None:
    found = ask("similarity.artist", params("similarity.artist", RULES, days=days))

    listens = heard_together.credited(lake[2], NOON - days * 86_400)
    expected = lists(artist_scores(listens, RULES), RULES)
    assert set(expected) == {A, B, C, D, E}
    assert served(found, "similar_artists", "artist_mbid") == expected


def test_documents_name_their_algorithm_and_say_what_is_alike(ask: Ask) -> None:
    everything = replace(RULES, threshold=0, limit=100)
    found = ask("similarity.recording", params("similarity.recording", everything))

    document = found.document("similar_recordings", ONE)
    assert document["algorithm"] == ("session_based_days_7500_session_300_contribution_2_threshold_0_limit_100_skip_30")
    assert document["msid"] is False
    named = {item["id"]: item for item in document["items"]}
    assert {key: named[mbid(105)][key] for key in ("msid", "recording_name", "artist_credit_name")} == {
        "msid": True,
        "recording_name": "Four",
        "artist_credit_name": "Unknown",
    }
    assert (named[THREE]["recording_name"], named[THREE]["msid"]) == ("Three", False)
    assert found.document("similar_recordings", mbid(105))["msid"] is True
    assert found.document("similar_recordings", MERGED) == {"algorithm": document["algorithm"], "merged_into": ONE}
    # What one user says a track is, it is for her alone.
    assert HERS in found.keys("similar_recordings")
    assert FOUR in named

    artists = ask("similarity.artist", params("similarity.artist", everything)).document("similar_artists", C)
    names = {item["artist_mbid"]: item["artist_name"] for item in artists["items"]}
    assert names == {A: "The A", B: "B", D: "D Ft. E", E: "E"}


def test_what_is_not_asked_for_production_is_kept_beside_it(ask: Ask) -> None:
    found = ask("similarity.recording", params("similarity.recording", RULES, is_production_dataset=False))

    assert [switch.statistic for switch in found.manifest.switches] == ["similar_recordings_dev"]
    assert found.keys("similar_recordings_dev")
    assert not found.keys("similar_recordings")


@pytest.mark.slow
def test_both_indexes_of_one_request_are_those_of_each(ask: Ask) -> None:
    found = ask("similarity.datasets", {})

    assert [switch.statistic for switch in found.manifest.switches] == ["similar_recordings", "similar_artists"]
    assert found.document("similar_artists", A)["algorithm"] == (
        "session_based_days_7500_session_300_contribution_5_threshold_10_limit_100_skip_30"
    )


def test_a_window_without_listens_is_an_error_that_names_it(ask: Ask) -> None:
    for query in ("similarity.recording", "similarity.artist"):
        with pytest.raises(NothingToWorkOnError, match="days=3: there are no listens in so many days up to 1100000000"):
            ask(query, params(query, RULES, days=3, at=1_100_000_000))


def test_of_deleted_listens_nothing_is_left_by_the_next_run(
    ask: Ask, lake: tuple[Settings, Landing, Histories], spark: SparkSession
) -> None:
    settings, landing, _ = lake
    deleted = f"DELETE FROM delta.`{settings.lake}/listens`"  # noqa: S608 - a folder of the test
    spark.sql(deleted)
    after = replace(
        landing,
        landing_id=2,
        newest_listen_ts=None,
        landed_at=datetime.fromtimestamp(NOON, UTC),
        versions={**landing.versions, "listens": 1},
    )
    for query, statistic in (("similarity.recording", "similar_recordings"), ("similarity.artist", "similar_artists")):
        found = ask(query, params(query, RULES), after)
        assert not found.keys(statistic)
        assert [(switch.rows, switch.replace) for switch in found.manifest.switches] == [(0, "all")]


def test_the_files_of_a_run_are_gone_with_its_frames(lake: tuple[Settings, Landing, Histories]) -> None:
    assert not list(Path(lake[0].lake).glob("results/*"))


def test_sessions_that_no_person_can_have_heard_are_told_in_the_log(
    spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [(1, 0, 5, 1000), (2, 0, 5, 600), (2, 0, 6, 401), (2, 1, 6, 2000), (3, 0, 1, 1)]
    warn_of_long_sessions(spark.createDataFrame(rows, "user_id int, session int, unit_id int, plays int"))
    [told] = [record.getMessage() for record in caplog.records]
    assert told.startswith("user 2 has 2 listening sessions of more than 1000 listens, the longest of 2000")
