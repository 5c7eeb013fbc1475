"""Listens in API form, and what became of them."""

from typing import Any

from conf.postgres import Connection, transaction

YEAR = 1609459200
"""2021-01-01: the tests count seconds from here."""


def listen(second: int, track: str = "Help!", **info: Any) -> dict[str, Any]:
    """A listen `second` seconds after 2021-01-01."""
    return {
        "listened_at": YEAR + second,
        "track_metadata": {"artist_name": "The Beatles", "track_name": track, "additional_info": info},
    }


def stored(connection: Connection) -> list[tuple[int, int, str]]:
    """(user, seconds after 2021-01-01, track) of every row of `listen`."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT user_id, listened_at - %s, track_name FROM listen ORDER BY 1, 2, 3", (YEAR,))
        return cursor.fetchall()


def totals(connection: Connection, user_id: int) -> tuple[int, int | None, int | None] | None:
    """(count, oldest, newest), in seconds after 2021-01-01."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT listen_count, oldest_listened_at - %s, newest_listened_at - %s"
            " FROM listen_totals WHERE user_id = %s",
            (YEAR, YEAR, user_id),
        )
        return cursor.fetchone()
