"""Runs jobs on one data version: what is to be computed (jobs/computing.py does it), and the manifest of its files.

Results are a function of (data version, T, ranges): the same request again gives the same lists and documents. They
become Parquet files below results/RUN_ID, or rows inside the manifest when they are few.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs import result_files
from jobs.coming import earliest_after
from jobs.computing import Task, continue_run, everything, inputs_read, is_dearer
from jobs.engines.plays import Moment
from jobs.frames import tables_read
from jobs.job import PER_USER, EntityDocument, Job
from jobs.lake import Landing, landing_of, open_table
from jobs.messages import Manifest, Part, Switch
from jobs.ranges import STATS_RANGES, Period, period
from jobs.served_run import ServedRun, computing_code
from jobs.touched import Version, touched_users
from jobs.written_parts import inlined, written_parts


@dataclass(frozen=True)
class Ordered:
    """What a request asks for, checked (jobs/catalog.py)."""

    query: str
    jobs: tuple[Job, ...]
    params: Mapping[str, Any]
    """`at` replaces T, `stats_range` asks for one range instead of nine."""


def run(
    spark: SparkSession,
    settings: Settings,
    ordered: Ordered,
    landing: Landing,
    *,
    run_id: UUID,
    request_id: UUID | None,
    base: ServedRun | None = None,
    results: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Compute the jobs at the landing's data version and write their results. An empty result is a result.

    `base`: the run to continue, if that can be done: then only users whose results may be others are computed.
    `results`: the folder for results, in place of the lake.
    """
    newest = newest_listen(landing, ordered.params.get("at"))
    asked = tuple(period(name, newest) for name in _ranges(ordered.params.get("stats_range")))
    moment = Moment(newest, tuple(one.stats_range for one in asked))
    progress("looking for what has changed")
    touched = None if base is None else _touched(spark, settings.lake, base, Version(landing, moment), ordered.jobs)
    home = results or settings.lake
    folder = result_files.run_folder(home, run_id)
    task = Task(spark, settings.lake, Version(landing, moment), ordered.jobs, folder, progress)
    if touched is not None and is_dearer(task, len(touched)):
        touched = None
    named = False
    if touched is None or base is None:
        everything(task)
    else:
        named = continue_run(task, base, touched)
    progress("checking results")
    parts = written_parts(folder)
    return Manifest(
        run_id=run_id,
        request_id=request_id,
        query=ordered.query,
        data_version=landing.landing_id,
        newest_listen_ts=newest,
        switches=[
            switch_of(job, one, parts, _replaces(job, continued=touched is not None, named=named))
            for job in ordered.jobs
            for one in asked
        ],
        parts=inlined(parts, settings.result_inline_bytes, home, run_id),
        code=computing_code(),
        base_run_id=base.run_id if base is not None and touched is not None else None,
        touched=touched or [],
        next_listen_ts=earliest_after(open_table(spark, settings.lake, landing, "listens"), newest),
    )


def _touched(spark: SparkSession, lake: str, base: ServedRun, now: Version, jobs: Sequence[Job]) -> list[int] | None:
    before = landing_of(spark, lake, base.data_version)
    if before is None or before.epoch != now.landing.epoch or before.landing_id > now.landing.landing_id:
        return None
    then = Version(before, Moment(base.newest_listen_ts, now.moment.ranges))
    tables = tables_read(inputs_read(jobs))
    return touched_users(spark, lake, then, now, tables=tables, clock=datetime.now(UTC))


def newest_listen(landing: Landing, at: int | None) -> int:
    """T: as told, else the landing's newest listen; of a lake without listens, the time of the landing itself."""
    if at is not None:
        return at
    return landing.newest_listen_ts if landing.newest_listen_ts is not None else int(landing.landed_at.timestamp())


def _ranges(stats_range: str | None) -> tuple[str, ...]:
    return STATS_RANGES if stats_range is None else (stats_range,)


def _replaces(job: Job, *, continued: bool, named: bool) -> str:
    if continued and isinstance(job.output, PER_USER):
        return "touched"
    return "named" if named and isinstance(job.output, EntityDocument) else "all"


def switch_of(job: Job, asked: Period, parts: Sequence[Part], replace: str) -> Switch:
    """The switch that makes the rows of one job and range visible; `parts`: all of the run's."""
    own = [part for part in parts if (part.statistic, part.stats_range) == (job.statistic, asked.stats_range)]
    return Switch(job.statistic, asked.stats_range, asked.from_ts, asked.to_ts, sum(p.rows for p in own), replace)
