"""What is promised of the time between a landing and the run of statistics that counts it, in the running system."""

import time
from collections.abc import Iterator

import pytest

from conf.postgres import Connection, connect, dsn, transaction
from conf.settings import load_settings
from request_consumer.scheduler import REFRESHED
from tests.e2e.people import Person
from tests.faults.parts import until
from tests.whole_system import Up

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(900)]
PROMISED_SECONDS = 10.0
_QUIET = """
SELECT NOT EXISTS (SELECT FROM request WHERE state IN ('queued', 'running'))
   AND coalesce((SELECT min(data_version) FROM run WHERE statistic = 'user_artists'), 0)
    >= coalesce((SELECT max(id) FROM landing WHERE kind IN ('land', 'import')), 0)
"""
_LANDED = "SELECT coalesce(max(id), 0) FROM landing WHERE kind = 'land'"
_STARTED = """
SELECT coalesce(extract(epoch FROM min(started)), 0)::float8 FROM request
 WHERE query = %s AND created > to_timestamp(%s)
"""


@pytest.fixture
def store(whole_system: Up) -> Iterator[Connection]:
    connection = connect(dsn(load_settings(whole_system.environ, env_file=None)))
    yield connection
    connection.close()


def value(store: Connection, query: str, *given: object) -> float:
    with transaction(store) as cursor:
        cursor.execute(query, given)
        [(found,)] = cursor.fetchall()
    return float(found)


def test_a_run_of_statistics_starts_within_ten_seconds_after_a_landing(whole_system: Up, store: Connection) -> None:
    person = Person.register(store, whole_system.url, "prompt")
    until(lambda: value(store, _QUIET) == 1, 300, "what has landed so far is counted")
    before, submitted = value(store, _LANDED), time.time()
    metadata = {"artist_name": "Low", "track_name": "Words"}

    person.submit({"listened_at": int(submitted) - 60, "track_metadata": metadata}, kind="single")
    until(lambda: value(store, _LANDED) > before, 120, "the listen has landed")
    landed = time.time()
    until(lambda: value(store, _STARTED, REFRESHED, submitted) > 0, 60, "a run has started")

    assert value(store, _STARTED, REFRESHED, submitted) - landed < PROMISED_SECONDS
