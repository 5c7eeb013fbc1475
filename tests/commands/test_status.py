"""status: alive, dead, never started; settings."""

import os

import pytest

from conf import part_status
from conf.broker import INCOMING, open_broker
from conf.postgres import Connection, transaction
from conf.settings import Settings
from tests.commands.conftest import CommandLine, rows


def test_a_system_that_never_ran_has_no_parts(nowhere: CommandLine) -> None:
    ran = nowhere("status", "--json")

    assert ran.status == 69
    assert ran.json()["running"] is False
    assert ran.json()["parts"] == []
    assert "make up" in ran.err


def test_parts_are_shown_with_pid_age_state_and_memory(
    cli: CommandLine, connection: Connection, settings: Settings
) -> None:
    cli("user", "create", "alice")
    broker = open_broker(settings)
    broker.publish(INCOMING, [b"no listen", b"nor this"])
    broker.reject(broker.consume(INCOMING, 1, 1)[0], "a test's")
    broker.close()
    with transaction(connection) as cursor:
        part_status.report(cursor, "listen_writer", {"lag_seconds": 0.5})

    ran = cli("status", "--json")

    status = ran.json()
    assert ran.status == 0
    assert status["running"] is True
    [part] = status["parts"]
    assert (part["part"], part["pid"], part["state"], part["detail"]) == (
        "listen_writer",
        os.getpid(),
        "alive",
        {"lag_seconds": 0.5},
    )
    assert part["memory"] > 10_000_000
    assert status["queues"][0] == {"queue": INCOMING, "waiting": 1, "dead_letters": 1}
    assert (status["landing"]["id"], status["landing"]["waiting"]) == (None, 1)
    assert "request_consumer: not running" in status["alarms"]
    shown = cli("status")
    assert "listen_writer" in shown.out
    assert "nothing has landed yet; 1 changes wait for the lake" in shown.out


def test_a_part_that_was_killed_is_gone_and_one_of_another_host_is_silent(
    cli: CommandLine, connection: Connection
) -> None:
    with transaction(connection) as cursor:
        part_status.report(cursor, "web", {})
    rows(connection, "UPDATE part_status SET pid = 2147483647 RETURNING 1")
    rows(
        connection,
        "INSERT INTO part_status VALUES ('spark_reader', 1, 'elsewhere', now() - interval '2 minutes'),"
        " ('scheduler', 1, 'elsewhere', now() - interval '2 days') RETURNING 1",
    )

    ran = cli("status", "--json")

    assert ran.status == 69
    assert [(part["part"], part["state"]) for part in ran.json()["parts"]] == [
        ("spark_reader", "silent"),
        ("web", "gone"),
    ]


def test_settings_are_shown_without_secrets_and_without_a_system(nowhere: CommandLine) -> None:
    secret = CommandLine(
        {**nowhere.environ, "DATABASE_URL": "postgresql://me:geheim@db/x", "BROKER_URL": "amqp://me:geheim@mq/"}
    )

    table, document = secret("status", "--config"), secret("status", "--config", "--json")

    assert table.status == document.status == 0
    assert "geheim" not in table.out + document.out
    assert document.json()["DATABASE_URL"] == "postgresql://me:***@db/x"
    assert "WEB_PORT" in table.out


@pytest.mark.parametrize("arguments", [("status", "--config"), ("user", "list"), ("sql", "SELECT 1")])
def test_a_setting_that_cannot_be_used_is_refused_by_name(nowhere: CommandLine, arguments: tuple[str, ...]) -> None:
    ran = nowhere(*arguments, WEB_PORT="eighty")

    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "spark_manage.py: WEB_PORT='eighty': expected a whole number from 1 to 65535\n"
