"""S2.5 and S2.13 of reliability.md on RabbitMQ: the listen writer while broker and PostgreSQL die and come back."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from conf import postgres
from conf.broker import INCOMING, open_broker
from conf.settings import load_settings
from tests.faults.brokers import BreakableRabbitMQ
from tests.faults.client import Client
from tests.faults.ledger import check_ledger, check_rows, rows_in_postgres
from tests.faults.parts import System, until
from tests.rabbitmq import RabbitMQNode


@pytest.fixture
def rabbitmq(rabbitmq_node: RabbitMQNode, system: System) -> Iterator[BreakableRabbitMQ]:
    breakable = BreakableRabbitMQ(rabbitmq_node)
    breakable.delete_queues()
    system.environment["BROKER_URL"] = breakable.url
    yield breakable
    for part in system.parts:
        part.kill()
    breakable.delete_queues()


def holds(system: System, client: Client, database_url: str) -> None:
    """Every promise is in PostgreSQL exactly once, and nothing was given up on."""
    promised = sum(len(promise.listens) for promise in client.promises() if promise.status == 200)
    with closing(postgres.connect(database_url)) as connection:
        until(lambda: rows_in_postgres(connection).total() >= promised, 30, f"{promised} listens are written")
        check_rows(client.promises(), rows_in_postgres(connection), "PostgreSQL")
        check_ledger(connection)
    with closing(open_broker(load_settings(system.environment, env_file=None))) as broker:
        assert broker.dead_letters(INCOMING) == []


@pytest.mark.parametrize("point", ["writer.commit", "writer.ack"])
def test_a_writer_killed_after_commit_or_after_ack_writes_nothing_twice(
    point: str, rabbitmq: BreakableRabbitMQ, system: System, client: Client, database_url: str
) -> None:
    system.start("web")
    doomed = system.start("listen_writer", fault_point=f"{point}:2")
    while doomed.process.poll() is None:
        assert client.submit(20) == 200
        time.sleep(0.2)
    assert doomed.died_of_its_fault_point(), doomed.said()
    system.start("listen_writer")
    assert client.submit(20) == 200
    holds(system, client, database_url)


def test_a_broker_restarted_and_killed_with_batches_in_hand_makes_stale_tags_and_no_second_listen(
    rabbitmq: BreakableRabbitMQ, system: System, client: Client, database_url: str
) -> None:
    system.start("web")
    writer = system.start("listen_writer")
    with closing(postgres.connect(database_url)) as locker:
        for end in (rabbitmq.stop, rabbitmq.kill):
            _hold_writes(locker)
            assert client.submit(30) == 200
            until(lambda: bool(_waiting(locker)), 30, "it is in the writer's hand, which waits for the lock")
            end()
            rabbitmq.start()
            locker.rollback()
            until(lambda: client.submit(5) == 200, 20, "submissions are taken again")
    holds(system, client, database_url)
    assert writer.process.poll() is None, writer.said()


def test_a_store_that_is_away_longer_than_any_message_may_be_redelivered_makes_no_dead_letter(
    rabbitmq: BreakableRabbitMQ, system: System, client: Client, database_url: str
) -> None:
    system.environment["MAX_DELIVERIES"] = "2"
    system.start("web")
    system.start("listen_writer")
    assert client.submit(5) == 200
    with closing(postgres.connect(database_url)) as killer:
        until(lambda: _writer_sessions(killer) > 0, 30, "the writer has connected")
        for _ in range(4):
            _hold_writes(killer)
            assert client.submit(5) == 200
            until(lambda: bool(_waiting(killer)), 30, "it is in the writer's hand, which waits for the lock")
            before = _waiting(killer)
            with killer.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND application_name = 'listen_writer'"
                )
                assert cursor.rowcount
            until(lambda: bool(_waiting(killer) - before), 30, "it was delivered again")  # noqa: B023
            killer.rollback()
    holds(system, client, database_url)


def _writer_sessions(connection: postgres.Connection) -> int:
    with postgres.transaction(connection) as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'listen_writer'"
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _waiting(holder: postgres.Connection) -> set[int]:
    """Sessions of the writer that wait for a lock; the transaction of `holder` goes on."""
    with holder.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT pid FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted"
            " AND a.datname = current_database() AND a.application_name = 'listen_writer'"
        )
        return {pid for (pid,) in cursor.fetchall()}


def _hold_writes(connection: postgres.Connection) -> None:
    """Let no transaction of the writer end until this connection's does."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE message_seen IN ACCESS EXCLUSIVE MODE")
