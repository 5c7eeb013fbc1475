"""S3 of reliability.md, request to job, with a real request consumer and its JVM: run once, and ended with a reason."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conf import postgres
from conf.broker import SPARK_REQUEST, SPARK_RESULT
from conf.settings import PROJECT
from jobs.messages import Request
from request_consumer import request_rows, requests
from tests.databases import Databases
from tests.faults.brokers import BreakableRabbitMQ
from tests.faults.parts import until
from tests.faults.standing import QUERY, Standing, at_work
from tests.rabbitmq import RabbitMQNode

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def standing(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """Shared by the tests below, in their order; the last one ends the consumer."""
    with at_work(databases, tmp_path_factory.mktemp("requests")) as running:
        yield running


def test_a_command_killed_between_row_and_bell_is_heard_all_the_same(standing: Standing) -> None:
    command = [sys.executable, str(PROJECT / "spark_manage.py"), "request_user_stats", "--type", "entity"]
    command += ["--entity", "artists"]
    environment = {**os.environ, **standing.system.environment, "FAULT_POINT": "request.written"}
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert killed.returncode == -9, killed.stderr
    [row] = request_rows.list_requests(standing.connection)
    assert (row.state, standing.broker.depth(SPARK_REQUEST)) == ("queued", 0)
    standing.silent_for("31 seconds")
    assert standing.done(row.id).attempts == 1


def test_messages_that_nothing_can_run_fail_with_a_reason_and_the_consumer_lives(
    standing: Standing,
) -> None:
    unknown = ({"entity": "pizza"}, {"entity": "artists", "x": 1})
    foreign = [Request("stats.nothing"), *(Request(QUERY, params) for params in unknown)]
    broken = [b"not json", b"[]", b'{"query": 5}', b'{"query": "stats.user.entity", "params": []}', b"\xff\0"]
    standing.broker.publish(SPARK_REQUEST, [*(request.encode() for request in foreign), *broken])
    until(lambda: standing.broker.depth(SPARK_REQUEST) == 0, 30, "all are read")
    failed = request_rows.list_requests(standing.connection, "failed")
    assert [row.query for row in failed].count(QUERY) == 2
    assert all(row.error and row.attempts == 0 for row in failed)
    assert len(failed) == 3
    assert all(letter.reason for letter in standing.broker.dead_letters(SPARK_REQUEST))
    assert len(standing.broker.dead_letters(SPARK_REQUEST)) == 5
    assert standing.consumer.process.poll() is None


def test_statistics_do_not_wait_for_what_takes_long_though_one_queue_brought_it_all(standing: Standing) -> None:
    long = [Request("similarity.recording", {"threshold": number}) for number in range(6)]
    standing.broker.publish(SPARK_REQUEST, [request.encode() for request in long])
    asked = standing.ask(7, rebuild=True)
    standing.done(asked.id)

    def rows() -> list[request_rows.RequestRow]:
        return [row for row in request_rows.list_requests(standing.connection) if row.query == "similarity.recording"]

    assert [row.state for row in rows()].count("queued") > 0, "they are run one after the other, beside statistics"
    until(lambda: [row.state for row in rows()] == ["done"] * len(long), 120, f"all are done: {rows()}")
    assert {row.attempts for row in rows()} == {1}


def test_the_same_request_asked_for_and_rung_many_times_is_one_run(standing: Standing) -> None:
    before = standing.runs_done()
    standing.consumer.pause()
    rows = {standing.ask(1).id for _ in range(3)}
    [request_id] = rows
    standing.broker.publish(SPARK_REQUEST, [Request(QUERY, {}, request_id).encode()] * 3)
    standing.consumer.resume()
    assert standing.done(request_id).attempts == 1
    until(lambda: standing.broker.depth(SPARK_REQUEST) == 0, 30, "every bell is heard")
    until(lambda: standing.runs_done() == before + 1, 10, "one run more is done")


def test_a_long_job_is_run_once_though_its_connections_are_cut_meanwhile(standing: Standing) -> None:
    request_id = standing.ask(2, rebuild=True).id
    with standing.frozen_while(request_id):
        standing.heard_again(request_id)
        with postgres.transaction(standing.connection) as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND"
                " application_name IN ('request_consumer', 'listenlake-broker') AND pid <> pg_backend_pid()"
            )
            assert cursor.rowcount >= 2
        standing.heard_again(request_id)
    assert standing.done(request_id).attempts == 1


def test_a_cancelled_job_ends_and_publishes_nothing(standing: Standing) -> None:
    before = standing.served_run()
    request_id = standing.ask(3, rebuild=True).id
    with standing.frozen_while(request_id):
        requests.cancel(standing.connection, request_id)
    after = standing.ask(4, rebuild=True).id
    standing.wait_for(after, "running", 60)
    assert standing.served_run() == before
    assert standing.broker.depth(SPARK_RESULT) == 0
    assert standing.row(request_id).state == "cancelled"
    standing.done(after)


def test_a_request_outlives_the_stop_the_kill_and_the_dead_jvm_of_its_workers(standing: Standing) -> None:
    request_id = standing.ask(5, rebuild=True).id
    with standing.frozen_while(request_id):
        standing.consumer.process.terminate()
        time.sleep(1)
    assert standing.consumer.process.wait(30) == 0, standing.consumer.said()
    row = standing.row(request_id)
    assert (row.state, row.attempts) == ("queued", 0), "given back, and not counted"

    doomed = standing.system.start("request_consumer", fault_point="job.before_publish")
    assert doomed.died_of_its_fault_point(90), doomed.said()
    assert standing.row(request_id).state == "running"

    standing.consumer = standing.system.start("request_consumer")
    standing.silent_for("31 seconds")
    assert standing.done(request_id).attempts == 2

    standing.consumer.pause()  # else it may claim the request before its attempts are set
    last = standing.ask(6, rebuild=True).id
    with postgres.transaction(standing.connection) as cursor:
        cursor.execute("UPDATE request SET attempts = 2 WHERE id = %s", (last,))
    standing.consumer.resume()
    until(lambda: standing.row(last).state == "running", 60, "it runs")
    standing.jvm().kill()
    assert standing.consumer.process.wait(40) != 0, "without its JVM the process ends, to be started again"
    row = standing.row(last)
    assert (row.state, row.attempts) == ("failed", 3)
    assert row.error


def test_a_job_longer_than_rabbitmqs_timeouts_is_run_once(
    rabbitmq_node: RabbitMQNode, databases: Databases, tmp_path: Path
) -> None:
    rabbitmq = BreakableRabbitMQ(rabbitmq_node)
    rabbitmq.delete_queues()
    rabbitmq_node.control("eval", "application:set_env(rabbit, consumer_timeout, 5000).")
    rabbitmq_node.control("eval", "application:set_env(rabbit, channel_tick_interval, 1000).")
    try:
        with at_work(databases, tmp_path, BROKER_URL=f"{rabbitmq.url}?heartbeat=4") as running:
            request_id = running.ask(1).id
            with running.frozen_while(request_id):
                time.sleep(11)  # longer than the consumer timeout, and than two heartbeats of RabbitMQ
                running.heard_again(request_id)
            assert running.done(request_id).attempts == 1
            assert len(request_rows.list_requests(running.connection)) == 1
            assert running.runs_done() == 1
            assert "lost" not in running.consumer.said()
    finally:
        rabbitmq_node.control("eval", "application:set_env(rabbit, consumer_timeout, 1800000).")
        rabbitmq_node.control("eval", "application:set_env(rabbit, channel_tick_interval, 60000).")
        rabbitmq.delete_queues()
