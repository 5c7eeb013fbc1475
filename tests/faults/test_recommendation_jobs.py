"""Kills in the middle of the jobs of recommendations, and requests that cannot be done: what is served stays."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psutil
import pytest

from conf import postgres
from jobs.chain.kept import kept
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.users import create_user
from jobs.listens.write import write_submissions
from jobs.ranges import ALL_TIME
from request_consumer import requests
from spark_reader.load import load_document
from tests.databases import Databases
from tests.faults.client import FIRST, listen
from tests.faults.parts import until
from tests.faults.standing import Standing, at_work

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(900)]
CHAIN = "cf.recommendations.recording.all"
RAW = "recommendations_raw"
KILLED = (
    "recommendation_dataframes:2",
    "recommendation_model:4",
    "recommendation_discovery",
    "recommendation_candidate_sets",
    "recommendations_raw:2",
)
"""Where each attempt dies: the job, and how many things it has told by then."""


@pytest.fixture(scope="module")
def standing(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """Shared by the tests below, in their order: the second trains what the later ones need. Any number of attempts."""
    with at_work(databases, tmp_path_factory.mktemp("chain"), REQUEST_ATTEMPTS="9") as running:
        yield running


def ask(standing: Standing, query: str, **params: Any) -> UUID:
    return requests.enqueue(standing.connection, standing.broker, query, params).id


def lake_of(standing: Standing) -> str:
    return f"{standing.system.environment['DATA_DIR']}/lake"


def models(standing: Standing) -> list[UUID]:
    return [one.id for one in kept(lake_of(standing), "models")]


def served(standing: Standing, statistic: str = RAW) -> tuple[UUID, Any] | None:
    """(run, document) of the user."""
    with postgres.transaction(standing.connection) as cursor:
        found = load_document(cursor, statistic, ALL_TIME, standing.user_id)
    return None if found is None else (UUID(str(found.run.run_id)), found.doc)


def test_before_there_is_a_model_recommendations_fail_at_once_with_the_reason(standing: Standing) -> None:
    row = standing.wait_for(ask(standing, "cf.recommendations.recording.recommendations"), "failed")

    assert row.attempts == 1
    assert "no model yet" in str(row.error)
    assert served(standing) is None


def test_a_consumer_killed_in_the_middle_of_every_job_leaves_what_is_served_and_the_retry_completes(
    standing: Standing,
) -> None:
    first = standing.wait_for(ask(standing, CHAIN), "done", 240)
    before = served(standing)
    assert before is not None
    assert before[0] == first.run_id
    assert before[1]["items"]

    standing.consumer.stop()
    request_id = ask(standing, CHAIN, at=FIRST + 100)
    for point in KILLED:
        doomed = standing.system.start("request_consumer", fault_point=f"engine.{point}")
        standing.silent_for("31 seconds")
        assert doomed.died_of_its_fault_point(240), (point, doomed.said())
        assert served(standing) == before, point
        assert UUID(before[1]["model_id"]) in models(standing), point
    standing.consumer = standing.system.start("request_consumer")
    standing.silent_for("31 seconds")
    row = standing.wait_for(request_id, "done", 240)

    assert row.attempts == len(KILLED) + 1
    after = served(standing)
    assert after is not None
    assert after[0] == row.run_id
    assert [one.id for one in kept(lake_of(standing), "dataframes")] == [row.run_id]
    assert after[1]["model_id"] == str(row.run_id)
    until(lambda: models(standing) == [row.run_id, first.run_id], 20, "what the killed tries have left is gone")


def test_a_request_of_one_user_right_behind_another_waits_until_that_one_is_stored(standing: Standing) -> None:
    params = {"users": ["ledger"], "at": FIRST + 100}
    reader = psutil.Process(standing.reader().process.pid)
    reader.suspend()
    try:
        asked = [
            ask(standing, "cf.recommendations.recording.recommendations", **params, recommendation_raw_limit=limit)
            for limit in (1, 2)
        ]
        until(
            lambda: standing.row(asked[1]).progress == "waiting for earlier results to be stored",
            240,
            "the second one waits",
        )
    finally:
        reader.resume()
    rows = [standing.wait_for(one, "done", 120) for one in asked]
    assert [row.attempts for row in rows] == [1, 1]
    found = served(standing)
    assert found is not None
    assert found[0] == rows[1].run_id


def test_similar_users_survive_a_kill_as_well(standing: Standing) -> None:
    _second_listener(standing)
    standing.wait_for(ask(standing, "cf.recommendations.recording.create_dataframes", job_type="similar_users"), "done")
    first = standing.wait_for(ask(standing, "similarity.similar_users"), "done")
    before = served(standing, "similar_users")
    assert before is not None
    assert before[0] == first.run_id

    standing.consumer.stop()
    request_id = ask(standing, "similarity.similar_users", max_num_users=3)
    doomed = standing.system.start("request_consumer", fault_point="engine.similar_users")
    assert doomed.died_of_its_fault_point(120), doomed.said()
    assert served(standing, "similar_users") == before
    standing.consumer = standing.system.start("request_consumer")
    standing.silent_for("31 seconds")
    row = standing.wait_for(request_id, "done", 120)

    assert served(standing, "similar_users") == (row.run_id, before[1])


def _second_listener(standing: Standing) -> None:
    """Somebody who hears the first five of the user's listens."""
    user_id = create_user(standing.connection, "second")
    message = Submission(new_message_id(), user_id, time.time_ns() // 1000, tuple(map(listen, range(5))))
    write_submissions(standing.connection, [message])
    standing.landed_all()


@pytest.mark.parametrize(
    ("params", "reason"),
    [({"users": ["nobody"]}, "unknown user 'nobody'"), ({"at": "2003-01-01"}, "empty window")],
)
def test_what_cannot_be_done_fails_at_once_and_leaves_what_is_served(
    standing: Standing, params: dict[str, Any], reason: str
) -> None:
    before = served(standing)

    row = standing.wait_for(ask(standing, "cf.recommendations.recording.recommendations", **params), "failed", 120)

    assert row.attempts == 1
    assert reason in str(row.error)
    assert served(standing) == before
