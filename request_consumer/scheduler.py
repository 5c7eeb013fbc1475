"""Asks for statistics by itself: after each landing; when a day turns in any zone that a user has chosen, for then
windows move though nothing landed; and when time has passed a listen that was left out as later than T. For what the
schedule says (request_consumer/schedule.py). And, each hour, for the years in music that are not right any more
(request_consumer/changed_years.py).

What statistics are served tells which are due, so nothing is remembered of them: a scheduler that starts anew, or a
second one, asks for nothing twice. It passes its own time as T.
"""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from conf import part_status
from conf.broker import Broker, BrokerUnavailableError, open_broker
from conf.postgres import Connection, Pool, StoreUnavailableError, dsn
from conf.settings import Settings
from jobs.catalog import catalog
from jobs.ranges import day_ended
from jobs.similarity.datasets import BESIDE
from jobs.similarity.parameters import KEPT_BESIDE
from request_consumer import requests
from request_consumer.changed_years import tell_anew
from request_consumer.freshness import Served, served
from request_consumer.schedule import Entry, schedule_of
from request_consumer.scheduled import ask_on_time
from spark_reader.store import forget_entities, forget_spans

PART = "scheduler"
REFRESHED = "stats.all"
LOOK_SECONDS = 0.5
REST = 2.0
"""After a run, rest so many times as long as it took: statistics are not computed all the time."""
MOST_REST = 9.0
"""Seconds, so that a run starts within ten after its landing; one that comes during a run waits for that as well."""
FAILED_SECONDS = 300.0
"""After a run that failed for good, the next try."""
TIDY_SECONDS = 3600.0
log = logging.getLogger(PART)


def run(settings: Settings, stop: threading.Event) -> None:
    """Look again and again until told to stop; a store or broker that is away is waited for. Raises ScheduleError."""
    entries = schedule_of(settings)
    pool, asked, tidied = Pool(dsn(settings), PART), 0, float("-inf")
    while not stop.is_set():
        try:
            broker = open_broker(settings)
            try:
                while not stop.is_set():
                    with pool.session() as connection:
                        asked += look(connection, broker, time.time(), entries)
                    with pool.transaction() as cursor:
                        part_status.report(cursor, PART, {"asked": asked})
                    if time.monotonic() - tidied > TIDY_SECONDS:
                        with pool.session() as connection:
                            requests.forget_ended(connection)
                            forget_spans(connection)
                            forget_entities(connection, BESIDE, KEPT_BESIDE)
                            asked += tell_anew(connection, broker)
                        tidied = time.monotonic()
                    stop.wait(LOOK_SECONDS)
            finally:
                broker.close()
        except (BrokerUnavailableError, StoreUnavailableError) as problem:
            log.warning("waiting: %s", problem)
            pool.discard()
            stop.wait(LOOK_SECONDS)
    with suppress(StoreUnavailableError), pool.transaction() as cursor:
        part_status.withdraw(cursor, PART)


def look(connection: Connection, broker: Broker, now: float, entries: Sequence[Entry] = ()) -> int:
    """Ask for what is due at `now` (epoch seconds), of statistics and of the schedule; how many requests that were."""
    asked = ask_on_time(connection, broker, entries, datetime.fromtimestamp(now, UTC))
    for query, statistics in refreshed().items():
        if is_due(served(connection, query, statistics), now):
            requests.enqueue(connection, broker, query, {"at": int(now)}, now)
            asked += 1
    return asked


def refreshed() -> dict[str, list[str]]:
    """The statistics of the catalog that are kept fresh, by the bundle that makes all of them."""
    bundle = catalog().bundles[REFRESHED]
    return {bundle.name: [job.statistic for job in catalog().bundled(bundle)]}


def is_due(state: Served, now: float) -> bool:
    """Whether a statistic should be asked for: something landed since, a listen beyond its T has come to pass, or its
    day is over; and nobody is at it."""
    if state.landed is None or state.open:
        return False
    if state.last_failed is not None and now - state.last_failed < FAILED_SECONDS:
        return False
    if state.last_finished is not None and now - state.last_finished < rest(state.last_seconds):
        return False
    if state.data_version is None or state.data_version < state.landed:
        return True
    if state.next_listen_ts is not None and state.next_listen_ts <= now:
        return True
    return state.newest_listen_ts is not None and day_ended(state.newest_listen_ts, now, state.zones) is not None


def rest(run_seconds: float) -> float:
    """Seconds of rest after a run that took so long."""
    return min(REST * run_seconds, MOST_REST)
