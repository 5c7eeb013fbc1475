"""S3.6 to S3.10 of reliability.md: what meets a job while it computes, with a real consumer, its JVM and its workers.

One try a request here: what fails has failed. Tasks of Spark are tried four times.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from conf import postgres
from jobs.listens.removal import delete_history, delete_listen
from jobs.messages import Request
from request_consumer import request_rows
from tests.databases import Databases
from tests.faults import greedy
from tests.faults.parts import until
from tests.faults.standing import LISTENS, Standing, at_work

pytestmark = pytest.mark.spark
HEAP = "640m"
IDLE_SHARE = 0.1
"""A JVM that uses less of a core than this computes nothing."""


@pytest.fixture(scope="module")
def standing(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """Shared by the tests below, in their order; the last one ends the consumer."""
    folder = tmp_path_factory.mktemp("computing")
    with at_work(databases, folder, SPARK_MASTER="local[2,4]", REQUEST_ATTEMPTS="1") as running:
        yield running


def test_a_killed_worker_and_what_is_written_and_deleted_meanwhile_change_nothing_of_a_run(standing: Standing) -> None:
    """S3.7 and S3.8: one task of two hangs in a worker that stands still, landing goes on beside it."""
    first = standing.done(standing.ask(1).id)
    hung = standing.python_workers()[0]
    hung.suspend()
    try:
        request_id = standing.ask(2, rebuild=True).id
        until(lambda: _computes_nothing(standing, request_id), 60, "the run waits for the worker that stands still")
        standing.write(LISTENS, LISTENS + 1)
        assert _delete(standing, 0) == 1
        standing.landed_all()
        assert standing.row(request_id).state == "running"
    finally:
        hung.kill()
    row = standing.done(request_id)
    assert (row.attempts, row.data_version) == (1, first.data_version), "of the version of its start, by one try"
    assert "Python worker exited unexpectedly" in standing.consumer.log.read_text()
    after = standing.ask(3).id
    newer = standing.wait_for(after, "done")
    assert (newer.data_version or 0) > (first.data_version or 0)
    assert standing.counts() == [3] * 7, "21 listens: two more, one less"


def test_what_a_run_has_cost_is_stored_with_it(standing: Standing) -> None:
    with postgres.transaction(standing.connection) as cursor:
        cursor.execute(
            "SELECT DISTINCT seconds, cpu_seconds, base_run_id IS NOT NULL, touched_users, written_rows > 0,"
            " written_bytes > 0, position = (SELECT max(position) FROM landing) FROM run"
        )
        [(seconds, cpu_seconds, *others)] = cursor.fetchall()
    row = request_rows.list_requests(standing.connection, "done", 1)[0]
    assert row.started is not None
    assert row.finished is not None
    assert 0 < seconds < (row.finished - row.started).total_seconds()
    assert 0.1 < cpu_seconds < 60
    assert others == [True, 1, True, True, True]


def test_a_version_whose_files_are_gone_fails_and_what_was_served_stays(standing: Standing, tmp_path: Path) -> None:
    """S3.10: as after a vacuum that should not have been."""
    served, counts = standing.served_run(), standing.counts()
    listens = Path(standing.system.environment["DATA_DIR"]) / "lake" / "listens"
    files = list(listens.rglob("*.parquet"))
    for number, file in enumerate(files):
        file.rename(tmp_path / str(number))
    failed = standing.wait_for(standing.ask(10, rebuild=True).id, "failed")
    for number, file in enumerate(files):
        (tmp_path / str(number)).rename(file)
    assert "PATH_NOT_FOUND" in str(failed.error), failed.error
    assert (standing.served_run(), standing.counts()) == (served, counts)
    assert standing.wait_for(standing.ask(11).id, "done").run_id == standing.served_run() != served


def test_a_run_over_nothing_replaces_what_was_served_and_one_listen_is_enough_for_the_next(standing: Standing) -> None:
    """S3.9."""
    standing.wait_for(standing.ask(19).id, "done")
    assert standing.counts() is not None
    delete_history(standing.connection, standing.user_id, time.time_ns() // 1000)
    empty = standing.wait_for(standing.ask(20).id, "done")
    assert (standing.served_run(), standing.counts()) == (empty.run_id, None)
    with postgres.transaction(standing.connection) as cursor:
        cursor.execute("SELECT count(*) FROM result_list")
        assert cursor.fetchall() == [(0,)]
    standing.write(1)
    one = standing.wait_for(standing.ask(21).id, "done")
    assert (standing.served_run(), standing.counts()) == (one.run_id, [1])


@pytest.mark.slow
def test_a_job_that_no_heap_can_hold_fails_with_the_reason_and_the_next_one_runs(standing: Standing) -> None:
    """S3.6."""
    standing.consumer.stop()
    standing.system.program = Path(greedy.__file__)
    standing.consumer = standing.system.start("request_consumer", SPARK_DRIVER_MEMORY=HEAP)
    standing.broker.publish("spark_request", [Request(greedy.NAME, {}).encode()])
    until(lambda: _greedy(standing) == "failed", 120, f"it has failed; {standing.consumer.said()}")
    [row] = [row for row in request_rows.list_requests(standing.connection, "failed") if row.query == greedy.NAME]
    assert row.attempts == 1
    assert row.error
    assert standing.consumer.process.wait(60) != 0, "without its JVM the process ends, to be started again"
    assert "java.lang.OutOfMemoryError: Java heap space" in standing.consumer.log.read_text()
    standing.consumer = standing.system.start("request_consumer", SPARK_DRIVER_MEMORY=HEAP)
    after = standing.wait_for(standing.ask(30).id, "done")
    assert standing.served_run() == after.run_id
    counts = standing.counts() or []
    with postgres.transaction(standing.connection) as cursor:
        cursor.execute("SELECT count(*) FROM listen")
        assert cursor.fetchall() == [(sum(counts),)]


def _delete(standing: Standing, number: int) -> int:
    with postgres.transaction(standing.connection) as cursor:
        cursor.execute(
            "SELECT listened_at, recording_msid FROM listen ORDER BY listened_at OFFSET %s LIMIT 1", (number,)
        )
        [(listened_at, msid)] = cursor.fetchall()
    return delete_listen(standing.connection, standing.user_id, listened_at, UUID(str(msid)), time.time_ns() // 1000)


def _computes_nothing(standing: Standing, request_id: UUID) -> bool:
    """The request has begun with its lists, and the JVM has nothing to do for half a second."""
    row = standing.row(request_id)
    if (row.state, row.progress) != ("running", "computing lists"):
        return False
    jvm = standing.jvm()
    before = _spent(jvm)
    time.sleep(0.5)
    return _spent(jvm) - before < IDLE_SHARE * 0.5


def _spent(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def _greedy(standing: Standing) -> str:
    return next((row.state for row in request_rows.list_requests(standing.connection) if row.query == greedy.NAME), "")
