"""One try of a request: the job in the work thread, heartbeats beside it, and what becomes of it.

A broker or store that is away meanwhile is waited for: what was computed is not thrown away for that.
"""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from py4j.protocol import Py4JError

from conf.broker import SPARK_RESULT, Broker, BrokerUnavailableError
from conf.busy import StillBusyError
from conf.faults import fault_point
from conf.postgres import Connection, StoreUnavailableError, connect, dsn, transaction
from jobs import lake_files, result_files, runner
from jobs.base import Base
from jobs.catalog import InvalidRequestError, UnknownJobError, catalog
from jobs.import_run import ImportRun, run_import
from jobs.job import Job, Tables
from jobs.lake import newest_landing
from jobs.lake_files import LakeEmptyError
from jobs.landing import Landing
from jobs.listens.changes import landed_up_to, read_store
from jobs.messages import Manifest, new_run_id
from jobs.ranges import STATS_RANGES
from jobs.run_span import SpanOrder, run_span
from jobs.session import JOBS_POOL, SPANS_POOL
from jobs.spans import QUERY as SPAN
from jobs.spans import InvalidSpanError, span_of
from request_consumer import requests
from request_consumer.cost import Meter
from request_consumer.freshness import results_wait, served_base
from request_consumer.part import PART, Part, check_alive, report
from request_consumer.requests import RequestRow

GRACE_SECONDS = 15.0
"""How long a stopping process waits for the job it has cancelled."""
RETRY_SECONDS = 2.0
LANDING_PATIENCE = 60.0
READER_PATIENCE = 60.0
"""Results that the reader cannot store for so long are not waited for: then everything is computed anew."""
LANDING_POLL_SECONDS = 0.2
EMPTY = "nothing has landed yet: no listens, so no results"
_log = logging.getLogger(PART)
Result = TypeVar("Result")


class CancelledError(RuntimeError):
    """The request was cancelled, or given to another worker, while it ran: nothing is published."""


class StoppedError(RuntimeError):
    """This process was told to stop while the request ran: it is given back."""


class LandingFailsError(RuntimeError):
    """An import cannot be made visible while landing fails; its tables are written, a repeat completes it."""


@dataclass
class _Attempt:
    """One try of a request: what its two threads tell each other."""

    row: RequestRow
    progress: str = "started"
    unwanted: bool = False
    """The request was cancelled, or swept away, while it ran."""

    @property
    def group(self) -> str:
        """The Spark job group of this try: once cancelled, nothing more of it starts."""
        return f"{self.row.id} {self.row.attempts}"


def attempt(part: Part, broker: Broker, row: RequestRow) -> None:
    """One try: published, done-empty, or given back with its error."""
    tried = _Attempt(row)
    part.state = f"running {row.query}"
    try:
        made = part.thread.run(
            lambda: _compute(part, tried),
            lambda: _tick(part, broker, tried),
            part.stop,
            grace_seconds=GRACE_SECONDS,
        )
        if isinstance(made, str):
            said = made
            _settle(part, lambda connection: requests.finish(connection, row.id, part.worker, said))
        else:
            _publish(part, broker, tried, made)
        part.done += 1
    except CancelledError:
        _log.info("request %s was cancelled", row.id)
    except (InvalidRequestError, UnknownJobError) as problem:
        reason = str(problem)
        _settle(part, lambda connection: requests.fail(connection, row.id, part.worker, reason, 0))
    except Exception as problem:  # noqa: BLE001 - the loop outlives any one job; the reason is kept with the request
        _failed(part, tried, problem)


def _compute(part: Part, attempt: _Attempt) -> Manifest | str:
    """Run the jobs of a request on the newest data version, in the work thread; or what to say, without results."""
    assert part.spark is not None
    row = attempt.row
    part.spark.sparkContext.setLocalProperty("spark.scheduler.pool", SPANS_POOL if row.query == SPAN else JOBS_POOL)
    part.spark.sparkContext.setJobGroup(attempt.group, row.query)
    jobs, params = catalog().check(row.query, row.params)
    if row.query == SPAN:
        return _span(part, row, jobs[0], params)
    if isinstance(jobs[0].output, Tables):
        return _import(part, attempt, jobs[0], params)
    ordered = runner.Ordered(row.query, tuple(jobs), params)
    _await_landing(part, attempt)
    landing = newest_landing(part.spark, part.settings.lake)
    if landing is None:
        return EMPTY
    run_id, base = new_run_id(time.time()), _base(part, attempt, ordered)
    meter = Meter()
    try:
        made = runner.run(
            part.spark,
            part.settings,
            ordered,
            landing,
            run_id=run_id,
            request_id=row.id,
            base=base,
            progress=lambda text: setattr(attempt, "progress", text),
        )
    except Exception:
        with suppress(OSError):
            result_files.remove_run(part.settings.lake, run_id)
        raise
    seconds, cpu_seconds = meter.read()
    return replace(made, seconds=seconds, cpu_seconds=cpu_seconds)


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


