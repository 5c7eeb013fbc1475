"""S2 of reliability.md on landing: the request consumer killed, cut off, out of disk, overfed; the ledger holds.

2.1 to 2.5 read as: killed before tracks, after tracks, after deletes, after the append, after the landing row.
"""

import os
import random
import signal
import time
from collections import Counter

import psutil
import pytest

from conf import postgres
from conf.broker import INCOMING, Broker, open_broker
from conf.postgres import Connection
from conf.settings import Settings
from jobs.listens.changes import waiting
from jobs.listens.msid import msid_of
from jobs.lock import LAKE_LOCK
from tests.faults.client import Client, listen
from tests.faults.ledger import check_ledger, check_rows, rows_in_lake, rows_in_postgres, user_names
from tests.faults.parts import Part, System, until

pytestmark = pytest.mark.spark
POINTS = ["land.before_tracks", "land.after_tracks", "land.after_deletes", "land.after_append", "land.after_landing"]
MIB = 2**20


@pytest.fixture
def broker(fault_settings: Settings) -> Broker:
    return open_broker(fault_settings)


def _consumer(system: System, **more: str) -> Part:
    """Start a consumer. Its JVM lives for seconds only: compiling in one stage gets it there sooner."""
    return system.start("request_consumer", **{"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1", **more})


@pytest.fixture
def written(system: System) -> None:
    """Web server and listen writer run."""
    system.start("web")
    system.start("listen_writer")


def _drained(connection: Connection, broker: Broker) -> None:
    until(lambda: broker.depth(INCOMING) == 0, 60, "the queue is empty")
    until(lambda: not _waits(connection), 120, "everything has landed")


def _waits(connection: Connection) -> bool:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(position), 0) FROM landing")
        [(position,)] = cursor.fetchall()
        return waiting(cursor, position)


def _landings(connection: Connection) -> int:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM landing")
        [(newest,)] = cursor.fetchall()
        return int(newest)


def _detail(connection: Connection, part: Part) -> dict[str, object]:
    """What a part last said of itself."""
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT detail FROM part_status WHERE pid = %s", (part.process.pid,))
        rows = cursor.fetchall()
        return dict(rows[0][0]) if rows else {}


def _holds(client: Client, connection: Connection, broker: Broker, settings: Settings) -> Counter[tuple[str, int, str]]:
    """Drain, then check I1 in PostgreSQL and in the lake, and I2."""
    _drained(connection, broker)
    in_postgres = rows_in_postgres(connection)
    in_lake = rows_in_lake(settings.lake, user_names(connection))
    check_rows(client.promises(), in_postgres, "PostgreSQL")
    check_rows(client.promises(), in_lake, "the lake")
    check_ledger(connection)
    assert in_lake == in_postgres
    return in_lake


def _replace(client: Client, numbers: list[int]) -> None:
    """Delete listens and submit the same again: insert, delete, insert."""
    for number in numbers:
        item = listen(number)
        assert client.delete(item["listened_at"], str(msid_of(item["track_metadata"]))) == 200
    assert client.send([listen(number) for number in numbers]) == 200


def _java(part: Part) -> psutil.Process:
    [process] = [p for p in psutil.Process(part.process.pid).children(recursive=True) if p.name() == "java"]
    return process


@pytest.mark.timeout(1200)
def test_a_consumer_killed_at_every_step_of_a_landing_loses_and_doubles_nothing(
    written: None, system: System, client: Client, connection: Connection, broker: Broker, fault_settings: Settings
) -> None:
    chance = random.Random(29)  # noqa: S311 - reproducible order
    numbers = list(range(100)) * 2
    chance.shuffle(numbers)  # duplicates, out of order
    assert client.send([listen(n) for n in numbers[:50]]) == 200
    for step, point in enumerate(POINTS):
        assert client.send([listen(n) for n in numbers[50 + 30 * step : 80 + 30 * step]]) == 200
        until(lambda: broker.depth(INCOMING) == 0, 60, "the queue is empty")
        if point in ("land.after_deletes", "land.after_append"):
            _replace(client, numbers[5 * step : 5 * step + 5])
        until(lambda: broker.depth(INCOMING) == 0, 60, "the queue is empty")
        doomed = _consumer(system, fault_point=point)
        assert doomed.died_of_its_fault_point(120), doomed.said()
        if point == "land.after_append":  # what was appended but not made a data version
            _replace(client, numbers[50 + 30 * step : 60 + 30 * step])
    _consumer(system)
    landed = _holds(client, connection, broker, fault_settings)
    assert sum(landed.values()) == 100


