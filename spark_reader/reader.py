"""The loop: a manifest from `spark_result`, verified, staged, switched range by range or all together, then acked.

A redelivered manifest changes nothing; one that can never be stored becomes a dead letter and its request has failed,
with the reason, while the old results stay.
"""

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf import part_status
from conf.broker import SPARK_RESULT, Broker, BrokerUnavailableError, Delivery, open_broker
from conf.busy import StillBusyError, WorkThread
from conf.faults import fault_point
from conf.postgres import Pool, StoreUnavailableError, dsn
from conf.settings import Settings
from jobs.messages import DecodeError, Manifest, Switch
from spark_reader import parts, store
from spark_reader.parts import PoisonManifestError
from spark_reader.store import BadRowsError

PART = "spark_reader"
WAIT_SECONDS = 2.0
PAUSE_SECONDS = 1.0
_log = logging.getLogger(PART)


@dataclass
class _Part:
    """What the steps of the loop share."""

    pool: Pool
    stop: threading.Event
    thread: WorkThread = field(default_factory=lambda: WorkThread("store"))
    counts: dict[str, int] = field(default_factory=lambda: {"stored": 0, "rejected": 0})


def run(settings: Settings, stop: threading.Event) -> None:
    """Store results until told to stop. A broker or store that is away is waited for."""
    part = _Part(Pool(dsn(settings), PART), stop)
    while not stop.is_set():
        try:
            broker = open_broker(settings)
            try:
                while not stop.is_set():
                    _step(part, broker)
            finally:
                broker.close()
        except (BrokerUnavailableError, StoreUnavailableError) as problem:
            _log.warning("waiting: %s", problem)
            stop.wait(PAUSE_SECONDS)
        except StillBusyError as problem:
            _log.warning("ending all the same, nothing is half stored: %s", problem)
    with suppress(StoreUnavailableError), part.pool.transaction() as cursor:
        part_status.withdraw(cursor, PART)


def _step(part: _Part, broker: Broker) -> None:
    _report(part, broker)
    for delivery in broker.consume(SPARK_RESULT, 1, WAIT_SECONDS):
        fault_point("reader.receive")
        _store(part, broker, delivery)


def _store(part: _Part, broker: Broker, delivery: Delivery) -> None:
    """One manifest, and what becomes of its message."""
    try:
        manifest = Manifest.decode(delivery.body)
        part.thread.run(lambda: _handle(part.pool, manifest), lambda: _alive(part, broker, manifest), part.stop)
    except (BrokerUnavailableError, StoreUnavailableError, StillBusyError):
        raise
    except (DecodeError, PoisonManifestError, BadRowsError) as problem:
        _log.error("refused a manifest: %s", problem)
        broker.reject(delivery, str(problem))
        part.counts["rejected"] += 1
    except Exception:  # noqa: BLE001 - the loop outlives any one manifest; after some deliveries it is a dead letter
        _log.exception("a manifest could not be stored; it will be delivered again")
        part.stop.wait(PAUSE_SECONDS)
        broker.release([delivery])
    else:
        broker.ack([delivery])
        part.counts["stored"] += 1


def _handle(pool: Pool, manifest: Manifest) -> None:
    try:
        save_run(pool, manifest)
    except (PoisonManifestError, BadRowsError) as problem:
        with pool.transaction() as cursor:
            store.fail_request(cursor, manifest, str(problem))
        raise


def save_run(pool: Pool, manifest: Manifest) -> list[tuple[str, str]]:
    """Make a run's results readable: entities first, then one transaction per (statistic, range), or one for all.

    Returns what was switched: nothing when the run, or a newer one, is served already.
    Raises PoisonManifestError, BadRowsError; then what was not yet switched stays as it was.
    """
    parts.verify(manifest)
    with pool.session() as connection, store.saving(connection):
        return _save(pool, manifest)


def _save(pool: Pool, manifest: Manifest) -> list[tuple[str, str]]:
    entities = chain.from_iterable(parts.rows(part) for part in manifest.parts if part.kind == "entity")
    with pool.transaction() as cursor:
        store.save_entities(cursor, entities)
    fault_point("reader.staged")
    switched = []
    for at_once in _transactions(manifest):
        with pool.transaction() as cursor:
            switched += [
                (switch.statistic, switch.stats_range) for switch in at_once if _switch(cursor, manifest, switch)
            ]
            fault_point("reader.before_commit")
        fault_point("reader.after_commit")
    with pool.transaction() as cursor:
        store.finish_request(cursor, manifest)
    return switched


def _transactions(manifest: Manifest) -> list[list[Switch]]:
    """What becomes visible at once."""
    return [manifest.switches] if manifest.together else [[switch] for switch in manifest.switches]


def _switch(cursor: Cursor, manifest: Manifest, switch: Switch) -> bool:
    kind, per_user = parts.kind_of(switch.statistic), parts.is_per_user(switch.statistic)
    what = (kind.name, switch.statistic, switch.stats_range)
    rows = chain.from_iterable(
        parts.chunks(part) for part in manifest.parts if (part.kind, part.statistic, part.stats_range) == what
    )
    if manifest.span_of is not None:
        return store.save_span(cursor, manifest, switch, kind, rows)
    return store.save_switch(cursor, manifest, switch, kind, rows, per_user)


def _alive(part: _Part, broker: Broker, manifest: Manifest) -> None:
    """While a manifest is stored. A lost broker brings it again, which changes nothing; a lost store ends the work.

    Its request is not given back for want of a reader, however long a lock is waited for.
    """
    try:
        broker.keep_alive()
        _report(part, broker)
        with part.pool.transaction() as cursor:
            store.keep_request(cursor, manifest)
    except (BrokerUnavailableError, StoreUnavailableError) as problem:
        _log.warning("while a manifest is stored: %s", problem)


def _report(part: _Part, broker: Broker) -> None:
    waiting = broker.depth(SPARK_RESULT)
    with part.pool.transaction() as cursor:
        part_status.report(cursor, PART, {**part.counts, "waiting": waiting})
