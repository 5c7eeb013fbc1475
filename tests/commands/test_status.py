"""status: alive, dead, never started; settings."""

import os
import time
from uuid import UUID

import pytest

from conf import part_status
from conf.broker import INCOMING, open_broker
from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs.catalog import catalog
from jobs.listens.write import write_submissions
from jobs.ranges import STATS_RANGES
from tests.commands.conftest import CommandLine, listens, rows


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


def test_statistics_are_shown_by_bundle_while_one_run_made_them_and_a_late_one_is_status_4(
    cli: CommandLine, connection: Connection
) -> None:
    cli("user", "create", "alice")
    write_submissions(connection, [listens(1)])
    rows(
        connection,
        "INSERT INTO landing (id, position, landed_at, newest_listen_ts, kind, rows)"
        " SELECT 7, last_value, now(), 1, 'land', 1 FROM change_position RETURNING 1",
    )
    for job in catalog().bundled(catalog().bundles["stats.all"]):
        for name in STATS_RANGES:
            rows(
                connection,
                "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
                " row_count, seconds, cpu_seconds, base_run_id, touched_users, written_rows, written_bytes)"
                " VALUES (%s, %s, %s, 7, 0, 1, %s, 1, 14.25, 18.5, %s, 3, 40, 20000) RETURNING 1",
                job.statistic, name, UUID(int=1), int(time.time()), UUID(int=2),
            )  # fmt: skip
    with transaction(connection) as cursor:
        part_status.report(cursor, "web", {})
    statistics = len(catalog().bundled(catalog().bundles["stats.all"]))

    fresh = cli("status")

    assert fresh.status == 0
    [line] = [line for line in fresh.out.splitlines() if line.startswith("stats.all")]
    assert line.split("  ")[0] == f"stats.all: {statistics} statistics"
    for shown in ("7", "0 s", "at most 5 min", "continued, users: 3, 14.2 s, 18.5 CPU-s, 40 rows, 20.0 kB"):
        assert shown in line

    rows(connection, "UPDATE run SET run_id = gen_random_uuid() WHERE statistic = 'user_artists' RETURNING 1")
    write_submissions(connection, [listens(2)])
    rows(connection, "UPDATE listen SET inserted_at = inserted_at - interval '299 seconds' RETURNING 1")
    rows(connection, "UPDATE store SET created = created - interval '1 day' RETURNING 1")

    behind = cli("status")

    assert behind.status == 0, "within what is declared"
    shown_lines = [line for line in behind.out.splitlines() if "at most 5 min" in line]
    assert len(shown_lines) == statistics
    assert any(line.startswith("user_artists ") for line in shown_lines)

    rows(connection, "UPDATE listen SET inserted_at = inserted_at - interval '3 seconds' RETURNING 1")

    late = cli("status", "--json")

    assert late.status == 4
    assert f"and {statistics - 1} more: a change has waited 30" in late.err
    bounded = [one for one in late.json()["statistics"] if one["bound"] is not None]
    assert len(bounded) == statistics
    assert all(one["late"] for one in bounded)
    assert len(late.json()["results"]) == statistics * len(STATS_RANGES)
    assert cli("status").out.count("LATE") == statistics

    rows(connection, "DELETE FROM part_status RETURNING 1")
    assert cli("status").status == 69, "what does not run is told first"


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
