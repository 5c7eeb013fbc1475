"""What one try of a request computes, in the work thread: the jobs of a request on the newest data version.

Beside it the try's other thread (request_consumer/attempt.py) says that it lives.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from conf.broker import LONG_REQUEST, SPAN_REQUEST, SPARK_REQUEST
from conf.postgres import connect, dsn, transaction
from jobs import lake_files, result_files, runner
from jobs.catalog import InvalidRequestError, catalog
from jobs.import_run import ImportRun, run_import
from jobs.job import Job, Tables
from jobs.lake import newest_landing
from jobs.lake_files import LakeEmptyError
from jobs.landing import Landing
from jobs.listens.changes import landed_up_to, read_store
from jobs.messages import Manifest, new_run_id
from jobs.ranges import STATS_RANGES
from jobs.run_engine import EngineOrder, run_engines
from jobs.run_span import SpanOrder, run_span
from jobs.run_year import YearOrder, run_year
from jobs.served_run import ServedRun
from jobs.session import JOBS_POOL, LONG_POOL, SPANS_POOL
from jobs.spans import QUERY as SPAN
from jobs.spans import InvalidSpanError, span_of
from jobs.years import year_asked
from request_consumer.cost import Meter
from request_consumer.freshness import results_wait, served_base
from request_consumer.part import PART, Part
from request_consumer.request_rows import RequestRow

LANDING_PATIENCE = 60.0
FIRST_LANDING_PATIENCE = 300.0
"""Nothing has landed yet: what is not waited for would be answered with nothing at all."""
READER_PATIENCE = 60.0
"""Results that the reader cannot store for so long are not waited for: then everything is computed anew."""
LANDING_POLL_SECONDS = 0.2
_POOLS = {SPARK_REQUEST: JOBS_POOL, SPAN_REQUEST: SPANS_POOL, LONG_REQUEST: LONG_POOL}
EMPTY = "nothing has landed yet: no listens, so no results"


class CancelledError(RuntimeError):
    """The request was cancelled, or given to another worker, while it ran: nothing is published."""


class StoppedError(RuntimeError):
    """This process was told to stop while the request ran: it is given back."""


class LandingFailsError(RuntimeError):
    """An import cannot be made visible while landing fails; its tables are written, a repeat completes it."""


@dataclass
class Attempt:
    """One try of a request: what its two threads tell each other."""

    row: RequestRow
    progress: str = "started"
    unwanted: bool = False
    """The request was cancelled, or swept away, while it ran."""
    run_id: UUID | None = None
    """What it makes."""

    @property
    def group(self) -> str:
        """The Spark job group of this try: once cancelled, nothing more of it starts."""
        return f"{self.row.id} {self.row.attempts}"


def compute(part: Part, attempt: Attempt) -> Manifest | str:
    """Run the jobs of a request on the newest data version, in the work thread; or what to say, without results."""
    assert part.spark is not None
    row = attempt.row
    part.spark.sparkContext.setLocalProperty("spark.scheduler.pool", _POOLS[part.queue])
    part.spark.sparkContext.setJobGroup(attempt.group, row.query)
    jobs, params = catalog().check(row.query, row.params)
    if row.query == SPAN:
        return _span(part, row, jobs[0], params)
    if isinstance(jobs[0].output, Tables):
        return _import(part, attempt, jobs[0], params)
    _await_landing(part, attempt)
    landing = newest_landing(part.spark, part.settings.lake)
    if landing is None:
        return EMPTY
    run_id = attempt.run_id = new_run_id(time.time())
    part.at_work.add(run_id)
    meter = Meter()
    try:
        made = _kind_of_run(jobs)(part, attempt, jobs, params, landing, run_id)
    except Exception:
        with suppress(OSError):
            result_files.remove_run(part.settings.lake, run_id)
        raise
    if isinstance(made, str):
        return made
    seconds, cpu_seconds = meter.read()
    return replace(made, seconds=seconds, cpu_seconds=cpu_seconds)


def _kind_of_run(jobs: list[Job]) -> Callable[..., Manifest | str]:
    """Jobs of one request are of one kind."""
    if jobs[0].of_year:
        return _year
    return _engines if jobs[0].by_engine else _statistics


def _year(  # noqa: PLR0917 - as _engines
    part: Part, attempt: Attempt, jobs: list[Job], params: Mapping[str, Any], landing: Landing, run_id: UUID
) -> Manifest:
    """Sections of the year in music. The clock is asked again: it may have been put back since the request was made."""
    assert part.spark is not None
    return run_year(
        part.spark,
        part.settings,
        YearOrder(attempt.row.query, jobs, year_asked(params, time.time())),
        landing,
        run_id=run_id,
        request_id=attempt.row.id,
        progress=lambda text: setattr(attempt, "progress", text),
    )


def _statistics(  # noqa: PLR0917 - as _engines
    part: Part, attempt: Attempt, jobs: list[Job], params: Mapping[str, Any], landing: Landing, run_id: UUID
) -> Manifest:
    assert part.spark is not None
    ordered = runner.Ordered(attempt.row.query, tuple(jobs), params)
    return runner.run(
        part.spark,
        part.settings,
        ordered,
        landing,
        run_id=run_id,
        request_id=attempt.row.id,
        base=_base(part, attempt, ordered),
        progress=lambda text: setattr(attempt, "progress", text),
    )


def _engines(  # noqa: PLR0917 - as _statistics
    part: Part, attempt: Attempt, jobs: list[Job], params: Mapping[str, Any], landing: Landing, run_id: UUID
) -> Manifest | str:
    """What functions make. It stops at the next step it tells of, when nobody wants it any more."""
    assert part.spark is not None
    del jobs
    ordered = EngineOrder(attempt.row.query, catalog().steps(attempt.row.query, params))

    def tell(text: str) -> None:
        attempt.progress = text
        _go_on(part, attempt)

    statistics = [job.statistic for job in ordered.jobs]
    ranges = sorted({name for job in ordered.jobs for name in job.ranges})
    # Also who continues nothing asks what is stored: the newest model, similar artists.
    base = base_of(part, attempt, statistics, ranges, of_any_code=True)
    return run_engines(
        part.spark,
        part.settings,
        ordered,
        landing,
        run_id=run_id,
        request_id=attempt.row.id,
        now=time.time(),
        base=base,
        progress=tell,
    )


def _span(part: Part, row: RequestRow, job: Job, params: Mapping[str, Any]) -> Manifest | str:
    """Of what has landed: somebody waits, so what was written a moment ago is not waited for. T is now."""
    assert part.spark is not None
    now = time.time()
    try:
        span = span_of(params["from_ts"], params["to_ts"], now)
    except InvalidSpanError as problem:
        raise InvalidRequestError(f"{row.query}: {problem}") from None
    try:
        landing = lake_files.newest(part.settings.lake)
    except LakeEmptyError:
        return EMPTY
    ordered = SpanOrder(row.query, job, params["user_id"], span)
    run_id = new_run_id(now)
    return run_span(part.spark, part.settings, ordered, landing, int(now), run_id=run_id, request_id=row.id)


def _base(part: Part, attempt: Attempt, ordered: runner.Ordered) -> ServedRun | None:
    """The run that statistics continue. None: compute everything."""
    if ordered.params.get("rebuild"):
        return None
    chosen = ordered.params.get("stats_range")
    statistics, ranges = [job.statistic for job in ordered.jobs], [chosen] if chosen else list(STATS_RANGES)
    return base_of(part, attempt, statistics, ranges)


def base_of(
    part: Part, attempt: Attempt, statistics: list[str], ranges: list[str], *, of_any_code: bool = False
) -> ServedRun | None:
    """What is served of these, once all that was published is stored: the reader takes no run that continues another.

    None: there is no one run, or what was published is not stored within READER_PATIENCE.
    """
    deadline = time.monotonic() + READER_PATIENCE
    with closing(connect(dsn(part.settings), application=PART)) as connection:
        while results_wait(connection, attempt.row.query):
            attempt.progress = "waiting for earlier results to be stored"
            if attempt.unwanted or time.monotonic() > deadline or part.stop.wait(LANDING_POLL_SECONDS):
                return None
        return served_base(connection, statistics, ranges, of_any_code=of_any_code)


def _import(part: Part, attempt: Attempt, job: Job, params: Mapping[str, Any]) -> str:
    """Run an import in the work thread; the landing thread makes what it has written a data version."""
    assert part.spark is not None

    def tell(text: str) -> None:
        attempt.progress = text
        _go_on(part, attempt)

    def conclude(versions: Mapping[str, int]) -> Landing:
        assert part.landing is not None
        named = part.landing.name_import(versions)
        try:
            while not wait([named], timeout=LANDING_POLL_SECONDS).done:
                if part.landing.error:
                    raise LandingFailsError(f"the import waits for landing, which fails: {part.landing.error}")
                _go_on(part, attempt)
        finally:
            named.cancel()  # else it would become visible although nobody waits for it
        return named.result()

    return run_import(job, ImportRun(part.spark, part.settings, part.lock, params, conclude, tell))


def _go_on(part: Part, attempt: Attempt) -> None:
    """Raises CancelledError or StoppedError when the work is no longer wanted."""
    if attempt.unwanted:
        raise CancelledError
    if part.stop.is_set():
        raise StoppedError


def _await_landing(part: Part, attempt: Attempt) -> None:
    """What was written before a request is in its result: who imports, then asks, must not be told of yesterday.

    A landing that fails, or a backlog of more than LANDING_PATIENCE, is not waited for: then as far as it has come.
    """
    assert part.spark is not None
    first = newest_landing(part.spark, part.settings.lake) is None
    deadline = time.monotonic() + (FIRST_LANDING_PATIENCE if first else LANDING_PATIENCE)
    with closing(connect(dsn(part.settings), application=PART)) as connection:
        with transaction(connection) as cursor:
            asked_at = read_store(cursor).last_position
        while time.monotonic() < deadline and not attempt.unwanted:
            with transaction(connection) as cursor:
                if landed_up_to(cursor, asked_at):
                    return
            if part.landing is not None:
                part.landing.hurried = True
            attempt.progress = "waiting for what was just written to land"
            if part.stop.wait(LANDING_POLL_SECONDS) or (part.landing is not None and part.landing.error):
                return
