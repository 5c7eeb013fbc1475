"""request_*, requests: options from the catalog, waiting, Ctrl-C; an answer given by hand instead of by Spark."""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import click
import pytest

from commands.request import request_commands
from conf.broker import SPARK_REQUEST, open_broker
from conf.postgres import Connection, connect, transaction
from conf.settings import Settings
from jobs.catalog import catalog_of
from jobs.job import Command, Param
from jobs.messages import Request
from jobs.stats.artists import JOBS
from jobs.years import current_year
from request_consumer import request_rows, requests
from tests.commands.conftest import CommandLine, rows

JOB = JOBS[0]
NEXT_YEAR = str(current_year(time.time()) + 1)
ASK = ("request_user_stats", "--type", "entity")


def test_the_documented_options_become_a_queued_request_and_its_bell(cli: CommandLine, settings: Settings) -> None:
    options = ("--entity", "artists", "--range", "all_time", "--database", "x_20230301", "--at", "2023-03-01")
    ran = cli(*ASK, *options)

    word, request_id, query = ran.out.split()
    assert (ran.status, word, query) == (0, "queued", "stats.user.entity")
    [row] = cli("requests", "list", "--json").json()
    assert (row["id"], row["state"]) == (request_id, "queued")
    params = {"entity": "artists", "stats_range": "all_time", "database": "x_20230301", "at": 1677628800}
    assert row["params"] == params
    broker = open_broker(settings)
    [bell] = broker.consume(SPARK_REQUEST, 10, 1)
    assert Request.decode(bell.body) == Request(query, params, UUID(request_id))
    broker.ack([bell])
    broker.close()


def test_the_same_request_while_one_is_queued_is_that_one(cli: CommandLine) -> None:
    assert cli(*ASK, "--at", "1677628800").out == cli(*ASK, "--at", "2023-03-01").out
    assert len(cli("requests", "list", "--json").json()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("request_user_stats",), "Missing option '--type'"),
        (("request_user_stats", "--type", "entty"), "'entty' is not one of"),
        ((*ASK, "--range", "fortnight"), "'fortnight' is not one of 'this_week'"),
        ((*ASK, "--at", "yesterday"), "expected an ISO date or time such as"),
        ((*ASK, "--at", "1999-01-01"), "expected a time from 2002-01-01"),
        ((*ASK, "--entity", "songs"), "'songs' is not one of"),
        ((*ASK, "--threshold", "3"), "No such option"),
        ((*ASK, "stray"), "unexpected extra argument"),
    ],
)
def test_what_no_job_takes_is_a_usage_error_and_nothing_is_queued(
    cli: CommandLine, arguments: tuple[str, ...], said: str
) -> None:
    ran = cli(*arguments)

    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert cli("requests", "list", "--json").json() == []


@pytest.mark.parametrize(
    ("year", "said"),
    [
        ("1999", "1999 is not in the range 2002<=x<=9998"),
        ("abc", "'abc' is not a valid integer range"),
        (NEXT_YEAR, f"year={NEXT_YEAR}: expected 2002 to "),
    ],
    ids=["before there were listens", "no number", "to come"],
)
def test_a_year_that_there_is_no_report_of_is_a_usage_error_and_nothing_is_queued(
    cli: CommandLine, year: str, said: str
) -> None:
    ran = cli("request_year_in_music", "--year", year)

    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert cli("requests", "list", "--json").json() == []


def test_a_new_job_brings_its_command_with_options_of_its_types() -> None:
    params = (
        Param("days", kind=int, minimum=1, maximum=366, default=180, about="days back"),
        Param("lmbda", kind=float, minimum=0, many=True),
        Param("use_mlhd", kind=bool),
    )
    model = replace(JOB, name="cf.model", statistic="m", select={}, params=params, command=Command("request_model"))
    other = replace(JOB, name="stats.user.era", statistic="e", command=Command("request_user_stats", {"type": "era"}))

    both = request_commands(catalog_of([JOB, replace(other, route=None), replace(model, route=None)]))

    assert [command.name for command in both] == ["request_model", "request_user_stats"]
    given = ["--days", "30", "--lmbda", "0.1", "--lmbda", "10", "--use-mlhd"]
    assert both[0].make_context("x", given).params == {
        "days": 30,
        "lmbda": (0.1, 10.0),
        "use_mlhd": True,
        "wait": False,
        "alone": False,
    }
    with pytest.raises(click.BadParameter, match="367 is not in the range"):
        both[0].make_context("x", ["--days", "367"])
    assert "days back (default 180)" in both[0].get_help(click.Context(both[0]))
    assert "stats.user.era" in both[1].get_help(click.Context(both[1]))
    [kind] = [param for param in both[1].params if param.name == "type"]
    assert isinstance(kind.type, click.Choice)
    assert list(kind.type.choices) == ["entity", "era"]


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (
            "request_dataframes --days 5 --listens-threshold 2",
            {"train_model_window": 5, "minimum_listens_threshold": 2},
        ),
        (
            "request_model --rank 2 --rank 3 --itr 4 --lmbda 0.5 --lmbda 5 --alpha 2 --use-transformed-listencounts",
            {"ranks": [2, 3], "iterations": [4], "lambdas": [0.5, 5.0], "alphas": [2.0],
             "use_transformed_listencounts": True},
        ),
        ("request_candidate_sets --days 2 --top 3 --similar 4", {"days": 2, "top": 3, "similar": 4}),
        (
            "request_recommendations --top 1 --similar 2 --raw 3",
            {"recommendation_top_limit": 1, "recommendation_similar_limit": 2, "recommendation_raw_limit": 3},
        ),
    ],
)  # fmt: skip
def test_the_documented_options_of_recommendations_are_params_of_their_jobs(
    cli: CommandLine, arguments: str, asked: dict[str, Any]
) -> None:
    cli(*arguments.split())

    [row] = cli("requests", "list", "--json").json()
    assert {name: row["params"].get(name) for name in asked} == asked


