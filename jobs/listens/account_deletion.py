"""An account and everything of it goes, in one transaction under the write lock; a receipt tells how far that has come.

What is kept of a person, and how it goes:

- at once, here: `users`, `listen`, `listen_totals`, `rejected_listen`, `listen_delete`, `mapping`, `mapping_delete`
  (MSIDs are hashes of names, so they go too), `playing_now`, tokens, sessions of every protocol, love, hate and
  ratings, time zone and exclusions, imports and how far they had come, playlists that she made or that were made for
  her (foreign keys cascade; in others' playlists what she put there stays, without her name), and her rows in
  `result_list` and `result_document`;
- listens still queued: the writer suppresses what belongs to no user, and ids are never given out twice;
- right after the commit, and again with each vacuum until the receipt is closed: dead letters and uploaded files
  (jobs/listens/traces.py), display structs of `result_entity` that no list names any more, result files of older runs;
- with the next landing: her rows in the lake's users, mapping, user_settings, exclusions, listens, rejected_listens
  (jobs/land_changes.py);
- with the purge after it: names of tracks and clients that nobody else has;
- with the vacuum 24 hours later: every older file of these tables, their change feeds included. The Delta log has
  statistics of keys only (jobs/tables), hence no name.

What Spark spills to disk goes with its JVM; of a killed one when the next starts.

Requests, reports, the log of the lake and the rows kept here (`user_delete`, `account_deletion`) know her id at most;
of a user of a dump also her number there, so that no later dump brings her back.
Documents of artists' listeners know her id too, until the next run: who is gone is left out when they are answered.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.catalog import catalog
from jobs.job import PER_USER
from jobs.listens.positions import lock_writes, take_positions
from jobs.listens.removal import remove_listens

PROMISE = timedelta(hours=48)
"""At the latest so long after the request nothing is left on disk."""

LISTS_LOCK = 0x4C4C_0002
"""Advisory lock: shared while somebody writes lists of users that are there, exclusive while a user goes."""

_OWN = (
    "DELETE FROM rejected_listen WHERE user_id = %s",
    "DELETE FROM listen_delete WHERE user_id = %s",
    "DELETE FROM mapping WHERE user_id = %s",
    "DELETE FROM mapping_delete WHERE user_id = %s",
)
# By the key of each row: a scan of everybody's lists would take long.
_RESULTS = """
WITH served AS (SELECT statistic, stats_range FROM run WHERE statistic = ANY(%(statistics)s)), lists AS (
    DELETE FROM result_list l USING served r
     WHERE l.statistic = r.statistic AND l.stats_range = r.stats_range AND l.key IN (%(user_id)s, -%(user_id)s))
DELETE FROM result_document d USING served r
 WHERE d.statistic = r.statistic AND d.stats_range = r.stats_range AND d.key IN (%(user_id)s, -%(user_id)s)
