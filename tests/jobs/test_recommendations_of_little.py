"""What is recommended where there is little to go by: after deletes, without a model, to who listens alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.chain.kept import kept
from jobs.job import InvalidRequestError
from tests.databases import Databases
from tests.jobs.small_world import (
    NEWCOMER,
    QUICK,
    RECOMMEND,
    ROCK,
    ROCKERS,
    TRAIN,
    counts,
    documents,
    listens,
    uuid_of,
    world,
)

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    name = databases.lend()
    yield databases.url(name)
    databases.give_back(name)


def test_deleted_listens_are_gone_from_lists_and_neighbours_on_the_next_run(
    spark: SparkSession, tmp_path: Path, url: str
) -> None:
    mine = world(spark, tmp_path, url)
    mine.ask(TRAIN, **QUICK)
    gone = uuid_of(2)
    mine.forget({(user, 2) for user in (*ROCKERS, NEWCOMER)} | {(1, track) for track in ROCK})

    lists = documents(mine.results(RECOMMEND), "recommendations_raw")
    mine.ask("cf.recommendations.recording.create_dataframes", job_type="similar_users")
    similar = documents(mine.results("similarity.similar_users"), "similar_users")

    assert gone not in str(lists)
    assert "most listeners" in lists[1]["fallback"]
    assert all(1 not in [other for other, _ in pairs] for pairs in similar.values())
    assert 1 not in similar


def test_without_a_model_nothing_is_recommended_and_the_reason_says_what_to_do(
    spark: SparkSession, tmp_path: Path, url: str
) -> None:
    with pytest.raises(InvalidRequestError, match="no model yet: `request_model`"):
        world(spark, tmp_path, url).ask(RECOMMEND)


def test_a_model_of_a_run_that_was_never_stored_is_not_asked_nor_counted(
    spark: SparkSession, tmp_path: Path, url: str
) -> None:
    mine = world(spark, tmp_path, url)
    mine.ask(TRAIN, **QUICK, is_stored=False)
    with pytest.raises(InvalidRequestError, match="no model yet"):
        mine.ask(RECOMMEND)
    served = mine.results(TRAIN, **QUICK)
    mine.ask(TRAIN, **QUICK, is_stored=False)

    lists = documents(mine.results(RECOMMEND, artist_type="raw"), "recommendations_raw")

    assert lists[1]["model_id"] == str(served.manifest.run_id)
    assert len(kept(mine.settings.lake, "models")) == 3
    assert served.keys("recommendation_model") == {str(served.manifest.run_id)}


def test_who_listens_alone_is_told_so_and_gets_recordings_of_her_own(
    spark: SparkSession, tmp_path: Path, url: str
) -> None:
    alone = world(spark, tmp_path, url, [row for row in listens() if row[0] == 1])
    alone.ask(TRAIN, **QUICK)

    doc = documents(alone.results(RECOMMEND), "recommendations_raw")[1]

    assert "nobody else listens here" in doc["fallback"]
    assert {item["id"] for item in doc["items"]} == set(counts(1))
    assert doc["items"][0]["latest_listened_at"] == max(
        at for user, at, track in listens() if user == 1 and uuid_of(track) == doc["items"][0]["id"]
    )
