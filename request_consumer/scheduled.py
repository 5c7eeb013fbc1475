"""Asks for what the schedule says, each time once: a restart neither repeats nor forgets, a day off is made up once."""

import logging
from collections.abc import Iterable
from datetime import datetime

from conf.broker import Broker
from conf.postgres import Connection, transaction
from jobs.catalog import InvalidRequestError
from request_consumer.requests import RequestOpenError, enqueue, enqueue_alone
from request_consumer.schedule import Entry

log = logging.getLogger("scheduler")

_ASKED = "SELECT entry, times, asked FROM scheduled"
_KEEP = (
    "INSERT INTO scheduled (entry, times, asked) VALUES (%(entry)s, %(times)s, %(asked)s)"
    " ON CONFLICT (entry) DO UPDATE SET times = EXCLUDED.times, asked = EXCLUDED.asked"
)


def ask_on_time(connection: Connection, broker: Broker, entries: Iterable[Entry], now: datetime) -> int:
    """Ask for every entry that one of its times has come for since it was last asked for; how many requests that were.

    An entry that is new, or whose times were changed, waits for the next of them. What is queued or running already is
    not asked for again: then this time is left out; but for what is of a moment. `now`: with a time zone.
    """
    asked = 0
    kept = _kept(connection)
    for entry in entries:
        times, last = kept.get(entry.name, ("", now))
        if times != entry.when:
            _keep(connection, entry, now)
            continue
        due = entry.times.latest(now)
        if due > last:
            asked += _ask(connection, broker, entry, due)
            _keep(
                connection, entry, due
            )  # after the request: whoever dies in between asks again, and is told it is open
    return asked


def _ask(connection: Connection, broker: Broker, entry: Entry, due: datetime) -> int:
    try:
        ask = enqueue if entry.of_a_moment else enqueue_alone
        row = ask(connection, broker, entry.query, entry.params(due), due.timestamp())
    except (RequestOpenError, InvalidRequestError) as problem:
        log.warning("%s of %s is left out: %s", entry.name, due.isoformat(), problem)
        return 0
    log.info("%s of %s: request %s", entry.name, due.isoformat(), row.id)
    return 1


def _kept(connection: Connection) -> dict[str, tuple[str, datetime]]:
    with transaction(connection) as cursor:
        cursor.execute(_ASKED)
        return {entry: (times, asked) for entry, times, asked in cursor.fetchall()}


def _keep(connection: Connection, entry: Entry, asked: datetime) -> None:
    with transaction(connection) as cursor:
        cursor.execute(_KEEP, {"entry": entry.name, "times": entry.when, "asked": asked})
