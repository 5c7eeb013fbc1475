"""The embedded broker: a queue is rows of `queue_message` in PostgreSQL, a dead letter a row of `queue_dead_letter`.

A claim is a row's `claimed_by`: a random number whose advisory lock the consumer's session holds. The lock ends with
the session, however the consumer dies, so whoever can take it knows that the claim is free, at once. Publishing is
durable when the statement returns; claims and acks commit without waiting for the disk: a server that crashes ends
all claims anyway, and an ack it forgets only brings the message again.
"""

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from psycopg2 import Binary, sql

from conf.broker import BrokerUnavailableError, DeadLetter, Delivery
from conf.broker.postgresql_session import PostgreSQLSession
from conf.broker.reason import storable

CLAIM_LOCKS = 0x51554555
"""Class of the advisory locks that keep claims alive; the second key is `claimed_by`."""
PATIENCE = 5.0
"""Seconds until an unresponsive server counts as unavailable, connecting included."""
BYTES_PER_SECOND = 5_000_000
"""Slowest transfer that still counts as working: what is added to PATIENCE for big bodies."""
POLL_SECONDS = 1.0
"""A claim can become free without a bell (its owner was killed): look this often."""

# Prepared once a session: to parse and plan it costs the server as much as to run it.
_PREPARE_PUBLISH = """
PREPARE publish (text, bytea[]) AS
WITH added AS (
    INSERT INTO queue_message (queue, body)
    SELECT $1, body FROM unnest($2) WITH ORDINALITY AS given (body, n) ORDER BY n
    RETURNING id
)
SELECT pg_notify('queue_' || $1, '') FROM (SELECT FROM added LIMIT 1) AS bell
"""
_PUBLISH = "EXECUTE publish (%(queue)s, %(bodies)s::bytea[])"

# A message at its last chance goes alone, so that it can only take itself down with its consumer.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id, deliveries >= %(most)s - 1 AS suspect FROM queue_message
    WHERE queue = %(queue)s AND CASE WHEN claimed_by IS NULL THEN true WHEN claimed_by = %(me)s THEN false
        ELSE pg_try_advisory_xact_lock(%(locks)s, claimed_by::integer) END
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), first AS (SELECT id, suspect FROM due ORDER BY id LIMIT 1),
chosen AS (
    SELECT due.id FROM due, first WHERE due.id = first.id OR NOT (due.suspect OR first.suspect)
), given_up AS (
    DELETE FROM queue_message m USING chosen WHERE m.id = chosen.id AND m.deliveries >= %(most)s
    RETURNING m.queue, m.body, m.deliveries
), buried AS (
    INSERT INTO queue_dead_letter (queue, body, reason, deliveries)
    SELECT queue, body, 'delivered ' || deliveries || ' times and never done', deliveries FROM given_up
    RETURNING id
), taken AS (
    UPDATE queue_message m SET deliveries = m.deliveries + 1, claimed_by = %(me)s
    FROM chosen WHERE m.id = chosen.id AND m.deliveries < %(most)s
    RETURNING m.id, m.body, m.deliveries
)
SELECT id, body, deliveries, set_config('synchronous_commit', 'off', true) FROM taken
UNION ALL SELECT NULL, NULL, NULL, NULL FROM buried
ORDER BY id
"""

_ACK = """
WITH gone AS (DELETE FROM queue_message WHERE id = ANY(%(ids)s) AND claimed_by = %(me)s RETURNING id)
SELECT count(*), set_config('synchronous_commit', 'off', true) FROM gone
"""

_RELEASE = """
WITH freed AS (
    UPDATE queue_message SET claimed_by = NULL WHERE id = ANY(%(ids)s) AND claimed_by = %(me)s RETURNING queue
)
SELECT pg_notify('queue_' || queue, '') FROM (SELECT DISTINCT queue FROM freed) AS bells
"""

_REJECT = """
WITH gone AS (
    DELETE FROM queue_message WHERE id = ANY(%(ids)s) AND claimed_by = %(me)s RETURNING queue, body, deliveries
)
INSERT INTO queue_dead_letter (queue, body, reason, deliveries)
SELECT queue, body, %(reason)s, deliveries FROM gone
"""

_RETRY = """
WITH chosen AS (
    DELETE FROM queue_dead_letter
    WHERE queue = %(queue)s AND (%(ids)s::text[] IS NULL OR id::text = ANY(%(ids)s)) RETURNING id, body
), added AS (
    INSERT INTO queue_message (queue, body) SELECT %(queue)s, body FROM chosen ORDER BY id RETURNING id
)
SELECT count(*), pg_notify('queue_' || %(queue)s, '') FROM added
"""

_NEXT_DEAD = """
SELECT id, body FROM queue_dead_letter WHERE queue = %(queue)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""
DEAD_AT_ONCE = 10
"""Dead letters in memory while they are looked through: bodies are up to 10 MB."""


