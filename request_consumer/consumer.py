"""The loop: hold the lake, land what waits (own thread), claim a request, run it, publish its results.

A bell is acked once the row is claimed: from then on the row is the truth. When this process dies at work, the row's
heartbeat stops and the sweep gives it back. Done is set by the reader, with the results.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from py4j.protocol import Py4JNetworkError
from pyspark.sql import SparkSession

from conf import part_status
from conf.broker import SPARK_REQUEST, SPARK_RESULT, Broker, BrokerUnavailableError, Delivery, open_broker
from conf.busy import while_busy
from conf.faults import fault_point
from conf.postgres import Pool, StoreUnavailableError, dsn
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
EMPTY = "nothing has landed yet: no listens, so no results"
_log = logging.getLogger(PART)


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
    worker: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    state: str = "standby"
    done: int = 0
    swept: float = 0.0


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
            part.spark.stop()
    finally:
        part.lock.release()
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
    loop = LandingLoop(part.spark, part.settings, part.lock, part.stop)
    loop.start()
    try:
        yield
    finally:
        part.stop.set()
        loop.join(timeout=60)


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
        requests.sweep(part.pool.connection(), broker, part.settings.request_attempts)
        part.swept = time.monotonic()
    for delivery in broker.consume(SPARK_REQUEST, 1, WAIT_SECONDS):
        row = _claimed(part, broker, delivery)
        if row is not None:
            _attempt(part, broker, row)


def _claimed(part: _Part, broker: Broker, delivery: Delivery) -> RequestRow | None:
    """The row that a bell rang for, if it is to be had; the bell is done with either way."""
    try:
        request = Request.decode(delivery.body)
    except DecodeError as problem:
        _log.error("refused a request: %s", problem)
        broker.reject(delivery, str(problem))
        return None
    row = requests.adopt(part.pool.connection(), request)
    claimed = requests.claim(part.pool.connection(), row.id, part.worker)
    broker.ack([delivery])
    fault_point("job.claimed")
    return claimed


def _attempt(part: _Part, broker: Broker, row: RequestRow) -> None:
    """One try: published, done-empty, or given back with its error."""
    progress = {"text": "started"}
    part.state = f"running {row.query}"
    try:
        manifest = while_busy(lambda: _compute(part, row, progress), lambda: _tick(part, broker, row, progress))
        if manifest is None:
            requests.finish(part.pool.connection(), row.id, EMPTY)
        else:
            _publish(part, broker, row, manifest)
        part.done += 1
        result_files.remove_old_runs(
            part.settings.lake, requests.open_runs(part.pool.connection()), KEEP_RESULTS_SECONDS
        )
    except (BrokerUnavailableError, StoreUnavailableError) as problem:
        _give_back(part, row, str(problem))
        raise
    except CancelledError:
        _log.info("request %s was cancelled", row.id)
    except (InvalidRequestError, UnknownJobError) as problem:
        requests.fail(part.pool.connection(), row.id, str(problem), attempts_allowed=0)
    except Exception as problem:  # noqa: BLE001 - the loop outlives any one job; the reason is kept with the request
        _log.exception("request %s failed", row.id)
        _give_back(part, row, f"{type(problem).__name__}: {problem}")
        _alive(part)


def _compute(part: _Part, row: RequestRow, progress: dict[str, str]) -> Manifest | None:
    """Run the jobs of a request on the newest data version, in the thread of long work; None before any landing."""
    assert part.spark is not None
    part.spark.sparkContext.setLocalProperty("spark.scheduler.pool", JOBS_POOL)
    part.spark.sparkContext.setJobGroup(str(row.id), row.query)
    jobs, params = catalog().check(row.query, row.params)
    landing = newest_landing(part.spark, part.settings.lake)
    if landing is None:
        return None
    return runner.run(
        part.spark,
        part.settings,
        jobs,
        params,
        landing,
        run_id=new_run_id(time.time()),
        request_id=row.id,
        progress=lambda text: progress.update(text=text),
    )


def _publish(part: _Part, broker: Broker, row: RequestRow, manifest: Manifest) -> None:
    connection = part.pool.connection()
    if not requests.heartbeat(connection, row.id, part.worker, "publishing"):
        result_files.remove_run(part.settings.lake, manifest.run_id)
        raise CancelledError
    fault_point("job.before_publish")
    broker.publish(SPARK_RESULT, [manifest.encode()])
    fault_point("job.after_publish")
    requests.published(connection, row.id, manifest.run_id, manifest.data_version)


def _give_back(part: _Part, row: RequestRow, reason: str) -> None:
    with suppress(StoreUnavailableError):  # then the sweep does it
        if part.stop.is_set():
            requests.release(part.pool.connection(), row.id, part.worker)
            return
        requests.fail(part.pool.connection(), row.id, reason, part.settings.request_attempts)


def _tick(part: _Part, broker: Broker, row: RequestRow, progress: Mapping[str, str]) -> None:
    """While a job runs: heartbeats of the request, of the broker and of this part; the end of work nobody wants."""
    assert part.spark is not None
    ours = requests.heartbeat(part.pool.connection(), row.id, part.worker, progress["text"])
    if part.stop.is_set() or not ours:
        part.spark.sparkContext.cancelJobGroup(str(row.id))
    broker.keep_alive()
    _report(part)


def _alive(part: _Part) -> None:
    """Raises JvmDiedError when the Java process does not answer."""
    assert part.spark is not None
    try:
        stopped: bool = part.spark.sparkContext._jsc.sc().isStopped()
    except (Py4JNetworkError, ConnectionError, OSError) as problem:
        raise JvmDiedError("Spark's Java process is gone (out of memory, or killed)") from problem
    if stopped:
        raise JvmDiedError("the Spark session has stopped")
    _report(part)


def _report(part: _Part) -> None:
    detail: dict[str, Any] = {"state": part.state, "done": part.done}
    with part.pool.transaction() as cursor:
        part_status.report(cursor, PART, detail)
