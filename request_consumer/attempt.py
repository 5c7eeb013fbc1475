"""One try of a request: the job in the work thread, heartbeats beside it, and what becomes of it.

A broker or store that is away meanwhile is waited for: what was computed is not thrown away for that.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from py4j.protocol import Py4JError

from conf.broker import SPARK_RESULT, Broker, BrokerUnavailableError
from conf.busy import StillBusyError
from conf.faults import fault_point
from conf.postgres import Connection, StoreUnavailableError
from jobs import result_files
from jobs.catalog import InvalidRequestError, UnknownJobError
from jobs.messages import Manifest
from jobs.session import forget_frames
from request_consumer import requests
from request_consumer.compute import Attempt, CancelledError, compute
from request_consumer.part import PART, Part, check_alive, report
from request_consumer.request_rows import RequestRow

GRACE_SECONDS = 15.0
"""How long a stopping process waits for the job it has cancelled."""
RETRY_SECONDS = 2.0
_log = logging.getLogger(PART)
Result = TypeVar("Result")


def attempt(part: Part, broker: Broker, row: RequestRow) -> None:
    """One try: published, done-empty, or given back with its error."""
    tried = Attempt(row)
    part.state = f"running {row.query}"
    try:
        made = part.thread.run(
            lambda: compute(part, tried),
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
    finally:
        if tried.run_id is not None:
            part.at_work.discard(tried.run_id)
        forget_frames()


def _publish(part: Part, broker: Broker, attempt: Attempt, manifest: Manifest) -> None:
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


def _failed(part: Part, attempt: Attempt, problem: Exception) -> None:
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


def _tick(part: Part, broker: Broker, attempt: Attempt) -> None:
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