def _base(part: Part, attempt: _Attempt, ordered: runner.Ordered) -> Base | None:
    """The run to continue: what is served, once all that was published is stored. None: compute everything."""
    if ordered.params.get("rebuild"):
        return None
    chosen = ordered.params.get("stats_range")
    statistics, ranges = [job.statistic for job in ordered.jobs], [chosen] if chosen else list(STATS_RANGES)
    deadline = time.monotonic() + READER_PATIENCE
    with closing(connect(dsn(part.settings), application=PART)) as connection:
        while results_wait(connection):
            attempt.progress = "waiting for earlier results to be stored"
            if attempt.unwanted or time.monotonic() > deadline or part.stop.wait(LANDING_POLL_SECONDS):
                return None
        return served_base(connection, statistics, ranges)


def _import(part: Part, attempt: _Attempt, job: Job, params: Mapping[str, Any]) -> str:
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


def _go_on(part: Part, attempt: _Attempt) -> None:
    """Raises CancelledError or StoppedError when the work is no longer wanted."""
    if attempt.unwanted:
        raise CancelledError
    if part.stop.is_set():
        raise StoppedError


def _await_landing(part: Part, attempt: _Attempt) -> None:
    """What was written before a request is in its result: who imports, then asks, must not be told of yesterday.

    A landing that fails, or a backlog of more than LANDING_PATIENCE, is not waited for: then as far as it has come.
    """
    deadline = time.monotonic() + LANDING_PATIENCE
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


def _publish(part: Part, broker: Broker, attempt: _Attempt, manifest: Manifest) -> None:
    """Hand the results over. A broker or store that is away is waited for: the work is not done twice for that."""
    row = attempt.row
    beat = "publishing"
    if not _settle(part, lambda connection: requests.heartbeat(connection, row.id, part.worker, beat)):
        result_files.remove_run(part.settings.lake, manifest.run_id)
        raise CancelledError
    fault_point("job.before_publish")
    _when_there(part, lambda: broker.publish(SPARK_RESULT, [manifest.encode()]))
    fault_point("job.after_publish")
    run = (manifest.run_id, manifest.data_version)
    _settle(part, lambda connection: requests.published(connection, row.id, part.worker, *run))


def _failed(part: Part, attempt: _Attempt, problem: Exception) -> None:
    """Keep the reason with the request, which is tried again or has failed. Raises JvmDiedError."""
    row = attempt.row
    if attempt.unwanted:
        _log.info("request %s was cancelled while it ran", row.id)
    elif part.stop.is_set() and not part.jvm_died:
        _log.info("request %s is given back: told to stop", row.id)
        with suppress(StoreUnavailableError):  # then the sweep does it
            _settle(part, lambda connection: requests.release(connection, row.id, part.worker))
    else:
        _log.error("request %s failed", row.id, exc_info=problem)
        reason = f"{type(problem).__name__}: {problem}"
        attempts = part.settings.request_attempts
        _settle(part, lambda connection: requests.fail(connection, row.id, part.worker, reason, attempts))
    if not isinstance(problem, StillBusyError):  # else whoever asks the JVM would wait, and the time is over
        check_alive(part)


def _settle(part: Part, action: Callable[[Connection], Result]) -> Result:
    """Write down what became of a request; PostgreSQL, when it is away, is waited for."""

    def written() -> Result:
        with part.pool.session() as connection:
            return action(connection)

    return _when_there(part, written)


def _when_there(part: Part, action: Callable[[], Result]) -> Result:
    """Try until broker and PostgreSQL are there. Told to stop, raises BrokerUnavailableError, StoreUnavailableError."""
    while True:
        try:
            return action()
        except (BrokerUnavailableError, StoreUnavailableError) as problem:
            if part.stop.is_set():
                raise
            _log.warning("waiting: %s", problem)
            part.stop.wait(RETRY_SECONDS)


def _tick(part: Part, broker: Broker, attempt: _Attempt) -> None:
    """While a job runs: heartbeats of broker, request and this part; the end of work that nobody wants.

    Broker or store may be away meanwhile: the job needs neither, and its results wait for both.
    """
    assert part.spark is not None
    row = attempt.row
    try:
        broker.keep_alive()
    except BrokerUnavailableError as problem:
        _log.warning("while request %s runs: %s", row.id, problem)
    try:
        with part.pool.session() as connection:
            ours = requests.heartbeat(connection, row.id, part.worker, attempt.progress)
        attempt.unwanted = attempt.unwanted or not ours
        report(part)
    except StoreUnavailableError as problem:
        _log.warning("while request %s runs: %s", row.id, problem)
    if attempt.unwanted or part.stop.is_set():
        with suppress(Py4JError, OSError):  # a dead JVM: the work itself meets it
            part.spark.sparkContext._jsc.sc().cancelJobGroupAndFutureJobs(attempt.group)
