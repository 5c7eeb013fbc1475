"""Rate limits: the operator's choice, and slices of windows leased to web workers, one unlogged row each."""

from dataclasses import dataclass

from psycopg2.extensions import cursor as Cursor  # noqa: N812


@dataclass(frozen=True)
class Limits:
    """Costs that are served in one window: per token, and per address without a valid token; window in seconds."""

    per_token: int
    per_address: int
    window: int


def lease(cursor: Cursor, bucket: str, window_start: int, amount: int) -> int:
    """Lease `amount` of a window (epoch seconds); how much is leased by all workers now, this included."""
    cursor.execute(
        "INSERT INTO rate_limit (bucket, window_start, leased) VALUES (%s, %s, %s)"
        " ON CONFLICT (bucket, window_start) DO UPDATE SET leased = rate_limit.leased + EXCLUDED.leased"
        " RETURNING leased",
        (bucket, window_start, amount),
    )
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def leased(cursor: Cursor, bucket: str, window_start: int) -> int:
    """How much of a window all workers have leased."""
    cursor.execute("SELECT leased FROM rate_limit WHERE bucket = %s AND window_start = %s", (bucket, window_start))
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def forget_before(cursor: Cursor, window_start: int) -> None:
    """Drop windows that began before this second."""
    cursor.execute("DELETE FROM rate_limit WHERE window_start < %s", (window_start,))


def chosen_limits(cursor: Cursor) -> Limits | None:
    """What the operator has set at run time; None: the settings count."""
    cursor.execute("SELECT per_token, per_address, window_seconds FROM rate_limit_setting")
    row = cursor.fetchone()
    return Limits(*row) if row else None


def choose_limits(cursor: Cursor, limits: Limits | None) -> None:
    """Set them for all web workers, or go back to the settings."""
    cursor.execute("DELETE FROM rate_limit_setting")
    if limits is not None:
        cursor.execute(
            "INSERT INTO rate_limit_setting (per_token, per_address, window_seconds) VALUES (%s, %s, %s)",
            (limits.per_token, limits.per_address, limits.window),
        )
