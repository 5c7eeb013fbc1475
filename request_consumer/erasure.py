"""What is left of deleted listens and accounts outside of the lake's tables goes, and receipts are closed.

Done after each vacuum, by the process that holds the lake. Repeatable; what is away (the broker, a reader at work) is
left for the next time, and until then no receipt says that everything is gone.
"""

import logging
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from conf.broker import BrokerUnavailableError, open_broker
from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs import result_files
from jobs.chain.kept import empty_older
from jobs.listens import traces
from jobs.listens.account_deletion import mark_bytes_gone, open_deletions
from request_consumer import request_rows
from request_consumer.freshness import served_runs
from spark_reader.store import prune_entities

KEEP_RESULTS_SECONDS = 3600.0
"""Result files are younger than this while their run may still be on its way to the reader."""
KEEP_CHAIN_SECONDS = 12 * 3600.0
"""Dataframes and what else the chain of recommendations keeps of users is younger than this, or made anew."""
log = logging.getLogger(__name__)


def complete(
    settings: Settings,
    connection: Connection,
    before: datetime | None,
    now: datetime,
    at_work: Collection[UUID] = (),
) -> int:
    """Remove what no row refers to any more; how many receipts are closed by that.

    `before`: what was replaced in the lake until then is gone from disk; None: that is not known of every table.
    `at_work`: runs that are being made, whose files stay.
    """
    everything = _remove_structs(connection)
    everything = _remove_files(settings, connection, now, at_work) and everything
    everything = _remove_dead_letters(settings, connection) and everything
    if before is None or not everything:
        return 0
    with transaction(connection) as cursor:
        closed = mark_bytes_gone(cursor, before, now)
    if closed:
        log.info("of %d deleted accounts nothing is left on disk", closed)
    return closed


def _remove_structs(connection: Connection) -> bool:
    with transaction(connection) as cursor:
        pruned = prune_entities(cursor)
    if pruned is None:
        log.info("display structs are pruned the next time: a run is just being saved")
    return pruned is not None


def _remove_files(settings: Settings, connection: Connection, now: datetime, at_work: Collection[UUID]) -> bool:
    # Sums of an older data version may have what was deleted since: they go, and are counted anew.
    needed = request_rows.open_runs(connection) | served_runs(connection, newest_only=True) | {*at_work}
    try:
        result_files.remove_old_runs(settings.lake, needed, KEEP_RESULTS_SECONDS, now.timestamp())
        empty_older(settings.lake, now.timestamp() - KEEP_CHAIN_SECONDS)
        with transaction(connection) as cursor:
            traces.remove_orphaned_uploads(cursor, settings.data_dir, now.timestamp())
    except OSError as problem:
        log.warning("files of deleted accounts, or of old results, are still there: %s", problem)
        return False
    return True


def _remove_dead_letters(settings: Settings, connection: Connection) -> bool:
    with transaction(connection) as cursor:
        users = open_deletions(cursor)
    if not users:
        return True
    try:
        broker = open_broker(settings)
        try:
            traces.drop_dead_letters(broker, users)
        finally:
            broker.close()
    except BrokerUnavailableError as problem:
        log.warning("dead letters of deleted accounts are dropped the next time: %s", problem)
        return False
    return True
