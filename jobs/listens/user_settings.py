"""What users set for their statistics: the time zone of their days. Each change has a position, so it lands."""

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.positions import lock_writes, take_positions
from jobs.zones import UTC_ZONE, check_zone

_PUT_ZONE = """
INSERT INTO user_settings (user_id, zone, position) VALUES (%s, %s, %s)
ON CONFLICT (user_id) DO UPDATE SET zone = EXCLUDED.zone, position = EXCLUDED.position, updated = now()
"""

# From one to the next by its index: there are many users and few zones.
_ZONES = """
WITH RECURSIVE chosen AS (
    SELECT min(zone) AS zone FROM user_settings
    UNION ALL
    SELECT (SELECT min(zone) FROM user_settings s WHERE s.zone > c.zone) FROM chosen c WHERE c.zone IS NOT NULL
)
SELECT zone FROM chosen WHERE zone IS NOT NULL
"""


def zones_chosen(cursor: Cursor) -> list[str]:
    """UTC, and every other zone that some user has chosen."""
    cursor.execute(_ZONES)
    return [UTC_ZONE, *(zone for (zone,) in cursor.fetchall() if zone != UTC_ZONE)]


def zone_of(cursor: Cursor, user_id: int) -> str:
    """The time zone the user has chosen; UTC for none."""
    cursor.execute("SELECT zone FROM user_settings WHERE user_id = %s", (user_id,))
    row = cursor.fetchone()
    return UTC_ZONE if row is None else str(row[0])


def set_zone(cursor: Cursor, user_id: int, zone: str) -> bool:
    """Choose a time zone; whether it is another than before. The same again is no change of anything.

    Raises UnknownZoneError, and ForeignKeyViolation for a user who is gone.
    """
    known = check_zone(zone)
    lock_writes(cursor)
    if zone_of(cursor, user_id) == known:
        return False
    cursor.execute(_PUT_ZONE, (user_id, known, take_positions(cursor, 1)[0]))
    return True
