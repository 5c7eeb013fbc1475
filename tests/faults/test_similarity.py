"""Similarity indexes whose consumer dies: what was served stays, whole, and the repeat completes."""

from collections.abc import Iterator

import pytest

from conf import postgres
from request_consumer import requests
from tests.databases import Databases
from tests.faults.standing import Standing, at_work

pytestmark = pytest.mark.spark
TRACKS = 5
"""Of different artists, played one after the other: a session, in which every two are a pair."""
Served = dict[str, tuple[object, list[tuple[str, str]]]]
"""By statistic: the run it is served from, and its documents."""


@pytest.fixture(scope="module")
def standing(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with at_work(databases, tmp_path_factory.mktemp("similarity"), SPARK_MASTER="local[2]") as running:
        running.write(*(1000 + 180 * number for number in range(TRACKS)))
        running.landed_all()
        yield running


@pytest.mark.slow
def test_a_consumer_killed_in_the_middle_and_between_the_indexes_leaves_what_was_served(standing: Standing) -> None:
    asked = {"threshold": 0, "is_production_dataset": True}
    first = requests.enqueue(standing.connection, standing.broker, "similarity.recording", asked)
    standing.wait_for(first.id, "done")
    before = served(standing)
    assert len(before["similar_recordings"][1]) == TRACKS

    # With the threshold of production one user's plays make no pair: what replaces the five documents is nothing.
    row = requests.enqueue(standing.connection, standing.broker, "similarity.datasets", {})
    with standing.frozen_while(row.id):
        standing.consumer.kill()
    assert served(standing) == before
    standing.silent_for("31 seconds")
    standing.consumer = standing.system.start("request_consumer", fault_point="engine.similar_artists")
    assert standing.consumer.died_of_its_fault_point(120), standing.consumer.said()
    assert served(standing) == before
    standing.silent_for("31 seconds")
    standing.consumer = standing.system.start("request_consumer")
    done = standing.wait_for(row.id, "done")
    assert done.attempts == 3
    assert served(standing) == {"similar_recordings": (done.run_id, []), "similar_artists": (done.run_id, [])}


def served(standing: Standing) -> Served:
    with postgres.transaction(standing.connection) as cursor:
        cursor.execute("SELECT statistic, run_id FROM run WHERE statistic LIKE 'similar_%'")
        runs = dict(cursor.fetchall())
        cursor.execute("SELECT statistic, entity::text, doc::text FROM result_entity_document ORDER BY entity")
        rows = cursor.fetchall()
    return {name: (run_id, [row[1:] for row in rows if row[0] == name]) for name, run_id in runs.items()}