def _answering(url: str, answer: Callable[[Connection, UUID], Any]) -> threading.Thread:
    """Somebody who takes the first request that is queued, and answers it."""

    def work() -> None:
        connection = connect(url)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for row in request_rows.list_requests(connection, "queued"):
                requests.claim(connection, row.id, "test")
                answer(connection, row.id)
                connection.close()
                return
            time.sleep(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def _stored(connection: Connection, request_id: UUID) -> None:
    """As consumer and reader leave it."""
    requests.published(connection, request_id, "test", uuid4(), 7)
    rows(connection, "UPDATE request SET state = 'done', finished = clock_timestamp() RETURNING 1")


def test_nothing_to_compute_is_done_too(cli: CommandLine, database_url: str) -> None:
    thread = _answering(database_url, lambda c, i: requests.finish(c, i, "test", "nothing has landed yet"))
    ran = cli(*ASK, "--wait")
    thread.join()

    assert ran.status == 0
    assert "stats.user.entity: nothing has landed yet, " in ran.out


def test_waiting_ends_with_what_came_of_it(cli: CommandLine, database_url: str) -> None:
    thread = _answering(database_url, _stored)
    ran = cli(*ASK, "--wait")
    thread.join()

    assert ran.status == 0
    assert ran.out.startswith("done ")
    assert "stats.user.entity: data version 7, " in ran.out
    assert "no request_consumer is running" in ran.err
    assert "no spark_reader is running" in ran.err


def test_a_failed_request_is_status_one_with_its_reason(cli: CommandLine, database_url: str) -> None:
    thread = _answering(database_url, lambda c, i: requests.fail(c, i, "test", "the disk is full", attempts_allowed=1))
    ran = cli(*ASK, "--wait")
    thread.join()

    assert (ran.status, ran.out) == (1, "")
    assert "stats.user.entity failed: the disk is full; request " in ran.err.splitlines()[-1]


def test_ctrl_c_while_waiting_leaves_the_request_standing_and_says_so(cli: CommandLine) -> None:
    process = cli.start(*ASK, "--wait")
    assert process.stderr is not None
    first = process.stderr.readline().decode()
    process.stderr.readline()
    process.stderr.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)

    [row] = cli("requests", "list", "--json").json()
    assert first == f"request {row['id']}: waiting\n"
    assert process.returncode == 1
    assert said.decode() == (
        f"spark_manage.py: stopped waiting; the request {row['id']} stands. `requests show {row['id']}` tells what "
        f"became of it, `requests cancel {row['id']}` ends it\n"
    )
    assert row["state"] == "queued"


def test_requests_are_listed_shown_cancelled_and_tried_again(cli: CommandLine, connection: Connection) -> None:
    request_id = cli(*ASK).out.split()[1]

    assert cli("requests", "cancel", request_id).out == f"cancelled {request_id}\n"
    assert cli("requests", "list", "--state", "queued", "--json").json() == []
    too_late = cli("requests", "cancel", request_id)
    assert (too_late.status, too_late.out) == (1, "")
    assert "is cancelled: too late to cancel" in too_late.err
    assert cli("requests", "retry", request_id).out == f"queued {request_id}\n"
    refused = cli("requests", "retry", request_id)
    assert refused.status == 1
    assert "is queued: only an ended one can be retried" in refused.err
    with transaction(connection) as cursor:
        cursor.execute("UPDATE request SET state = 'failed', error = E'no\\x1b[2Jreason', attempts = 3")
    shown = cli("requests", "list", "--state", "failed")
    assert "attempt 3: no\N{REPLACEMENT CHARACTER}[2Jreason" in shown.out
    assert cli("requests", "show", request_id, "--json").json()["error"] == "no\x1b[2Jreason"
    assert request_id in cli("requests", "show", request_id).out


@pytest.mark.parametrize("command", ["show", "retry", "cancel"])
def test_an_unknown_request_is_refused(cli: CommandLine, command: str) -> None:
    unknown = str(uuid4())

    missing, wrong = cli("requests", command, unknown), cli("requests", command, "17")

    assert (missing.status, missing.out) == (1, "")
    assert f"no request {unknown}; `requests list` shows those that there are" in missing.err
    assert wrong.status == 2
    assert "'17' is not a valid UUID" in wrong.err


def test_several_are_tried_and_the_refused_counted(cli: CommandLine, connection: Connection) -> None:
    good, bad = cli(*ASK).out.split()[1], str(uuid4())

    ran = cli("requests", "cancel", bad, good)

    assert ran.status == 1
    assert ran.out == f"cancelled {good}\n"
    assert ran.err.splitlines()[-1] == "spark_manage.py: 1 of 2 were refused"
    assert rows(connection, "SELECT state FROM request") == [("cancelled",)]
