"""What users may submit at most, all the way to what is served: one of them breaks nobody's statistics."""

import pytest
from pyspark.sql import SparkSession

from conf.postgres import Connection, Pool, transaction
from conf.settings import Settings
from jobs import runner
from jobs.catalog import catalog
from jobs.land import Lander
from jobs.listens.validator import MAX_DURATION_MS, validate_payload
from jobs.messages import new_run_id
from spark_reader.load import load_compared_page
from spark_reader.reader import save_run
from tests.landing.listens import NOON, listen, submit

pytestmark = pytest.mark.spark
MANY = 1_036
"""So many listens of the greatest length are more seconds than 32 bits hold."""
CAP = 500
"""As many listens of one user count for everybody, and the time of as many."""


def test_listens_of_the_greatest_length_are_added_up_and_served(
    spark: SparkSession, settings: Settings, connection: Connection, pool: Pool, lander: Lander, alice: int
) -> None:
    looped: list[object] = [listen(-second, duration_ms=MAX_DURATION_MS) for second in range(MANY)]
    for first in range(0, MANY, 1_000):
        submit(connection, alice, *validate_payload(looped[first : first + 1_000], "import", NOON))
    landing = lander.land()
    assert landing is not None
    jobs, params = catalog().check("stats.all", {"at": NOON + 10 * 86400, "stats_range": "all_time"})
    ordered = runner.Ordered("stats.all", tuple(jobs), params)
    save_run(pool, runner.run(spark, settings, ordered, landing, run_id=new_run_id(1.7e9), request_id=None))

    with transaction(connection) as cursor:
        for statistic, key, counted in (("user_artists", alice, MANY), ("sitewide_recordings", 0, CAP)):
            page = load_compared_page(cursor, statistic, "all_time", key, 0, 1, by_time=True, gone=0)
            assert page is not None
            assert (page.run.counted_to_ts, page.run.newest_listen_ts) == (NOON + 10 * 86400, NOON)
            assert page.time_by_source == [0, counted * MAX_DURATION_MS, 0, 0]
            assert [item.seconds for item in page.items] == [counted * MAX_DURATION_MS // 1000]
