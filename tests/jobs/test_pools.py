"""A landing never waits for a long job: it has a pool of its own, and the next free slot is its."""

import threading
import time
from collections.abc import Iterator

import pytest
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from conf.postgres import Connection
from conf.settings import Settings
from jobs.land import Lander
from jobs.listens.users import create_user
from jobs.lock import LakeLock
from jobs.session import JOBS_POOL, LANDING_POOL
from tests.landing.listens import listen, submit

pytestmark = pytest.mark.spark

TASKS, TASK_MILLISECONDS = 1600, 100
ALONE_SECONDS = TASKS * TASK_MILLISECONDS / 1000 / 2
"""What the long job takes on two cores when nothing else runs: 80 s."""


@pytest.fixture
def long_job(spark: SparkSession) -> Iterator[threading.Thread]:
    """Both cores busy with the tasks of one job, as the request consumer runs one."""

    def work() -> None:
        spark.sparkContext.setLocalProperty("spark.scheduler.pool", JOBS_POOL)
        spark.sparkContext.setJobGroup("long job", "sleeps")
        naps = spark.range(0, TASKS, 1, TASKS)
        try:
            naps.selectExpr(f"reflect('java.lang.Thread', 'sleep', bigint({TASK_MILLISECONDS}))").toArrow()
        except (PySparkException, Py4JError):
            return  # cancelled at the end of the test

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 30
    while not spark.sparkContext.statusTracker().getJobIdsForGroup("long job"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield thread
    spark.sparkContext.cancelJobGroup("long job")
    thread.join(30)


def test_a_landing_is_done_while_a_long_job_runs(
    spark: SparkSession, settings: Settings, connection: Connection, long_job: threading.Thread
) -> None:
    alice = create_user(connection, "alice")
    lock = LakeLock(settings.database_url, settings.lake)
    assert lock.acquire()
    spark.sparkContext.setLocalProperty("spark.scheduler.pool", LANDING_POOL)
    try:
        lander = Lander(spark, settings, lock)
        lander.start()
        submit(connection, alice, listen(1))
        started = time.monotonic()
        landing = lander.land()
        taken = time.monotonic() - started
    finally:
        spark.sparkContext.setLocalProperty("spark.scheduler.pool", None)  # type: ignore[arg-type]
        lock.release()

    assert landing is not None
    assert landing.rows == 1
    assert long_job.is_alive(), "the long job had ended: nothing was measured"
    assert taken < ALONE_SECONDS / 4, f"the landing took {taken:.1f} s beside a job of {ALONE_SECONDS:.0f} s"
