"""The loop: hold the lake, land what waits (own thread), claim a request, run it, publish its results.

Spans, and what takes long, have a queue and a thread each, of the same loop: statistics wait for neither.
A bell is acked once the row is claimed: from then on the row is the truth. When this process dies at work, the row's
heartbeat stops and the sweep gives it back. Done is set by the reader, with the results.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from conf import part_status
from conf.broker import LONG_REQUEST, SPAN_REQUEST, SPARK_REQUEST, Broker, BrokerUnavailableError, Delivery, open_broker
from conf.busy import StillBusyError, WorkThread
from conf.faults import fault_point
from conf.postgres import Pool, StoreUnavailableError, dsn
from conf.settings import Settings
from jobs import result_files
from jobs.chain import model_store
from jobs.lock import LakeLock
from jobs.messages import DecodeError, Request
from jobs.session import build_session
from jobs.spill import spill_folder
from request_consumer import request_rows, requests
from request_consumer.attempt import GRACE_SECONDS as ATTEMPT_SECONDS
from request_consumer.attempt import attempt
from request_consumer.erasure import KEEP_RESULTS_SECONDS
from request_consumer.freshness import served_runs
from request_consumer.landing import LandingLoop
from request_consumer.part import PART, JvmDiedError, Part, check_alive, report
from request_consumer.request_rows import RequestRow

WAIT_SECONDS = 2.0
SWEEP_SECONDS = 10.0
STANDBY_SECONDS = 2.0
GRACE_SECONDS = 8.0
"""How long a stopping process waits for its landing, which was told to end when the job was; for what is beside it,
until a try that does not end has been given back."""
_log = logging.getLogger(PART)


def run(settings: Settings, stop: threading.Event) -> None:
    """Serve requests until told to stop; wait in standby while another process holds the lake.

    Raises JvmDiedError: the caller must end the process.
    """
    part = Part(settings, Pool(dsn(settings), PART), LakeLock(dsn(settings), settings.lake), stop)
    try:
        if _hold_lake(part):
            with spill_folder(settings.data_dir) as spill:
                part.spark = build_session(settings, PART, spill)
                with _landing(part), _beside(part, "spans", SPAN_REQUEST), _beside(part, "long", LONG_REQUEST):
                    _serve(part)
                if part.jvm_died:
                    raise JvmDiedError("Spark's Java process is gone: the landing met it first")
                part.spark.stop()
    finally:
        if part.landing is None or not part.landing.is_alive():
            part.lock.release()  # else it falls with the process: what still writes must still hold it
        with suppress(StoreUnavailableError), part.pool.transaction() as cursor:
            part_status.withdraw(cursor, PART)


def _hold_lake(part: Part) -> bool:
    """Wait in standby until the lake is ours; False when told to stop before."""
    while not part.stop.is_set():
        try:
            report(part)
            if part.lock.acquire(wait=0):
                return True
        except StoreUnavailableError as problem:
            _log.warning("waiting: %s", problem)
        part.stop.wait(STANDBY_SECONDS)
    return False


@contextmanager
def _landing(part: Part) -> Iterator[None]:
    assert part.spark is not None
    part.landing = LandingLoop(part.spark, part.settings, part.lock, part.stop, part.at_work)
    part.landing.start()
    try:
        yield
    finally:
        part.stop.set()
        part.landing.join(timeout=GRACE_SECONDS)


@contextmanager
def _beside(part: Part, name: str, queue: str) -> Iterator[None]:
    """Serve another queue in a thread of its own, one request at a time."""
    part.beside[name] = replace(part, thread=WorkThread(f"{name} job"), queue=queue, beside={})
    thread = threading.Thread(target=_serve_beside, args=(part.beside[name], name), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        part.stop.set()
        thread.join(timeout=ATTEMPT_SECONDS + GRACE_SECONDS)


def _serve_beside(part: Part, name: str) -> None:
    """Until told to stop. A dead JVM, or work that does not end, is met by the main thread too, which ends the process.

    Whatever else happens ends the process as well: else what is rung for there would wait for nobody.
    """
    try:
        _serve(part)
    except (JvmDiedError, StillBusyError) as problem:
        _log.warning("%s: served no more: %s", name, problem)
    except Exception:
        _log.exception("%s: served no more; ending", name)
        part.stop.set()
        raise


def _serve(part: Part) -> None:
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


def _step(part: Part, broker: Broker) -> None:
    part.state = "idle"
    check_alive(part)
    if part.queue == SPARK_REQUEST and time.monotonic() - part.swept > SWEEP_SECONDS:
        with part.pool.session() as connection:
            requests.sweep(connection, broker, part.settings.request_attempts)
        part.swept = time.monotonic()
    for delivery in broker.consume(part.queue, 1, WAIT_SECONDS):
        row = _claimed(part, broker, delivery)
        if row is not None:
            attempt(part, broker, row)
            if part.queue == SPARK_REQUEST:
                _remove_old_results(part)
            elif part.queue == LONG_REQUEST:
                remove_old_models(part)


def _claimed(part: Part, broker: Broker, delivery: Delivery) -> RequestRow | None:
    """The row that a bell rang for, if it is to be had; the bell is done with either way.

    Who asks from outside knows one queue: what belongs into another one is rung for there.
    """
    try:
        request = Request.decode(delivery.body)
    except DecodeError as problem:
        _log.error("refused a request: %s", problem)
        broker.reject(delivery, str(problem))
        return None
    with part.pool.session() as connection:
        row = requests.adopt(connection, request)
        elsewhere = requests.queue_of(row.query) != part.queue
        claimed = None if elsewhere else requests.claim(connection, row.id, part.worker)
    if elsewhere:
        requests.ring(broker, [row])
    broker.ack([delivery])
    fault_point("job.claimed")
    return claimed


def _remove_old_results(part: Part) -> None:
    with part.pool.session() as connection:
        needed = request_rows.open_runs(connection) | served_runs(connection) | part.at_work
    try:
        result_files.remove_old_runs(part.settings.lake, needed, KEEP_RESULTS_SECONDS)
        # Large, and of no use once another run is served.
        result_files.remove_sums(part.settings.lake, needed)
    except OSError as problem:
        _log.warning("old result files are still there: %s", problem)


def remove_old_models(part: Part) -> None:
    """Delete models older than the last three that are stored, and what tries that failed have left."""
    with part.pool.session() as connection:
        # In this order: what the reader stores in between is in one of them.
        needed = request_rows.open_runs(connection) | part.at_work
        needed |= model_store.stored(connection)
    try:
        model_store.remove_others(part.settings.lake, needed, time.time())
    except OSError as problem:
        _log.warning("old models are still there: %s", problem)
