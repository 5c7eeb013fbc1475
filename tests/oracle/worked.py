"""Small worlds for worked examples."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.oracle.catalog import mbid
from tests.oracle.msid import msid
from tests.oracle.world import Listen, Track, World

A, B, C = (mbid(0, 1, index) for index in range(3))
"""Artists."""
R, S = (mbid(0, 2, index) for index in range(2))
"""Recordings."""
X, Y = (mbid(0, 3, index) for index in range(2))
"""Releases."""
G, H = (mbid(0, 4, index) for index in range(2))
"""Release groups."""


def ts(text: str) -> int:
    """Epoch seconds of an ISO time, UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def track(artist: str = "Low", title: str = "Lies", release: str | None = None, **mbids: Any) -> Track:
    """A track, with its MSID."""
    return Track(msid(artist, title, release), artist, title, release, **mbids)


def world(newest: str, *plays: tuple[int, str, Track], users: Sequence[int] = (1, 2, 3)) -> World:
    """Users 1 to 3 who played tracks at these times."""
    made = World(ts(newest), {user_id: f"user {user_id}" for user_id in users})
    made.add(*(Listen(user_id, ts(at), what) for user_id, at, what in plays))
    return made


def many(user_id: int, at: str, what: Track, count: int) -> list[Listen]:
    """The same every second from a time on."""
    return [Listen(user_id, ts(at) + second, what) for second in range(count)]
