"""S4 of reliability.md, results into PostgreSQL: the old run or the new one is served whole, whatever happens."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import cast
from uuid import UUID

import psycopg2
import pytest
import requests as http

from conf import postgres
from conf.broker import SPARK_RESULT, Broker, open_broker
from conf.embedded_postgres import EmbeddedPostgres
from conf.settings import Settings
from jobs.listens.users import create_user
from jobs.messages import Manifest
from request_consumer import request_rows, requests
from spark_reader.load import load_page
from spark_reader.reader import save_run
from tests.faults.parts import System, until
from tests.reader.results import Lists, file_parts, inline_parts, manifest

RANGES = ("week", "month")


@pytest.fixture
def users(connection: postgres.Connection) -> list[int]:
    return [create_user(connection, f"user_{number}") for number in range(5)]


@pytest.fixture
def broker(fault_settings: Settings) -> Iterator[Broker]:
    opened = open_broker(fault_settings)
    yield opened
    opened.close()


@pytest.fixture
def runs(users: list[int], tmp_path: Path) -> Callable[..., Manifest]:
    """Makes run number n: data version n, and n is also every count and the beginning of both its ranges."""

    def made(number: int, *, as_files: bool = True, request_id: UUID | None = None) -> Manifest:
        lists: Lists = {user: [(11, number), (-12, number)] for user in users}
        parts = [part for name in RANGES for part in inline_parts(lists, name)]
        if as_files:
            parts = file_parts(tmp_path / f"run-{number}", parts)
        week = manifest(
            lists, data_version=number, now=1_700_000_000 + number, parts=parts, request_id=request_id, from_ts=number
        )
        [switch] = week.switches
        return replace(week, switches=[replace(switch, stats_range=name) for name in RANGES])

    return made


def served(connection: postgres.Connection, users: list[int], stats_range: str) -> int:
    """The number of the run that is served: the same for every user, item and run fact, or this fails."""
    with postgres.transaction(connection) as cursor:
        # One look at all users: between two statements a switch may be committed.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        pages = [load_page(cursor, "user_artists", stats_range, user, 0, 25) for user in users]
    numbers = set()
    for page in pages:
        assert page is not None
        numbers |= {page.run.data_version, page.run.from_ts, *(item.listen_count for item in page.items)}
        assert len(page.items) == page.total == 2
    assert len(numbers) == 1, f"{stats_range}: runs {numbers} are mixed"
    return numbers.pop()


def both(connection: postgres.Connection, users: list[int]) -> tuple[int, int]:
    week, month = (served(connection, users, name) for name in RANGES)
    return week, month


def asked(connection: postgres.Connection, broker: Broker, at: int) -> UUID:
    """A request that a worker holds."""
    row = requests.enqueue(connection, broker, "stats.user.entity", {"entity": "artists", "at": at})
    assert requests.claim(connection, row.id, "worker")
    return row.id


@pytest.mark.parametrize(
    ("point", "at_death"),
    [
        ("reader.receive", (1, 1)),
        ("reader.staged", (1, 1)),
        ("reader.before_commit", (1, 1)),
        ("reader.after_commit", (2, 1)),
        ("reader.before_commit:2", (2, 1)),
        ("reader.after_commit:2", (2, 2)),
    ],
)
def test_a_reader_killed_at_any_step_leaves_each_range_old_or_new_and_the_next_one_finishes(
    point: str,
    at_death: tuple[int, int],
    system: System,
    connection: postgres.Connection,
    broker: Broker,
    users: list[int],
    runs: Callable[..., Manifest],
    database_url: str,
) -> None:
    save_run(postgres.Pool(database_url), runs(1))
    request_id = asked(connection, broker, 1_700_000_000)
    broker.publish(SPARK_RESULT, [runs(2, request_id=request_id).encode()])
    doomed = system.start("spark_reader", fault_point=point)
    assert doomed.died_of_its_fault_point(30), doomed.said()
    assert both(connection, users) == at_death
    assert _state(connection, request_id) == "running"
    system.start("spark_reader")
    until(lambda: _state(connection, request_id) == "done", 30, "the request is done")
    assert both(connection, users) == (2, 2)
    until(lambda: broker.depth(SPARK_RESULT) == 0, 10, "the manifest is acked")


def test_manifests_that_come_twice_late_or_broken_change_nothing_and_the_reader_goes_on(
    system: System,
    connection: postgres.Connection,
    broker: Broker,
    users: list[int],
    runs: Callable[..., Manifest],
) -> None:
    """S4.2 and S4.5."""
    older, newer = runs(1), runs(2, as_files=False)
    broken = []
    for number, harm in enumerate((_remove, _truncate, _change, _forget), 3):
        request_id = asked(connection, broker, 1_700_000_000 + number)
        broken.append(harm(runs(number, request_id=request_id)))
    system.start("spark_reader")
    bodies = [newer.encode(), older.encode(), newer.encode(), *(run.encode() for run in broken), b"[]", b"\xff"]
    broker.publish(SPARK_RESULT, bodies)
    until(lambda: broker.depth(SPARK_RESULT) == 0, 30, "everything is read")
    assert both(connection, users) == (2, 2)
    assert len(broker.dead_letters(SPARK_RESULT)) == 6
    for run in broken:
        row = request_rows.find(connection, run.request_id or UUID(int=0))
        assert row is not None
        assert row.state == "failed"
        assert "were refused" in str(row.error)
    broker.publish(SPARK_RESULT, [runs(9).encode()])
    until(lambda: both(connection, users) == (9, 9), 30, "the next run is served")


def test_two_runs_stored_by_two_readers_at_once_never_mix_in_any_answer(
    system: System,
    connection: postgres.Connection,
    broker: Broker,
    users: list[int],
    runs: Callable[..., Manifest],
) -> None:
    system.start("web")
    for _ in range(2):
        system.start("spark_reader")
    broker.publish(SPARK_RESULT, [runs(1).encode()])
    until(lambda: broker.depth(SPARK_RESULT) == 0, 30, "the first run is read")
    with _watched(system) as mixed:
        for number in range(2, 30, 2):
            broker.publish(SPARK_RESULT, [runs(number + 1).encode(), runs(number).encode()])
        until(lambda: broker.depth(SPARK_RESULT) == 0, 60, "all are read")
    assert mixed == []
    assert both(connection, users) == (29, 29)


def test_a_locked_table_a_lost_connection_and_a_crashed_postgresql_delay_a_run_and_lose_nothing(
    system: System,
    connection: postgres.Connection,
    broker: Broker,
    users: list[int],
    runs: Callable[..., Manifest],
    database_url: str,
    postgres_server: EmbeddedPostgres,
) -> None:
    """S4.4 and S4.6."""
    save_run(postgres.Pool(database_url), runs(1))
    locker = postgres.connect(database_url)
    with locker.cursor() as cursor:
        cursor.execute("SELECT FROM run FOR UPDATE")
    system.start("spark_reader")
    request_id = asked(connection, broker, 1_700_000_000)
    run = runs(2, request_id=request_id)
    requests.published(connection, request_id, "worker", run.run_id, run.data_version)
    broker.publish(SPARK_RESULT, [run.encode()])
    until(lambda: _waits_for_a_lock(connection), 20, "the reader waits for the lock")
    with postgres.transaction(connection) as cursor:
        cursor.execute("UPDATE request SET heartbeat = heartbeat - interval '11 minutes'")
    until(lambda: _silence(connection) < 60, 20, "who asked hears that somebody is at it")
    requests.sweep(connection, broker, 3)
    assert _state(connection, request_id) == "running", "it is not given back, however long the lock is held"
    for _ in range(2):
        last = _reported(connection)
        until(lambda: _reported(connection) > last, 20, "a reader that waits says that it lives")  # noqa: B023
    assert both(connection, users) == (1, 1)

    with postgres.transaction(connection) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'spark_reader' AND datname = current_database()"
        )
        assert cursor.rowcount >= 1
    until(lambda: _waits_for_a_lock(connection), 20, "the reader is back")
    assert both(connection, users) == (1, 1)

    assert postgres_server.process is not None
    postgres_server.process.send_signal(signal.SIGQUIT)
    postgres_server.process.wait(20)
    postgres_server.start()
    locker.close()
    with closing(postgres.connect(database_url)) as fresh:
        until(lambda: both(fresh, users) == (2, 2), 30, "the new run is served")
        until(lambda: _state(fresh, request_id) == "done", 20, "the request is done")
    with closing(postgres.connect(database_url)) as fresh:
        until(lambda: _depth(broker) == 0, 20, "the manifest is acked")


@contextmanager
def _watched(system: System) -> Iterator[list[str]]:
    """Reads the API all the while; what it saw that no single run is."""
    mixed: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            for name in RANGES:
                answer = http.get(f"{system.url}/1/stats/user/user_3/artists?range={name}", timeout=10)
                payload = answer.json()["payload"]
                numbers = {payload["from_ts"], *(artist["listen_count"] for artist in payload["artists"])}
                if len(numbers) != 1 or payload["count"] != 2:
                    mixed.append(f"{name}: {payload}")

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield mixed
    finally:
        done.set()
        thread.join()


def _state(connection: postgres.Connection, request_id: UUID) -> str:
    row = request_rows.find(connection, request_id)
    assert row is not None
    return row.state


def _waits_for_a_lock(connection: postgres.Connection) -> bool:
    with postgres.transaction(connection) as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'spark_reader'"
            " AND datname = current_database() AND wait_event_type = 'Lock')"
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def _reported(connection: postgres.Connection) -> datetime:
    """When a reader last said that it lives."""
    with postgres.transaction(connection) as cursor:
        cursor.execute("SELECT max(updated) FROM part_status WHERE part = 'spark_reader'")
        row = cursor.fetchone()
    assert row is not None
    return cast(datetime, row[0])


def _silence(connection: postgres.Connection) -> float:
    """Seconds since the one request was heard of."""
    with postgres.transaction(connection) as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp() - heartbeat)::float8 FROM request")
        [(seconds,)] = cursor.fetchall()
    return float(seconds)


def _depth(broker: Broker) -> int:
    try:
        return broker.depth(SPARK_RESULT)
    except (RuntimeError, psycopg2.Error):
        return -1


def _path(run: Manifest) -> Path:
    return Path(str(run.parts[-1].path))


def _remove(run: Manifest) -> Manifest:
    """One file of four never arrived."""
    _path(run).unlink()
    return run


def _truncate(run: Manifest) -> Manifest:
    _path(run).write_bytes(_path(run).read_bytes()[:-7])
    return run


def _change(run: Manifest) -> Manifest:
    body = bytearray(_path(run).read_bytes())
    body[len(body) // 2] ^= 1
    _path(run).write_bytes(body)
    return run


def _forget(run: Manifest) -> Manifest:
    """The manifest lacks one of its parts."""
    return replace(run, parts=run.parts[:-1])
