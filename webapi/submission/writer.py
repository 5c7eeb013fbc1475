"""The listen writer's loop: take messages from `incoming`, write them, then ack.

Nothing is acked before its effect is committed, so whatever dies, a message comes again and is written once. Memory
does not grow with the backlog: a batch is limited by messages and by bytes. A lost broker or PostgreSQL is waited for;
a batch in hand meanwhile stays there, for a message delivered too often becomes a dead letter.
"""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf import part_status
from conf.broker import INCOMING, Broker, BrokerUnavailableError, Delivery, open_broker
from conf.faults import fault_point
from conf.postgres import Connection, Pool, StoreUnavailableError, dsn
from conf.settings import Settings
from jobs.listens.listen import DecodeError, Submission
from jobs.listens.prune import prune_exclusion_deletes, prune_messages, prune_playlists, prune_tombstones
from jobs.listens.write import Outcome, write_submissions

PART = "listen_writer"
BATCH_MESSAGES = 200
"""Most messages of one transaction."""
FIRST_BATCH = 20
"""The first batch is small: how big messages are is not known yet."""
BATCH_BYTES = 8_000_000
"""A batch is full at this many bytes; one message may be bigger, 10 MB as the API takes them."""
FLUSH_SECONDS = 0.1
"""How long a batch that is not full waits for more."""
IDLE_SECONDS = 1.0
RETRY_SECONDS = 1.0
REPORT_SECONDS = 2.0
PRUNE_SECONDS = 3600.0

log = logging.getLogger(__name__)

_STORE_AWAY = (StoreUnavailableError, psycopg2.OperationalError)
"""Gone, or out of disk, memory or connections: nothing is wrong with what was to be written."""
_LOST = (BrokerUnavailableError, *_STORE_AWAY)
_POISON = (psycopg2.DataError, psycopg2.IntegrityError, ValueError)


def run(settings: Settings, stop: threading.Event) -> None:
    """Write what comes until `stop` is set. Broker and PostgreSQL may come and go; other errors end the part."""
    writer = Writer(settings)
    try:
        while not stop.is_set():
            try:
                writer.work(stop)
            except _LOST as problem:
                log.warning("waiting for broker and PostgreSQL: %s", str(problem).strip())
                writer.disconnect()
                stop.wait(RETRY_SECONDS)
    finally:
        writer.close()


