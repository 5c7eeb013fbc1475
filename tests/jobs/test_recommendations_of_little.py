"""What is recommended where there is little to go by: after deletes, without a model, to who listens alone."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pyarrow.parquet
import pytest
from pyspark.sql import SparkSession

from jobs.chain.kept import kept
from jobs.chain.recommending import EMPTY_SAID
from jobs.job import InvalidRequestError
from jobs.recommend.recommendations import ARTIST_TYPES
from jobs.served_run import ServedRun
from tests.databases import Databases
from tests.jobs.small_world import (
    CRON,
    JAZZ,
    JAZZERS,
    NEWCOMER,
    NOON,
    QUICK,
    RECOMMEND,
    ROCK,
    ROCKERS,
    STRANGER,
    TRAIN,
    counts,
    documents,
    listens,
    uuid_of,
    world,
)

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]
HERS = set(counts(NEWCOMER))
SERVED = ServedRun(UUID("01901234-0000-7000-8000-000000000000"), 1, NOON)


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


def test_what_a_user_with_too_few_listens_for_the_dataframes_heard_is_not_new_to_her(
    spark: SparkSession, tmp_path: Path, url: str
) -> None:
    mine = world(spark, tmp_path, url)
    mine.ask("cf.recommendations.recording.create_dataframes", minimum_listens_threshold=len(HERS))
    mine.ask(TRAIN, **QUICK)

    for share in (0.0, 1.0):
        asked = {"artist_type": "raw", "max_heard_share": share, "users": [f"user {NEWCOMER}"]}
        doc = documents(mine.results(RECOMMEND, SERVED, **asked), "recommendations_raw")[NEWCOMER]
        assert {item["id"] for item in doc["items"]} == {uuid_of(track) for track in (*ROCK, *JAZZ)} - HERS, share

    [made] = kept(mine.settings.lake, "dataframes")
    recordings = pyarrow.parquet.read_table(f"{made.url}/recordings")["recording"].to_pylist()
    below = pyarrow.parquet.read_table(f"{made.url}/heard_below").to_pylist()
    assert {(row["user_id"], recordings[row["recording_id"] - 1], row["playcount"]) for row in below} == {
        (NEWCOMER, one, 1) for one in HERS
    }
    assert made.metadata["users_count"] == len((*ROCKERS, *JAZZERS)), "and no model is made of it"


def test_where_everything_was_deleted_lists_and_neighbours_become_empty(
    spark: SparkSession, tmp_path: Path, url: str
) -> None:
    mine = world(spark, tmp_path, url)
    mine.ask(TRAIN, **QUICK)
    mine.forget({(user, track) for user, _, track in listens()})

    made = mine.results(CRON)
    mine.ask("cf.recommendations.recording.create_dataframes", job_type="similar_users")

    for artist_type in ARTIST_TYPES:
        lists = documents(made, f"recommendations_{artist_type}")
        assert set(lists) == {*ROCKERS, *JAZZERS, NEWCOMER, STRANGER}
        assert {(len(doc["items"]), doc["fallback"]) for doc in lists.values()} == {(0, EMPTY_SAID[artist_type])}
    assert [switch.rows for switch in mine.results("similarity.similar_users").manifest.switches] == [0]
    [latest] = kept(mine.settings.lake, "discovery")
    assert latest.metadata["pairs"] == 0
    with pytest.raises(InvalidRequestError, match="empty window"):
        mine.ask(CRON, at="2005-01-01")


def test_a_moment_before_all_listens_leaves_what_was_discovered(spark: SparkSession, tmp_path: Path, url: str) -> None:
    mine = world(spark, tmp_path, url)
    mine.ask("cf.recommendations.recording.discovery")
    before = kept(mine.settings.lake, "discovery")

    with pytest.raises(InvalidRequestError, match="empty window: nobody heard anything up to 1041"):
        mine.ask("cf.recommendations.recording.discovery", at="2003-01-01")

    assert kept(mine.settings.lake, "discovery") == before
    assert len(list(Path(before[0].url).parent.iterdir())) == 1


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
