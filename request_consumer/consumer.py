"""The loop: hold the lake, land what waits (own thread), claim a request, run it, publish its results.

A bell is acked once the row is claimed: from then on the row is the truth. When this process dies at work, the row's
heartbeat stops and the sweep gives it back. Done is set by the reader, with the results.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from conf import part_status
from conf.broker import SPARK_REQUEST, SPARK_RESULT, Broker, BrokerUnavailableError, Delivery, open_broker
from conf.busy import StillBusyError, WorkThread
from conf.faults import fault_point
from conf.postgres import Connection, Pool, StoreUnavailableError, dsn
from conf.settings import Settings
from jobs import result_files, runner
from jobs.catalog import InvalidRequestError, UnknownJobError, catalog
from jobs.lake import newest_landing
from jobs.lock import LakeLock
from jobs.messages import DecodeError, Manifest, Request, new_run_id
from jobs.session import JOBS_POOL, build_session
from request_consumer import requests
from request_consumer.landing import LandingLoop
from request_consumer.requests import RequestRow

PART = "request_consumer"
WAIT_SECONDS = 2.0
SWEEP_SECONDS = 10.0
STANDBY_SECONDS = 2.0
KEEP_RESULTS_SECONDS = 3600.0
GRACE_SECONDS = 15.0
"""How long a stopping process waits for the job it has cancelled, and then for its landing."""
EMPTY = "nothing has landed yet: no listens, so no results"
_log = logging.getLogger(PART)
Result = TypeVar("Result")


class JvmDiedError(RuntimeError):
    """The Java process is gone: this one ends too, its supervisor starts another, the request is tried again."""


class CancelledError(RuntimeError):
    """The request was cancelled, or given to another worker, while it ran: nothing is published."""


@dataclass
class _Part:
    """What the steps of the loop share."""

    settings: Settings
    pool: Pool
    lock: LakeLock
    stop: threading.Event
    spark: SparkSession | None = None
    landing: LandingLoop | None = None
    thread: WorkThread = field(default_factory=lambda: WorkThread("job"))
    worker: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    state: str = "standby"
    done: int = 0
    swept: float = float("-inf")

    @property
    def jvm_died(self) -> bool:
        """The landing thread has met a dead Java process; it ends this one by setting `stop`."""
        return self.landing is not None and self.landing.dead


@dataclass
class _Attempt:
    """One try of a request: what its two threads tell each other."""

    row: RequestRow
    progress: str = "started"
    unwanted: bool = False
    """The request was cancelled, or swept away, while it ran."""


def run(settings: Settings, stop: threading.Event) -> None:
    """Serve requests until told to stop; wait in standby while another process holds the lake.

    Raises JvmDiedError: the caller must end the process.
    """
    part = _Part(settings, Pool(dsn(settings), PART), LakeLock(dsn(settings), settings.lake), stop)
    try:
        if _hold_lake(part):
            part.spark = build_session(settings, PART)
            with _landing(part):
                _serve(part)
            if part.jvm_died:
                raise JvmDiedError("Spark's Java process is gone: the landing met it first")
            part.spark.stop()
    finally:
        if part.landing is None or not part.landing.is_alive():
            part.lock.release()  # else it falls with the process: what still writes must still hold it
        with suppress(StoreUnavailableError), part.pool.transaction() as cursor:
            part_status.withdraw(cursor, PART)


def _hold_lake(part: _Part) -> bool:
    """Wait in standby until the lake is ours; False when told to stop before."""
    while not part.stop.is_set():
        try:
            _report(part)
            if part.lock.acquire(wait=0):
                return True
        except StoreUnavailableError as problem:
            _log.warning("waiting: %s", problem)
        part.stop.wait(STANDBY_SECONDS)
    return False


@contextmanager
def _landing(part: _Part) -> Iterator[None]:
    assert part.spark is not None
    part.landing = LandingLoop(part.spark, part.settings, part.lock, part.stop)
    part.landing.start()
    try:
        yield
    finally:
        part.stop.set()
        part.landing.join(timeout=GRACE_SECONDS)


def _serve(part: _Part) -> None:
    while not part.stop.is_set():
        try:
            broker = open_broker(part.settings)
            try:
                while not part.stop.is_set():
                    _step(part, broker)
            finally:
                broker.close()
        except (BrokerUnavailableError, StoreUnavailableError) as problem:
            _log.warning("waiting: %s", problem)
            part.stop.wait(STANDBY_SECONDS)


def _step(part: _Part, broker: Broker) -> None:
    part.state = "idle"
    _alive(part)
    if time.monotonic() - part.swept > SWEEP_SECONDS:
        with part.pool.session() as connection:
            requests.sweep(connection, broker, part.settings.request_attempts)
        part.swept = time.monotonic()
    for delivery in broker.consume(SPARK_REQUEST, 1, WAIT_SECONDS):
        row = _claimed(part, broker, delivery)
        if row is not None:
            _attempt(part, broker, row)
            _remove_old_results(part)


def _claimed(part: _Part, broker: Broker, delivery: Delivery) -> RequestRow | None:
    """The row that a bell rang for, if it is to be had; the bell is done with either way."""
    try:
        request = Request.decode(delivery.body)
    except DecodeError as problem:
        _log.error("refused a request: %s", problem)
        broker.reject(delivery, str(problem))
        return None
    with part.pool.session() as connection:
        row = requests.adopt(connection, request)
        claimed = requests.claim(connection, row.id, part.worker)
    broker.ack([delivery])
    fault_point("job.claimed")
    return claimed


def _attempt(part: _Part, broker: Broker, row: RequestRow) -> None:
    """One try: published, done-empty, or given back with its error."""
    attempt = _Attempt(row)
    part.state = f"running {row.query}"
    try:
        manifest = part.thread.run(
            lambda: _compute(part, attempt),
            lambda: _tick(part, broker, attempt),
            part.stop,
            grace_seconds=GRACE_SECONDS,
        )
        if manifest is None:
            _settle(part, lambda connection: requests.finish(connection, row.id, EMPTY))
        else:
            _publish(part, broker, attempt, manifest)
        part.done += 1
    except CancelledError:
        _log.info("request %s was cancelled", row.id)
    except (InvalidRequestError, UnknownJobError) as problem:
        reason = str(problem)
        _settle(part, lambda connection: requests.fail(connection, row.id, reason, attempts_allowed=0))
    except Exception as problem:  # noqa: BLE001 - the loop outlives any one job; the reason is kept with the request
        _failed(part, attempt, problem)


def _compute(part: _Part, attempt: _Attempt) -> Manifest | None:
    """Run the jobs of a request on the newest data version, in the work thread; None before any landing."""
    assert part.spark is not None
    row = attempt.row
    part.spark.sparkContext.setLocalProperty("spark.scheduler.pool", JOBS_POOL)
    part.spark.sparkContext.setJobGroup(str(row.id), row.query)
    jobs, params = catalog().check(row.query, row.params)
    landing = newest_landing(part.spark, part.settings.lake)
    if landing is None:
        return None
    run_id = new_run_id(time.time())
    try:
        return runner.run(
            part.spark,
            part.settings,
            jobs,
            params,
            landing,
            run_id=run_id,
            request_id=row.id,
            progress=lambda text: setattr(attempt, "progress", text),
        )
    except Exception:
        with suppress(OSError):
            result_files.remove_run(part.settings.lake, run_id)
        raise


def _publish(part: _Part, broker: Broker, attempt: _Attempt, manifest: Manifest) -> None:
    """Hand the results over. A broker or store that is away is waited for: the work is not done twice for that."""
    row = attempt.row
    beat = "publishing"
    if not _settle(part, lambda connection: requests.heartbeat(connection, row.id, part.worker, beat)):
        result_files.remove_run(part.settings.lake, manifest.run_id)
        raise CancelledError
    fault_point("job.before_publish")
    _when_there(part, lambda: broker.publish(SPARK_RESULT, [manifest.encode()]))
    fault_point("job.after_publish")
    _settle(part, lambda connection: requests.published(connection, row.id, manifest.run_id, manifest.data_version))


def _failed(part: _Part, attempt: _Attempt, problem: Exception) -> None:
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
        _settle(part, lambda connection: requests.fail(connection, row.id, reason, attempts))
    if not isinstance(problem, StillBusyError):
        _alive(part)


def _settle(part: _Part, action: Callable[[Connection], Result]) -> Result:
    """Write down what became of a request; PostgreSQL, when it is away, is waited for."""

    def written() -> Result:
        with part.pool.session() as connection:
            return action(connection)

    return _when_there(part, written)


def _when_there(part: _Part, action: Callable[[], Result]) -> Result:
    """Try until broker and PostgreSQL are there. Told to stop, raises BrokerUnavailableError, StoreUnavailableError."""
    while True:
        try:
            return action()
        except (BrokerUnavailableError, StoreUnavailableError) as problem:
            if part.stop.is_set():
                raise
            _log.warning("waiting: %s", problem)
            part.stop.wait(STANDBY_SECONDS)


def _tick(part: _Part, broker: Broker, attempt: _Attempt) -> None:
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
        _report(part)
    except StoreUnavailableError as problem:
        _log.warning("while request %s runs: %s", row.id, problem)
    if attempt.unwanted or part.stop.is_set():
        with suppress(Py4JError, OSError):  # a dead JVM: the work itself meets it
            part.spark.sparkContext.cancelJobGroup(str(row.id))


def _remove_old_results(part: _Part) -> None:
    with part.pool.session() as connection:
        needed = requests.open_runs(connection)
    try:
        result_files.remove_old_runs(part.settings.lake, needed, KEEP_RESULTS_SECONDS)
    except OSError as problem:
        _log.warning("old result files are still there: %s", problem)


def _alive(part: _Part) -> None:
    """Raises JvmDiedError when the Java process does not answer."""
    assert part.spark is not None
    try:
        stopped: bool = part.spark.sparkContext._jsc.sc().isStopped()
    except (Py4JError, OSError) as problem:
        raise JvmDiedError("Spark's Java process is gone (out of memory, or killed)") from problem
    if stopped:
        raise JvmDiedError("the Spark session has stopped")
    _report(part)


def _report(part: _Part) -> None:
    detail: dict[str, Any] = {"state": part.state, "done": part.done}
    if part.landing is not None:
        detail |= part.landing.detail()
    with part.pool.transaction() as cursor:
        part_status.report(cursor, PART, detail)