class Writer:
    """One consumer of `incoming` with its connections and its figures."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._broker: Broker | None = None
        self._pool = Pool(dsn(settings), PART)
        self._step = FIRST_BATCH
        self._reported = self._pruned = float("-inf")
        self.figures = {"messages": 0, "written": 0, "duplicates": 0, "suppressed": 0, "rejected": 0, "poison": 0}
        self.lag_seconds = 0.0
        """Age of the oldest listen of the last batch when it was committed; 0 when nothing waits."""

    def work(self, stop: threading.Event) -> None:
        """Batches until `stop`; raises one of _LOST when the broker is gone, or PostgreSQL with no batch in hand."""
        if self._broker is None:
            self._broker = open_broker(self._settings)
        broker = self._broker
        while not stop.is_set():
            deliveries = self.take(broker, stop)
            if deliveries:
                fault_point("writer.receive")
                self._write_patiently(broker, deliveries, stop)
            else:
                self.lag_seconds = 0.0
            self._housekeeping(broker)

    def _write_patiently(self, broker: Broker, deliveries: Sequence[Delivery], stop: threading.Event) -> None:
        while True:
            try:
                with self._pool.session() as connection:
                    self.write(broker, connection, deliveries)
                return
            except _STORE_AWAY as problem:
                if stop.is_set():
                    raise
                log.warning("%d messages wait for PostgreSQL: %s", len(deliveries), str(problem).strip())
            stop.wait(RETRY_SECONDS)
            broker.keep_alive()

    def take(self, broker: Broker, stop: threading.Event) -> list[Delivery]:
        """One batch: what waits, and what comes within FLUSH_SECONDS, up to the limits."""
        taken = broker.consume(INCOMING, self._step, IDLE_SECONDS)
        if taken and not self._full(taken):
            if len(taken) < self._step:
                stop.wait(FLUSH_SECONDS)
            taken += broker.consume(INCOMING, min(self._step, BATCH_MESSAGES - len(taken)), 0)
        if taken:
            self._step = max(1, min(BATCH_MESSAGES, BATCH_BYTES // max(len(d.body) for d in taken)))
        return taken

    @staticmethod
    def _full(taken: Sequence[Delivery]) -> bool:
        return len(taken) >= BATCH_MESSAGES or sum(len(d.body) for d in taken) >= BATCH_BYTES

    def write(self, broker: Broker, connection: Connection, deliveries: Sequence[Delivery]) -> None:
        """Write and ack a batch; what is no submission, or cannot be written at all, becomes a dead letter."""
        decoded = [(delivery, s) for delivery in deliveries if (s := self._decode(broker, delivery)) is not None]
        try:
            self._write_together(broker, connection, decoded)
        except _POISON as problem:
            if len(decoded) == 1:
                self._reject(broker, decoded[0][0], f"cannot be written: {problem}")
                return
            for one in decoded:
                self.write(broker, connection, [one[0]])

    def _write_together(
        self, broker: Broker, connection: Connection, decoded: Sequence[tuple[Delivery, Submission]]
    ) -> None:
        if not decoded:
            return
        outcomes = write_submissions(connection, [submission for _, submission in decoded])
        fault_point("writer.commit")
        broker.ack([delivery for delivery, _ in decoded])
        fault_point("writer.ack")
        self._count(outcomes, min(submission.submitted_at for _, submission in decoded))

    def _decode(self, broker: Broker, delivery: Delivery) -> Submission | None:
        try:
            return Submission.decode(delivery.body)
        except DecodeError as problem:
            self._reject(broker, delivery, str(problem))
            return None

    def _reject(self, broker: Broker, delivery: Delivery, reason: str) -> None:
        broker.reject(delivery, reason)
        self.figures["poison"] += 1
        log.error("a message of %d bytes is a dead letter now: %s", len(delivery.body), reason)

    def _count(self, outcomes: Sequence[Outcome], oldest: int) -> None:
        self.figures["messages"] += len(outcomes)
        for outcome in outcomes:
            if not outcome.replayed:
                self.figures["written"] += outcome.inserted
                self.figures["duplicates"] += outcome.duplicate
                self.figures["suppressed"] += outcome.suppressed
                self.figures["rejected"] += outcome.rejected
        self.lag_seconds = max(0.0, time.time() - oldest / 1e6)

    def _housekeeping(self, broker: Broker) -> None:
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS:
            waiting = broker.depth(INCOMING)
            with self._pool.transaction() as cursor:
                self._report(cursor, waiting)
            self._reported = now
        if now - self._pruned >= PRUNE_SECONDS and self.lag_seconds < PRUNE_SECONDS:
            self._prune(broker)
            self._pruned = now

    def _report(self, cursor: Cursor, waiting: int) -> None:
        figures = {**self.figures, "lag_seconds": round(self.lag_seconds, 3), "waiting": waiting}
        part_status.report(cursor, PART, figures)

    def _prune(self, broker: Broker) -> None:
        keep_deletes = broker.dead_letters(INCOMING, limit=1) or broker.depth(INCOMING)
        with self._pool.transaction() as cursor:
            messages = prune_messages(cursor)
            deletes = prune_exclusion_deletes(cursor) + (0 if keep_deletes else prune_tombstones(cursor))
            expired = prune_playlists(cursor)
        log.info("forgot %d old message ids, %d old deletes, %d playlists", messages, deletes, expired)

    def disconnect(self) -> None:
        """Drop both connections: what is in hand comes again."""
        with suppress(*_LOST):
            if self._broker is not None:
                self._broker.close()
        self._pool.discard()
        self._broker = None

    def close(self) -> None:
        """End in order: say so in `part_status`, then disconnect."""
        with suppress(*_LOST), self._pool.transaction() as cursor:
            part_status.withdraw(cursor, PART)
        self.disconnect()
