"""S2 of reliability.md on the listen writer: killed, paused, cut off, overfed, fed poison; the ledger holds."""

import random
import subprocess
import time
from contextlib import closing
from typing import Any

import psutil
import psycopg2
import pytest

from conf import postgres
from conf.broker import INCOMING, Broker, open_broker
from conf.embedded_postgres import EmbeddedPostgres, account
from conf.settings import Settings
from jobs.listens.listen import Submission, new_message_id
from tests.faults.client import Client, listen
from tests.faults.ledger import check_ledger, check_rows, rows_in_postgres
from tests.faults.parts import System, until


@pytest.fixture
def broker(fault_settings: Settings) -> Broker:
    return open_broker(fault_settings)


def _drained(broker: Broker) -> bool:
    return broker.depth(INCOMING) == 0


def _holds(client: Client, connection: postgres.Connection, broker: Broker) -> None:
    """Drain, then check I1 in PostgreSQL and I2."""
    until(lambda: _drained(broker), 60, "the queue is empty")
    check_rows(client.promises(), rows_in_postgres(connection), "PostgreSQL")
    check_ledger(connection)


@pytest.mark.parametrize("point", ["writer.receive", "writer.insert", "writer.commit", "writer.ack"])
def test_a_writer_killed_at_any_step_loses_and_doubles_nothing(
    point: str, system: System, client: Client, connection: postgres.Connection, broker: Broker
) -> None:
    system.start("web")
    doomed = system.start("listen_writer", fault_point=f"{point}:3")
    while doomed.process.poll() is None:
        assert client.submit(20) == 200
        time.sleep(0.2)  # several batches, so that the third hit comes
    assert doomed.died_of_its_fault_point(), doomed.said()
    system.start("listen_writer")
    assert client.submit(20) == 200
    _holds(client, connection, broker)
    assert sum(rows_in_postgres(connection).values()) == 20 * len(client.promises())