def test_a_second_consumer_waits_takes_over_and_a_dead_jvm_or_a_lost_lock_hurts_nothing(
    written: None, system: System, client: Client, connection: Connection, broker: Broker, fault_settings: Settings
) -> None:
    first = _consumer(system)
    assert client.submit(20) == 200
    _drained(connection, broker)
    second = _consumer(system)
    until(lambda: _detail(connection, second).get("state") == "standby", 30, "the second consumer waits")
    assert psutil.Process(second.process.pid).children(recursive=True) == [], "without a JVM"

    for _ in range(6):  # 2.11: the session of the lock is ended while listens land
        assert client.submit(5) == 200
        _end_lock_session(connection)
        time.sleep(0.7)
    _holds(client, connection, broker, fault_settings)
    living = first if _detail(connection, first).get("writer") else second
    other = second if living is first else first

    held = _lock_sessions(connection)
    os.kill(living.process.pid, signal.SIGKILL)  # 2.10: Python alone; its JVM ends by itself
    until(lambda: bool(_lock_sessions(connection) - held), 30, "the other consumer has taken over")
    assert client.submit(20) == 200
    _holds(client, connection, broker, fault_settings)

    _java(other).kill()  # 2.6: the JVM alone
    assert client.submit(20) == 200
    assert other.process.wait(60) not in (0, None), other.said()
    assert "JvmDiedError" in other.said()
    _consumer(system)
    _holds(client, connection, broker, fault_settings)


def _lock_sessions(connection: Connection) -> set[int]:
    """The PostgreSQL session that holds the lock of the lake."""
    with postgres.transaction(connection) as cursor:
        cursor.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND (classid::bigint << 32) + objid::bigint = %s",
            (LAKE_LOCK,),
        )
        return {pid for (pid,) in cursor.fetchall()}


def _end_lock_session(connection: Connection) -> None:
    with postgres.transaction(connection) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'listenlake lake lock' AND datname = current_database()"
        )


def test_a_full_disk_stops_landing_with_an_alarm_and_it_goes_on_when_there_is_room(
    written: None, system: System, client: Client, connection: Connection, broker: Broker, fault_settings: Settings
) -> None:
    """The JVM may write no file beyond 20 KiB for a while, as on a full disk."""
    consumer = _consumer(system)
    assert client.submit(10) == 200
    _drained(connection, broker)
    before = _landings(connection)
    java = _java(consumer)
    java.rlimit(psutil.RLIMIT_FSIZE, (20 * 1024, psutil.RLIM_INFINITY))
    assert client.submit(1000) == 200
    assert client.submit(1000) == 200
    until(lambda: _detail(connection, consumer).get("alarm") is not None, 90, "the alarm")
    assert _landings(connection) == before
    java.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    landed = _holds(client, connection, broker, fault_settings)
    assert sum(landed.values()) == 2010
    until(lambda: _detail(connection, consumer).get("alarm") is None, 30, "the alarm is over")
    assert consumer.process.poll() is None


