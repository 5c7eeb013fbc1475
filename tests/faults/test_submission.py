"""S1 of reliability.md, submit to broker, on both brokers: what was answered 200 is there once, all else is 503."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
import requests as http

from conf import postgres
from conf.broker import INCOMING, Broker, BrokerUnavailableError, open_broker
from conf.settings import load_settings
from tests.faults.brokers import Breakable, BreakablePostgreSQL, BreakableRabbitMQ
from tests.faults.client import Client, listen
from tests.faults.ledger import check_ledger, check_rows, rows_in_postgres
from tests.faults.parts import System, until
from tests.rabbitmq import RabbitMQNode


@pytest.fixture(params=["postgresql", "rabbitmq"])
def breakable(request: pytest.FixtureRequest) -> Iterator[Breakable]:
    if request.param == "postgresql":
        yield BreakablePostgreSQL(request.getfixturevalue("postgres_server"), request.getfixturevalue("database_url"))
        return
    rabbitmq = BreakableRabbitMQ(request.getfixturevalue("rabbitmq_node"))
    rabbitmq.delete_queues()
    yield rabbitmq
    rabbitmq.delete_queues()


@pytest.fixture
def rabbitmq(rabbitmq_node: RabbitMQNode) -> Iterator[BreakableRabbitMQ]:
    breakable = BreakableRabbitMQ(rabbitmq_node)
    breakable.delete_queues()
    yield breakable
    breakable.delete_queues()


def holds(system: System, client: Client, database_url: str) -> None:
    """Heal, drain, and hold PostgreSQL against what the client was promised."""
    system.start("listen_writer")
    broker = open_broker(load_settings(system.environment, env_file=None))
    until(lambda: _depth(broker) == 0, 60, "the queue is empty")
    broker.close()
    with closing(postgres.connect(database_url)) as connection:
        promised = sum(len(promise.listens) for promise in client.promises() if promise.status == 200)
        with suppress(AssertionError):  # RabbitMQ does not count what the writer has in hand: give it a moment
            until(lambda: rows_in_postgres(connection).total() >= promised, 10, "all is written")
        check_rows(client.promises(), rows_in_postgres(connection), "PostgreSQL")
        check_ledger(connection)


def refused_within(seconds: float, submit: Callable[[], int | None]) -> None:
    started = time.monotonic()
    status = submit()
    taken = time.monotonic() - started
    assert status == 503
    assert taken < seconds, f"503 after {taken:.1f} s"


@pytest.mark.parametrize("point", ["publisher.publish", "publisher.confirmed"])
def test_a_web_worker_killed_before_publish_or_after_the_confirm_keeps_every_promise(
    point: str, breakable: Breakable, system: System, client: Client, database_url: str
) -> None:
    system.environment["BROKER_URL"] = breakable.url
    armed = system.start("web", fault_point=f"{point}:3")
    assert [client.submit(5), client.submit(5), client.send([listen(500)])] == [200, 200, None]
    until(lambda: http.get(f"{system.url}/health/live", timeout=5).ok, 20, "another worker serves")
    armed.kill()
    system.start("web")
    assert client.send([listen(500)]) == 200
    holds(system, client, database_url)


def test_a_web_server_killed_between_publish_and_confirm_keeps_every_promise(
    breakable: Breakable, system: System, client: Client, database_url: str
) -> None:
    system.environment["BROKER_URL"] = breakable.url
    web = system.start("web")
    assert client.submit(5) == 200
    with breakable.frozen():
        waiting = threading.Thread(target=client.send, args=([listen(500)],))
        waiting.start()
        time.sleep(1)
        web.kill()
        waiting.join()
    assert client.promises()[-1].status is None
    system.start("web")
    assert client.send([listen(500)]) == 200
    holds(system, client, database_url)


def test_a_broker_that_is_stopped_is_503_soon_and_one_that_is_killed_keeps_what_it_confirmed(
    breakable: Breakable, system: System, client: Client, database_url: str
) -> None:
    system.environment["BROKER_URL"] = breakable.url
    system.start("web")
    assert [client.submit(20) for _ in range(5)] == [200] * 5
    breakable.stop()
    refused_within(5.5, client.submit)
    if breakable.url.startswith("amqp"):
        assert http.get(f"{system.url}/1/user/ledger/listens", timeout=5).status_code == 200, "reads are served"
    breakable.start()
    until(lambda: client.submit(20) == 200, 20, "submissions are taken again")
    breakable.kill()
    refused_within(5.5, client.submit)
    breakable.start()
    until(lambda: client.submit() == 200, 20, "submissions are taken again")
    holds(system, client, database_url)


def test_a_frozen_broker_is_503_within_ten_seconds_and_a_cut_idle_connection_is_not_noticed(
    breakable: Breakable, system: System, client: Client, database_url: str
) -> None:
    system.environment["BROKER_URL"] = breakable.url
    system.start("web", WEB_THREADS="1")
    assert client.submit(5) == 200
    with breakable.frozen():
        refused_within(10, client.submit)
    until(lambda: client.submit() == 200, 20, "submissions are taken again")
    breakable.cut()
    time.sleep(0.3)
    assert client.submit() == 200
    holds(system, client, database_url)


def test_disk_and_memory_alarms_are_503_within_ten_seconds(
    rabbitmq: BreakableRabbitMQ, system: System, client: Client, database_url: str
) -> None:
    system.environment["BROKER_URL"] = rabbitmq.url
    system.start("web")
    assert client.submit(5) == 200
    rabbitmq.node.set_alarm(True)
    try:
        refused_within(10, client.submit)
    finally:
        rabbitmq.node.set_alarm(False)
    until(lambda: client.submit() == 200, 20, "submissions are taken again")
    rabbitmq.node.control("set_vm_memory_high_watermark", "0.000001")
    try:
        refused_within(10, client.submit)
    finally:
        rabbitmq.node.control("set_vm_memory_high_watermark", "0.4")
    until(lambda: client.submit() == 200, 20, "submissions are taken again")
    holds(system, client, database_url)


def test_a_deleted_queue_is_declared_again_by_the_next_submission(
    rabbitmq: BreakableRabbitMQ, system: System, client: Client, database_url: str
) -> None:
    system.environment["BROKER_URL"] = rabbitmq.url
    system.start("web", WEB_THREADS="1")
    assert http.get(f"{system.url}/health/ready", timeout=5).json()["incoming"] == 0
    rabbitmq.delete_queues()
    assert [client.submit(5), client.submit(5)] == [200, 200]
    holds(system, client, database_url)


def test_with_postgresql_down_a_submission_is_503_or_kept_by_the_broker(
    rabbitmq: BreakableRabbitMQ, system: System, client: Client, database_url: str,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    system.environment["BROKER_URL"] = rabbitmq.url
    system.start("web")
    assert client.submit(5) == 200
    store = BreakablePostgreSQL(request.getfixturevalue("postgres_server"), database_url)
    store.stop()
    try:
        started = time.monotonic()
        statuses = {client.submit(5) for _ in range(3)}
        assert statuses <= {200, 503}
        assert time.monotonic() - started < 15
        assert http.get(f"{system.url}/1/user/ledger/listens", timeout=10).status_code == 503
    finally:
        store.start()
    until(lambda: client.submit() == 200, 20, "submissions are taken again")
    holds(system, client, database_url)


def _depth(broker: Broker) -> int:
    try:
        return broker.depth(INCOMING)
    except BrokerUnavailableError:
        return -1
