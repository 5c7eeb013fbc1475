"""Parts of the year in music by themselves, in a process of their own: what no request asks for, to be timed.

Results are written as files and removed again; no reader stores them.

    python -m tests.bench.year_runs LAKE < requests
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence

from pyspark.sql import SparkSession

from conf.settings import Settings, load_settings
from jobs import result_files, runner
from jobs.catalog import catalog
from jobs.computing import Task
from jobs.engines.plays import Moment
from jobs.job import Job
from jobs.lake import Landing, newest_landing
from jobs.messages import new_run_id
from jobs.ranges import ALL_TIME
from jobs.run_year import YearOrder, run_year
from jobs.session import build_session
from jobs.touched import Version
from jobs.year_in_music.report import BUNDLE
from jobs.year_in_music.section import NAME
from jobs.years import days_of

SCAN, ARTISTS = "scan", "artists"
"""Every (key, identity, windows) of all time, kept nowhere; the top artists of the year."""


def section_jobs(sections: Sequence[str]) -> list[Job]:
    """The jobs of these sections, in the report's order."""
    jobs, _ = catalog().check(BUNDLE.name, {})
    return [job for job in jobs if job.statistic.removeprefix(f"{NAME}_") in sections]


def main(lake: str) -> None:
    """Answer every request: [sections, SCAN or ARTISTS, year] -> stored N."""
    settings = load_settings({**os.environ, "LAKE_URL": lake}, env_file=None)
    spark = build_session(settings, "bench of years")
    landing = newest_landing(spark, settings.lake)
    assert landing is not None
    for line in sys.stdin:
        asked, year = json.loads(line)
        print(f"stored {_answer(spark, settings, landing, asked, year)}", flush=True)
    spark.stop()


def _answer(spark: SparkSession, settings: Settings, landing: Landing, asked: str, year: int) -> int:
    if asked == SCAN:
        return _scan(spark, settings, landing)
    if asked == ARTISTS:
        return _artists(spark, settings, landing, year)
    return _sections(spark, settings, landing, asked.split(","), year)


def _sections(spark: SparkSession, settings: Settings, landing: Landing, names: Sequence[str], year: int) -> int:
    order, run_id = YearOrder(BUNDLE.name, section_jobs(names), year), new_run_id(time.time())
    made = run_year(spark, settings, order, landing, run_id=run_id, request_id=None)
    result_files.remove_run(settings.lake, run_id)
    return sum(part.rows for part in made.parts)


def _artists(spark: SparkSession, settings: Settings, landing: Landing, year: int) -> int:
    """W2a of the year: T is its last second, so that it is the range `this_year`."""
    asked = {"entity": "artists", "stats_range": "this_year", "at": days_of(year).to_ts - 1}
    jobs, params = catalog().check("stats.user.entity", asked)
    ordered, folder = runner.Ordered("stats.user.entity", tuple(jobs), params), tempfile.mkdtemp()
    run_id = new_run_id(time.time())
    made = runner.run(spark, settings, ordered, landing, run_id=run_id, request_id=None, results=folder)
    shutil.rmtree(folder)
    return sum(part.rows for part in made.parts)


def _scan(spark: SparkSession, settings: Settings, landing: Landing) -> int:
    jobs, _ = catalog().check("stats.user.entity", {"entity": "artists"})
    version = Version(landing, Moment(runner.newest_listen(landing, None), (ALL_TIME,)))
    frames = Task(spark, settings.lake, version, jobs, "", lambda _: None).frames(jobs)
    frames.named("user_track").write.format("noop").mode("overwrite").save()
    frames.close()
    return 0


if __name__ == "__main__":
    main(sys.argv[1])