class PostgreSQLBroker:
    """The queues of one PostgreSQL database, for one thread. See `conf.broker.Broker`."""

    def __init__(self, url: str, *, max_deliveries: int) -> None:
        self._url = url
        self._max_deliveries = max_deliveries
        self._session: PostgreSQLSession | None = None
        self._consumer = 0
        self._listening: set[str] = set()
        self._prepared = False
        self._tags = itertools.count(1)
        self._held: dict[int, int] = {}
        """Row id by tag, of the deliveries in hand on this session."""

    def publish(self, queue: str, bodies: Sequence[bytes]) -> None:
        """One transaction: all bodies are in the queue, or, after an error, all or none."""
        if not bodies:
            return
        patience = PATIENCE + sum(map(len, bodies)) / BYTES_PER_SECOND
        deadline = time.monotonic() + patience
        session = self._open(patience)
        if not self._prepared:
            self._run_on(session, _PREPARE_PUBLISH, {}, seconds=deadline - time.monotonic())
            self._prepared = True
        given = {"queue": queue, "bodies": [Binary(body) for body in bodies]}
        self._run_on(session, _PUBLISH, given, seconds=deadline - time.monotonic())

    def consume(self, queue: str, max_messages: int, wait_seconds: float) -> list[Delivery]:
        """Claim the oldest free messages; wait for a bell, and look again each second, when there is none."""
        deadline = time.monotonic() + wait_seconds
        while True:
            session = self._listening_session(queue)
            session.forget_notifications()
            taken, gave_up = self._claim(session, queue, max_messages)
            if taken:
                return taken
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            if not gave_up:
                session.wait_for_notification(min(left, POLL_SECONDS))

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Remove them from their queue."""
        self._settle(_ACK, deliveries)

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """Give the claims up, and ring."""
        self._settle(_RELEASE, deliveries)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Move it to the dead letters, in one transaction."""
        self._settle(_REJECT, [delivery], reason=storable(reason))

    def keep_alive(self) -> None:
        """Read what the server sent. Raises BrokerUnavailableError when the session is lost, and the claims with it."""
        if self._session is not None and self._session.lost:
            self._drop()
            raise BrokerUnavailableError("the connection to the queue tables was lost; what was in hand comes again")

    def depth(self, queue: str) -> int:
        """Messages waiting or in anybody's hand."""
        [(count,)] = self._run("SELECT count(*) FROM queue_message WHERE queue = %(queue)s", {"queue": queue})
        return int(count)

    def oldest_age(self, queue: str) -> float | None:
        """Of the message with the smallest id."""
        rows = self._run(
            "SELECT extract(epoch FROM clock_timestamp() - enqueued)::float8 FROM queue_message"
            " WHERE queue = %(queue)s ORDER BY queue_message.id LIMIT 1",
            {"queue": queue},
        )
        return max(0.0, rows[0][0]) if rows else 0.0

    def dead_letter_count(self, queue: str) -> int:
        """Counted."""
        [(count,)] = self._run("SELECT count(*) FROM queue_dead_letter WHERE queue = %(queue)s", {"queue": queue})
        return int(count)

    def dead_letters(self, queue: str, limit: int = 100) -> list[DeadLetter]:
        """The oldest ones."""
        rows = self._run(
            "SELECT id::text, queue, body, reason, deliveries, created FROM queue_dead_letter"
            " WHERE queue = %(queue)s ORDER BY queue_dead_letter.id LIMIT %(limit)s",
            {"queue": queue, "limit": limit},
        )
        return [DeadLetter(i, q, bytes(body), reason, n, created) for i, q, body, reason, n, created in rows]

    def retry_dead_letters(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """One transaction: out of the dead letters, into the queue."""
        [(count, _)] = self._run(_RETRY, {"queue": queue, "ids": None if ids is None else list(ids)})
        return int(count)

    def drop_dead_letters(self, queue: str, unwanted: Callable[[bytes], bool]) -> int:
        """Looked through in order of their ids, a few at a time."""
        after, dropped = 0, 0
        while rows := self._run(_NEXT_DEAD, {"queue": queue, "after": after, "limit": DEAD_AT_ONCE}):
            after = rows[-1][0]
            ids = [row_id for row_id, body in rows if unwanted(bytes(body))]
            if ids:
                gone = self._run("DELETE FROM queue_dead_letter WHERE id = ANY(%(ids)s) RETURNING id", {"ids": ids})
                dropped += len(gone)
        return dropped

    def close(self) -> None:
        """Release what is in hand; should that fail, the end of the session frees it all the same."""
        if self._session is None:
            return
        try:
            if self._held and not self._session.lost:
                self._run(_RELEASE, {"ids": list(self._held.values()), "me": self._consumer})
        except BrokerUnavailableError:
            pass
        finally:
            self._drop()

    def _claim(self, session: PostgreSQLSession, queue: str, limit: int) -> tuple[list[Delivery], bool]:
        parameters = {"queue": queue, "limit": limit, "most": self._max_deliveries}
        rows = self._run_on(session, _CLAIM, {**parameters, "me": self._consumer, "locks": CLAIM_LOCKS})
        taken = [self._hold(queue, *row[:3]) for row in rows if row[0] is not None]
        return taken, len(taken) < len(rows)

    def _hold(self, queue: str, row_id: int, body: memoryview, deliveries: int) -> Delivery:
        tag = next(self._tags)
        self._held[tag] = row_id
        return Delivery(queue, bytes(body), tag, deliveries)

    def _settle(self, statement: str, deliveries: Sequence[Delivery], **more: str) -> None:
        session = self._open(PATIENCE)
        held = [d.tag for d in deliveries if d.tag in self._held]
        if not held:
            return
        self._run_on(session, statement, {"ids": [self._held[tag] for tag in held], "me": self._consumer, **more})
        for tag in held:
            del self._held[tag]

    def _listening_session(self, queue: str) -> PostgreSQLSession:
        session = self._open(PATIENCE)
        while not self._consumer:
            given = {"locks": CLAIM_LOCKS, "me": secrets.randbelow(2**31 - 1) + 1}
            [(got,)] = self._run_on(session, "SELECT pg_try_advisory_lock(%(locks)s, %(me)s)", given)
            self._consumer = given["me"] if got else 0
        if queue not in self._listening:
            self._run_on(session, sql.SQL("LISTEN {}").format(sql.Identifier(f"queue_{queue}")), {})
            self._listening.add(queue)
        return session

    def _run(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        started = time.monotonic()
        session = self._open(PATIENCE)
        return self._run_on(session, statement, parameters, seconds=PATIENCE - (time.monotonic() - started))

    def _run_on(
        self,
        session: PostgreSQLSession,
        statement: str | sql.Composable,
        parameters: dict[str, Any],
        seconds: float = PATIENCE,
    ) -> list[tuple[Any, ...]]:
        try:
            return session.run(statement, parameters, seconds=seconds)
        except BrokerUnavailableError:
            self._drop()
            raise

    def _open(self, seconds: float) -> PostgreSQLSession:
        if self._session is not None and self._session.lost:
            self._drop()
        if self._session is None:
            self._session = PostgreSQLSession(self._url, seconds)
        return self._session

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
        self._consumer = 0
        self._prepared = False
        self._listening.clear()
        self._held.clear()
