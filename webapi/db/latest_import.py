"""How far a user's history at another service has been brought in: what clients note to go on from there."""

from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

SERVICES = (
    "spotify",
    "lastfm",
    "librefm",
    "soundcloud",
    "apple",
    "critiquebrainz",
    "musicbrainz",
    "funkwhale",
    "navidrome",
)
"""The services that the contract names. Its list is open; a name is added here when a client needs it."""


@dataclass(frozen=True)
class LatestImport:
    """One user and service."""

    latest_ts: int
    """Epoch seconds; 0 when nothing was noted."""
    status: dict[str, Any] | None
    """{"state", "count"}"""
    error: dict[str, Any] | None
    """{"message", "retry"}"""


def latest_import(cursor: Cursor, user_id: int, service: str) -> LatestImport:
    """What is noted for the service."""
    cursor.execute(
        "SELECT latest_ts, status, error FROM latest_import WHERE user_id = %s AND service = %s", (user_id, service)
    )
    row = cursor.fetchone()
    return LatestImport(*row) if row else LatestImport(0, None, None)


def raise_latest_import(cursor: Cursor, user_id: int, service: str, latest_ts: int) -> None:
    """Note that the history is in up to this second; an earlier one than is noted changes nothing."""
    cursor.execute(
        "INSERT INTO latest_import AS noted (user_id, service, latest_ts) VALUES (%s, %s, %s)"
        " ON CONFLICT (user_id, service) DO UPDATE SET latest_ts = EXCLUDED.latest_ts, updated = now()"
        " WHERE noted.latest_ts < EXCLUDED.latest_ts",
        (user_id, service, latest_ts),
    )
