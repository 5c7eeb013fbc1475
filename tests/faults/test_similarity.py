"""Similarity indexes whose consumer dies: what was served stays, whole, and the repeat completes."""

import json
import time
from collections.abc import Iterator

import pytest

from conf import postgres
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.write import write_submissions
from request_consumer import requests
from tests.databases import Databases
from tests.faults.client import listen
from tests.faults.standing import Standing, at_work

pytestmark = pytest.mark.spark
TRACKS = 5
"""Of different artists, played one after the other: a session, in which every two are a pair."""
ARTISTS = [f"a0000000-0000-4000-8000-{number:012d}" for number in range(TRACKS)]
"""One of each track of a session in which artists have MBIDs."""
MIDDLES = (2, 4)
"""Of the four things that `similarity.artist` tells: it begins to pair, it begins to write."""
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


@pytest.mark.slow
def test_a_consumer_killed_in_the_middle_of_similar_artists_leaves_the_lists_that_were_there(
    standing: Standing,
) -> None:
    _hear_artists(standing)
    asked = {"threshold": 0, "is_production_dataset": True}
    first = requests.enqueue(standing.connection, standing.broker, "similarity.artist", asked)
    standing.wait_for(first.id, "done")
    before = served(standing)
    # All in one session once: each of the others scores 1; of equals the greater MBID is first.
    nearest = {one: [other for other in reversed(ARTISTS) if other != one] for one in ARTISTS}
    assert before["similar_artists"][0] == first.run_id
    assert lists(before) == {one: [(other, 1) for other in others] for one, others in nearest.items()}

    standing.consumer.stop()
    row = requests.enqueue(standing.connection, standing.broker, "similarity.artist", asked | {"limit": 2})
    for middle in MIDDLES:
        standing.silent_for("31 seconds")
        doomed = standing.system.start("request_consumer", fault_point=f"engine.similar_artists:{middle}")
        assert doomed.died_of_its_fault_point(120), doomed.said()
        assert served(standing) == before
    standing.silent_for("31 seconds")
    standing.consumer = standing.system.start("request_consumer")
    done = standing.wait_for(row.id, "done")

    after = served(standing)
    assert done.attempts == len(MIDDLES) + 1
    assert after["similar_artists"][0] == done.run_id
    assert lists(after) == {one: [(other, 1) for other in others[:2]] for one, others in nearest.items()}
    assert after["similar_recordings"] == before["similar_recordings"]


def _hear_artists(standing: Standing) -> None:
    """A session apart from all others: a track of each of ARTISTS, one after the other."""
    listens = [listen(5000 + 180 * number) for number in range(TRACKS)]
    for one, artist in zip(listens, ARTISTS, strict=True):
        one["track_metadata"]["additional_info"]["artist_mbids"] = [artist]
    message = Submission(new_message_id(), standing.user_id, time.time_ns() // 1000, tuple(listens))
    write_submissions(standing.connection, [message])
    standing.landed_all()


def lists(found: Served) -> dict[str, list[tuple[str, int]]]:
    """By artist, those it is served with and their scores."""
    _, documents = found["similar_artists"]
    return {
        entity: [(item["artist_mbid"], item["score"]) for item in json.loads(doc)["items"]] for entity, doc in documents
    }


def served(standing: Standing) -> Served:
    with postgres.transaction(standing.connection) as cursor:
        cursor.execute("SELECT statistic, run_id FROM run WHERE statistic LIKE 'similar_%'")
        runs = dict(cursor.fetchall())
        cursor.execute("SELECT statistic, entity::text, doc::text FROM result_entity_document ORDER BY entity")
        rows = cursor.fetchall()
    return {name: (run_id, [row[1:] for row in rows if row[0] == name]) for name, run_id in runs.items()}
