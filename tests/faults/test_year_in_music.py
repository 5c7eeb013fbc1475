"""Reports of a year whose consumer or reader dies: the old one stays served, whole, and the next one completes."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from conf import postgres
from jobs.years import range_of
from request_consumer import requests
from spark_reader.load import load_documents
from tests.databases import Databases
from tests.faults.standing import LISTENS, Standing, at_work
from webapi.year_in_music import report_of, statistics

pytestmark = pytest.mark.spark
YEAR = 2023
"""Of the listens of tests/faults/client.py."""


@pytest.fixture(scope="module")
def standing(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """Shared by the tests below, in their order; a report is served."""
    with at_work(databases, tmp_path_factory.mktemp("year"), SPARK_MASTER="local[2]") as running:
        running.wait_for(ask(running), "done", 120)
        yield running


def ask(standing: Standing) -> UUID:
    return requests.enqueue(standing.connection, standing.broker, "year_in_music", {"year": YEAR}).id


def served(standing: Standing) -> tuple[UUID, dict[str, Any]]:
    """(run, report) of the user; every section there is has to be of one run."""
    with postgres.transaction(standing.connection) as cursor:
        # One look at both: between two statements a report may become visible.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = load_documents(cursor, statistics(), range_of(YEAR), standing.user_id)
        report = report_of(cursor, standing.user_id, "ledger", YEAR)
    [run] = {document.run.run_id for document in found.values()}
    return UUID(str(run)), report


def heard_more(standing: Standing, *numbers: int) -> None:
    """Listens that the next report has and the one that is served has not."""
    standing.write(*numbers)
    standing.landed_all()


@pytest.mark.slow
def test_a_reader_killed_before_it_commits_leaves_the_old_report_and_the_next_reader_completes(
    standing: Standing,
) -> None:
    before = served(standing)
    assert before[1]["total_listen_count"] == LISTENS
    heard_more(standing, LISTENS)

    standing.reader().stop()
    doomed = standing.system.start("spark_reader", fault_point="reader.before_commit")
    request_id = ask(standing)
    assert doomed.died_of_its_fault_point(120), doomed.said()
    assert served(standing) == before
    standing.system.start("spark_reader")
    row = standing.wait_for(request_id, "done")

    run_id, report = served(standing)
    assert row.attempts == 1
    assert run_id == row.run_id
    assert report["total_listen_count"] == LISTENS + 1


@pytest.mark.slow
def test_a_consumer_killed_in_the_middle_leaves_the_old_report_and_the_next_run_completes_it(
    standing: Standing,
) -> None:
    before = served(standing)
    heard_more(standing, LISTENS + 1, LISTENS + 2)

    standing.consumer.stop()
    request_id = ask(standing)
    doomed = standing.system.start("request_consumer", fault_point="year.written")
    assert doomed.died_of_its_fault_point(120), doomed.said()
    assert served(standing) == before
    standing.consumer = standing.system.start("request_consumer")
    standing.silent_for("31 seconds")
    row = standing.wait_for(request_id, "done", 120)

    run_id, report = served(standing)
    assert row.attempts == 2
    assert run_id == row.run_id != before[0]
    assert report["total_listen_count"] == before[1]["total_listen_count"] + 2