def test_poison_is_set_aside_with_its_reason_and_one_bad_listen_of_many_is_rejected_alone(
    system: System, client: Client, connection: postgres.Connection, broker: Broker
) -> None:
    system.start("web")
    good = [listen(10_000 + n) for n in range(50)]
    spoiled: list[object] = [*good[:25], {**listen(1), "listened_at": "never"}, *good[25:]]
    one_bad = Submission(new_message_id(), 1, time.time_ns() // 1000, tuple(spoiled))  # type: ignore[arg-type]
    broker.publish(INCOMING, [b"not json", b"[]", b'{"message_id": 5}', b"\xff\x00\xfe", one_bad.encode()])
    assert client.submit(10) == 200
    system.start("listen_writer")
    until(lambda: _drained(broker), 30, "the queue is empty")
    assert len(broker.dead_letters(INCOMING)) == 4
    assert all(letter.reason for letter in broker.dead_letters(INCOMING))
    assert sum(rows_in_postgres(connection).values()) == 60
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT item, reason FROM rejected_listen")
        [(item, reason)] = cursor.fetchall()
    assert item == 25
    assert "listened_at" in reason
    check_ledger(connection)


def test_duplicates_within_and_across_messages_and_messages_out_of_order_make_one_listen_each(
    system: System, client: Client, connection: postgres.Connection, broker: Broker
) -> None:
    system.start("web")
    numbers = list(range(60)) * 3
    random.Random(7).shuffle(numbers)  # noqa: S311 - reproducible order
    for start in range(0, len(numbers), 20):
        assert client.send([listen(n) for n in numbers[start : start + 20]]) == 200
    system.start("listen_writer")
    _holds(client, connection, broker)
    assert sum(rows_in_postgres(connection).values()) == 60


def test_a_writer_stopped_for_a_while_goes_on_where_it_was(
    system: System, client: Client, connection: postgres.Connection, broker: Broker
) -> None:
    system.start("web")
    writer = system.start("listen_writer")
    assert client.submit(5) == 200
    until(lambda: _drained(broker), 30, "the first listens are written")
    writer.pause()
    for _ in range(5):
        assert client.submit(5) == 200
    time.sleep(2)
    assert sum(rows_in_postgres(connection).values()) == 5
    writer.resume()
    _holds(client, connection, broker)


def test_a_postgres_that_drops_its_connections_is_survived(
    system: System, client: Client, connection: postgres.Connection, database_url: str, broker: Broker
) -> None:
    system.start("web")
    system.start("listen_writer")
    assert client.submit(1) == 200
    until(lambda: _drained(broker), 30, "the writer has started: before that its supervisor would start it again")
    killer = postgres.connect(database_url, autocommit=True)
    for _ in range(8):
        client.submit(10)
        with killer.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        time.sleep(0.3)
    killer.close()
    connection.close()
    with closing(postgres.connect(database_url)) as fresh:
        until(lambda: client.submit(1) == 200, 30, "submissions are taken again")
        until(lambda: _depth_again(broker) == 0, 60, "the queue is empty")
        check_rows(client.promises(), rows_in_postgres(fresh), "PostgreSQL")
        check_ledger(fresh)


def _depth_again(broker: Broker) -> int:
    try:
        return broker.depth(INCOMING)
    except (postgres.StoreUnavailableError, psycopg2.Error, RuntimeError):
        return -1


def test_a_full_disk_loses_nothing_that_was_promised(
    system: System, client: Client, database_url: str, connection: postgres.Connection,
    postgres_server: EmbeddedPostgres, broker: Broker,
) -> None:  # fmt: skip
    """PostgreSQL may write no file beyond 64 KiB for a while, as on a full disk: it fails or stops, and comes back."""
    system.start("web")
    system.start("listen_writer")
    assert client.submit(50) == 200
    until(lambda: _drained(broker), 30, "the writer is at work")
    _limit_files(postgres_server, "65536")
    try:
        assert {client.submit(50) for _ in range(3)} <= {503, None}
    finally:
        _limit_files(postgres_server, "unlimited")
    until(lambda: _up_again(postgres_server), 30, "PostgreSQL is up again")
    until(lambda: client.submit(1) == 200, 60, "submissions are taken again")
    until(lambda: _depth_again(broker) == 0, 60, "the queue is empty")
    connection.close()
    with closing(postgres.connect(database_url)) as fresh:
        check_rows(client.promises(), rows_in_postgres(fresh), "PostgreSQL")
        check_ledger(fresh)


def _up_again(server: EmbeddedPostgres) -> bool:
    """As its supervisor does: start it if it has ended, wait if it recovers. A late child may still be limited."""
    _limit_files(server, "unlimited")
    if server.process is not None and server.process.poll() is None:
        return server.running()
    server.start()
    return True


def _limit_files(server: EmbeddedPostgres, size: str) -> None:
    """How big a file the server's processes may write: their soft limit, set under their own account."""
    assert server.process
    if server.process.poll() is not None:
        return
    parent = psutil.Process(server.process.pid)
    owner = account()
    ours: dict[str, Any] = {} if owner is None else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    for process in [parent, *parent.children(recursive=True)]:
        limit = ["prlimit", "--pid", str(process.pid), f"--fsize={size}:"]
        done = subprocess.run(limit, cwd="/", capture_output=True, text=True, check=False, **ours)
        assert done.returncode == 0 or not psutil.pid_exists(process.pid), done.stderr


def test_a_backlog_does_not_grow_the_writer(
    system: System, client: Client, connection: postgres.Connection, broker: Broker
) -> None:
    system.start("web")
    for _ in range(40):
        assert client.submit(1000) == 200
    writer = system.start("listen_writer")
    process, peak = psutil.Process(writer.process.pid), 0
    while not _drained(broker):
        peak = max(peak, process.memory_info().rss)
        time.sleep(0.02)
    _holds(client, connection, broker)
    assert peak < 250 * 2**20, f"the writer held {peak >> 20} MB"