"""
_RECEIPT = """
INSERT INTO account_deletion (id, user_id, position, listens, requested)
VALUES (%s, %s, %s, %s, to_timestamp(%s / 1e6))
"""


class UserGoneError(LookupError):
    """The account does not exist (any more): nothing was done."""


@dataclass(frozen=True)
class Deleted:
    """What went."""

    receipt: UUID
    user_id: int
    listens: int
    uploads: tuple[UUID, ...]
    """Imports whose files are still to be removed: `jobs.listens.traces`."""


@dataclass(frozen=True)
class Receipt:
    """How far the deletion of an account has come. Times are UTC; None: not yet."""

    id: UUID
    listens: int
    requested: datetime
    landed: datetime | None
    purged: datetime | None
    bytes_gone: datetime | None

    @property
    def at_most_by(self) -> datetime:
        """When nothing is left on disk at the latest."""
        return self.requested + PROMISE

    def stages(self) -> list[tuple[str, str, datetime | None]]:
        """(name, what it means, when it was reached), in their order."""
        return [
            ("rows", "nothing of the account is served or kept in the database", self.requested),
            ("lake", "nothing of it is in the newest version of the lake", self.purged),
            ("bytes", "older files that had it are gone from disk", self.bytes_gone),
        ]

    def document(self) -> dict[str, Any]:
        """As JSON: times in epoch seconds, null where a stage is not reached."""
        stages = [
            {"name": name, "about": about, "done": at is not None, "at": None if at is None else int(at.timestamp())}
            for name, about, at in self.stages()
        ]
        return {
            "receipt": str(self.id),
            "listens": self.listens,
            "requested": int(self.requested.timestamp()),
            "at_most_by": int(self.at_most_by.timestamp()),
            "stages": stages,
        }


def delete_account(connection: Connection, user_id: int, requested_at: int) -> Deleted:
    """Delete a user and everything of hers from PostgreSQL, in one transaction; the name is free again.

    `requested_at`: epoch microseconds. Raises UserGoneError. `traces.remove_traces` is to be called afterwards.
    """
    with transaction(connection) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LISTS_LOCK,))
        lock_writes(cursor)
        cursor.execute("SELECT source, foreign_id FROM users WHERE id = %s FOR UPDATE", (user_id,))
        foreign = cursor.fetchone()
        if foreign is None:
            raise UserGoneError(f"there is no user with the id {user_id}: was the account deleted already?")
        cursor.execute("SELECT id FROM user_import WHERE user_id = %s", (user_id,))
        uploads = tuple(import_id for (import_id,) in cursor.fetchall())
        listens = remove_listens(cursor, user_id)
        for statement in _OWN:
            cursor.execute(statement, (user_id,))
        cursor.execute(_RESULTS, {"statistics": per_user_statistics(), "user_id": user_id})
        cursor.execute("DELETE FROM users WHERE id = %s", (user_id,))
        position = take_positions(cursor, 1)[0]
        cursor.execute(
            "INSERT INTO user_delete (position, user_id, source, foreign_id) VALUES (%s, %s, %s, %s)",
            (position, user_id, *foreign),
        )
        receipt = uuid4()
        cursor.execute(_RECEIPT, (receipt, user_id, position, listens, requested_at))
    return Deleted(receipt, user_id, listens, uploads)


def per_user_statistics() -> list[str]:
    """The statistics whose keys are users."""
    return [name for name, job in catalog().jobs.items() if isinstance(job.output, PER_USER)]


def find_receipt(cursor: Cursor, receipt: UUID) -> Receipt | None:
    """The receipt of that number; None when there is none."""
    cursor.execute(
        "SELECT id, listens, requested, landed, purged, bytes_gone FROM account_deletion WHERE id = %s", (receipt,)
    )
    row = cursor.fetchone()
    return Receipt(*row) if row else None


def mark_landed(cursor: Cursor, position: int, now: datetime) -> int:
    """The lake has every change up to a position; how many receipts learn of it."""
    cursor.execute(
        "UPDATE account_deletion SET landed = %s WHERE bytes_gone IS NULL AND landed IS NULL AND position <= %s",
        (now, position),
    )
    return cursor.rowcount


def purge_wanted(cursor: Cursor) -> bool:
    """Whether names of a user who has left the lake may still be in its newest version."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM account_deletion"
        " WHERE bytes_gone IS NULL AND landed IS NOT NULL AND purged IS NULL)"
    )
    row = cursor.fetchone()
    return row is not None and bool(row[0])


def mark_purged(cursor: Cursor, position: int, now: datetime) -> int:
    """Of what landed up to a position no orphan is left in the newest version; how many receipts learn of it."""
    cursor.execute(
        "UPDATE account_deletion SET purged = %s"
        " WHERE bytes_gone IS NULL AND landed IS NOT NULL AND purged IS NULL AND position <= %s",
        (now, position),
    )
    return cursor.rowcount


def open_deletions(cursor: Cursor) -> set[int]:
    """Ids of deleted users of whom something may be left on disk."""
    cursor.execute("SELECT user_id FROM account_deletion WHERE bytes_gone IS NULL")
    return {user_id for (user_id,) in cursor.fetchall()}


def mark_bytes_gone(cursor: Cursor, before: datetime, now: datetime) -> int:
    """Every file replaced before a time is gone; how many receipts are closed by that."""
    cursor.execute(
        "UPDATE account_deletion SET bytes_gone = %s WHERE bytes_gone IS NULL AND purged <= %s", (now, before)
    )
    return cursor.rowcount