def _backlog(connection: Connection, user_id: int, listens: int) -> None:
    """Listens that the writer would have written while no consumer ran: rows of `listen` with their positions."""
    with postgres.transaction(connection) as cursor:
        cursor.execute(
            "WITH first AS (SELECT setval('change_position', nextval('change_position') + %(n)s) - %(n)s AS position)"
            " INSERT INTO listen (user_id, listened_at, recording_msid, position, inserted_at, artist_name, track_name,"
            " additional_info) SELECT %(user)s, 1600000000 + 60 * n, md5((n %% 30000)::text)::uuid,"
            " first.position + n, now(), 'Artist ' || n %% 500, 'Track ' || n %% 30000,"
            ' \'{"submission_client":"backlog","duration_ms":\' || n %% 30000 || \',"note":"\' || repeat(\'x\', 200)'
            " || '\"}' FROM first, generate_series(1, %(n)s) AS n",
            {"n": listens, "user": user_id},
        )


def _land_backlog(system: System, connection: Connection, listens: int, limit: float) -> tuple[list[int], list[int]]:
    """Start a consumer, wait until all has landed; memory of Python and of Java while it landed, bytes."""
    consumer = _consumer(system, LANDING_BATCH="10000", SPARK_DRIVER_MEMORY="1g")
    python = psutil.Process(consumer.process.pid)
    held: tuple[list[int], list[int]] = ([], [])
    deadline = time.monotonic() + limit
    while _waits(connection):
        assert time.monotonic() < deadline, f"after {limit} s {_landings(connection)} landings; {consumer.said()}"
        assert consumer.process.poll() is None, consumer.said()
        if _landings(connection) > 0:
            held[0].append(python.memory_info().rss)
            held[1].append(_java_memory(python))
        time.sleep(0.2)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT sum(rows), max(rows) FROM landing")
        assert cursor.fetchall() == [(listens, 10_000)]
    return held


def _java_memory(python: psutil.Process) -> int:
    """Resident bytes of every Java process below; Spark's launcher is one that soon ends."""
    held = 0
    for process in python.children(recursive=True):
        try:
            held += process.memory_info().rss if process.name() == "java" else 0
        except psutil.NoSuchProcess:
            continue
    return held


@pytest.mark.slow
def test_a_backlog_does_not_grow_the_consumer(
    system: System, token: str, connection: Connection, fault_settings: Settings
) -> None:
    _check_memory(_land_whole(system, connection, fault_settings, 150_000, 180))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_backlog_of_a_million_does_not_grow_the_consumer(
    system: System, token: str, connection: Connection, fault_settings: Settings
) -> None:
    _check_memory(_land_whole(system, connection, fault_settings, 1_000_000, 1500))


def _land_whole(
    system: System, connection: Connection, settings: Settings, listens: int, limit: float
) -> tuple[list[int], list[int]]:
    [user_id] = user_names(connection)
    _backlog(connection, user_id, listens)
    held = _land_backlog(system, connection, listens, limit)
    assert rows_in_lake(settings.lake, {user_id: "ledger"}) == rows_in_postgres(connection)
    return held


def _check_memory(held: tuple[list[int], list[int]]) -> None:
    python, java = held
    half = len(python) // 2
    grown = max(python[half:]) / max(python[:half])
    assert max(python) < 500 * MIB, f"Python held {max(python) // MIB} MiB"
    assert grown < 1.1, f"Python grew by {grown:.2f} in the second half"
    assert max(java) < 1700 * MIB, f"Java held {max(java) // MIB} MiB"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_kills_at_random_points_of_random_landings_lose_and_double_nothing(
    seed: int, written: None, system: System, client: Client, connection: Connection, broker: Broker,
    fault_settings: Settings,
) -> None:  # fmt: skip
    chance = random.Random(seed)  # noqa: S311 - reproducible
    for _ in range(8):
        doomed = _consumer(system, fault_point=f"{chance.choice(POINTS)}:{chance.randint(1, 4)}")
        for _ in range(60):
            assert client.submit(chance.choice((1, 30))) == 200
            _replace(client, [chance.randrange(5)])
            if doomed.process.poll() is not None:
                break
            time.sleep(0.5)
        doomed.kill()
    _consumer(system)
    _holds(client, connection, broker, fault_settings)
