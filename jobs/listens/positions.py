"""Positions: one sequence numbers every landed change, taken under one lock, so that position order is commit order.

PostgreSQL makes a commit visible before it gives up the transaction's locks: who takes the next position sees all
smaller ones, and a reader's snapshot never holds a position without all smaller ones that will ever exist.
"""

from psycopg2.extensions import cursor as Cursor  # noqa: N812

WRITE_LOCK = 0x4C4C_0001
"""Advisory lock of every transaction that takes positions: held to its end."""


def lock_writes(cursor: Cursor) -> None:
    """Wait for our turn to write; to be called before anything a write decides by is read."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))


def take_positions(cursor: Cursor, count: int) -> range:
    """The next `count` (at least 1) positions, dense and ascending. Only under `lock_writes`."""
    cursor.execute("SELECT setval('change_position', nextval('change_position') + %s)", (count - 1,))
    row = cursor.fetchone()
    assert row is not None
    return range(row[0] - count + 1, row[0] + 1)
