"""What a request continues: what is served once everything published before it is stored. Without Spark."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from conf.broker import open_broker
from conf.postgres import Connection, Pool, dsn, transaction
from conf.settings import Settings
from jobs.lock import LakeLock
from jobs.messages import Manifest, Switch, inline_part, new_run_id
from request_consumer import compute, requests
from request_consumer.compute import Attempt, base_of
from request_consumer.part import Part
from spark_reader.reader import save_run
from tests.faults.parts import until

RECOMMEND, RAW = "cf.recommendations.recording.recommendations", "recommendations_raw"
RANGES = ["all_time"]


def manifest(number: int, request_id: UUID | None = None) -> Manifest:
    """A run of nobody's recommendations."""
    return Manifest(
        run_id=new_run_id(1_700_000_000 + number),
        request_id=request_id,
        query=RECOMMEND,
        data_version=1,
        newest_listen_ts=1,
        switches=[Switch(RAW, "all_time", 0, 1, 0, "all")],
        parts=[inline_part("document", RAW, "all_time", [])],
    )


@pytest.fixture
def part(settings: Settings) -> Part:
    pool = Pool(dsn(settings), "test")
    return Part(settings, pool, LakeLock(dsn(settings), settings.lake), threading.Event())


def published(connection: Connection, settings: Settings, number: int) -> Manifest:
    """A request whose results are on their way to the reader."""
    broker = open_broker(settings)
    row = requests.enqueue(connection, broker, RECOMMEND, {})
    broker.close()
    assert requests.claim(connection, row.id, "worker") is not None
    made = manifest(number, row.id)
    requests.published(connection, row.id, "worker", made.run_id, 1)
    return made


def attempt_of_one_user(connection: Connection, settings: Settings) -> Attempt:
    broker = open_broker(settings)
    row = requests.enqueue(connection, broker, RECOMMEND, {"users": ["rob"]})
    broker.close()
    return Attempt(row)


def test_a_request_of_one_user_continues_the_run_that_was_published_before_it_not_the_one_still_served(
    connection: Connection, settings: Settings, part: Part
) -> None:
    save_run(part.pool, manifest(1))
    newer = published(connection, settings, 2)
    attempt = attempt_of_one_user(connection, settings)
    with ThreadPoolExecutor() as threads:
        found = threads.submit(base_of, part, attempt, [RAW], RANGES, of_any_code=True)
        until(lambda: attempt.progress == "waiting for earlier results to be stored", 10, "it waits")
        assert not found.done()

        save_run(part.pool, newer)

        base = found.result(10)
    assert base is not None
    assert base.run_id == newer.run_id


def test_results_that_nobody_stores_are_waited_for_no_longer_than_the_readers_patience(
    connection: Connection, settings: Settings, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "READER_PATIENCE", 0.5)
    save_run(part.pool, manifest(1))
    published(connection, settings, 2)

    assert base_of(part, attempt_of_one_user(connection, settings), [RAW], RANGES, of_any_code=True) is None


def test_results_of_statistics_are_not_waited_for(connection: Connection, settings: Settings, part: Part) -> None:
    stored = manifest(1)
    save_run(part.pool, stored)
    published(connection, settings, 2)
    with transaction(connection) as cursor:
        cursor.execute("UPDATE request SET query = 'stats.user.entity'")

    base = base_of(part, attempt_of_one_user(connection, settings), [RAW], RANGES, of_any_code=True)

    assert base is not None
    assert base.run_id == stored.run_id


def test_what_makes_files_alone_continues_nothing(connection: Connection, settings: Settings, part: Part) -> None:
    save_run(part.pool, manifest(1))

    assert base_of(part, attempt_of_one_user(connection, settings), [], [], of_any_code=True) is None
