"""What each user plays at this moment: one slot per user, with an expiry."""

from typing import Any, Literal

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

PLAYING_NOW_SECONDS = 600
"""How long something plays when its listen does not say."""

Cleared = Literal["cleared", "nothing there", "another's"]


def playing_seconds(info: dict[str, Any]) -> int:
    """How long a validated playing_now with this additional_info lasts, in seconds."""
    if "duration" in info:
        return int(info["duration"])
    return int(info["duration_ms"]) // 1000 if "duration_ms" in info else PLAYING_NOW_SECONDS


def set_playing_now(cursor: Cursor, user_id: int, track_metadata: dict[str, Any], seconds: int) -> None:
    """Fill the slot for so many seconds. The same track and artist as in a living slot changes nothing."""
    cursor.execute(
        "INSERT INTO playing_now AS slot (user_id, track_metadata, started, expires)"
        " VALUES (%(user)s, %(track)s, now(), now() + %(seconds)s * interval '1 second')"
        " ON CONFLICT (user_id) DO UPDATE SET track_metadata = EXCLUDED.track_metadata,"
        " started = EXCLUDED.started, expires = EXCLUDED.expires"
        " WHERE slot.expires <= EXCLUDED.started"
        " OR (slot.track_metadata::json ->> 'track_name', slot.track_metadata::json ->> 'artist_name')"
        " IS DISTINCT FROM (%(name)s, %(artist)s)",
        {
            "user": user_id,
            "track": orjson.dumps(track_metadata).decode(),
            "seconds": seconds,
            "name": track_metadata["track_name"],
            "artist": track_metadata["artist_name"],
        },
    )


def get_playing_now(cursor: Cursor, user_id: int) -> dict[str, Any] | None:
    """The track_metadata in the slot, while it lives."""
    cursor.execute("SELECT track_metadata FROM playing_now WHERE user_id = %s AND expires > now()", (user_id,))
    row = cursor.fetchone()
    return orjson.loads(row[0]) if row else None


def clear_playing_now(cursor: Cursor, user_id: int, client: str | None) -> Cleared:
    """Empty the slot; with `client` only if that submission_client filled it."""
    cursor.execute(
        "SELECT track_metadata FROM playing_now WHERE user_id = %s AND expires > now() FOR UPDATE", (user_id,)
    )
    row = cursor.fetchone()
    if row is None:
        return "nothing there"
    if client is not None and orjson.loads(row[0])["additional_info"].get("submission_client") != client:
        return "another's"
    cursor.execute("DELETE FROM playing_now WHERE user_id = %s", (user_id,))
    return "cleared"


def forget_expired(cursor: Cursor) -> None:
    """Drop slots that ended."""
    cursor.execute("DELETE FROM playing_now WHERE expires < now()")
