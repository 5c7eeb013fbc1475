"""Slices of rate-limit windows, leased to web workers. One row per bucket and window, unlogged."""

from psycopg2.extensions import cursor as Cursor  # noqa: N812


def lease(cursor: Cursor, bucket: str, window_start: int, amount: int) -> int:
    """Lease `amount` requests of a window (epoch seconds); how many are leased by all workers now, these included."""
    cursor.execute(
        "INSERT INTO rate_limit (bucket, window_start, leased) VALUES (%s, %s, %s)"
        " ON CONFLICT (bucket, window_start) DO UPDATE SET leased = rate_limit.leased + EXCLUDED.leased"
        " RETURNING leased",
        (bucket, window_start, amount),
    )
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def forget_before(cursor: Cursor, window_start: int) -> None:
    """Drop windows that began before this second."""
    cursor.execute("DELETE FROM rate_limit WHERE window_start < %s", (window_start,))
