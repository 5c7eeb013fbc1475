"""Small worlds for worked examples."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.oracle.catalog import mbid
from tests.oracle.msid import msid
from tests.oracle.world import Exclusions, Listen, Settings, Track, World

A, B, C = (mbid(0, 1, index) for index in range(3))
"""Artists."""
R, S, Q = (mbid(0, 2, index) for index in range(3))
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


def merged_world() -> World:
    """Where R was merged into S, which users 1 and 2 hear in 2021, in part as R; T is in 2022.

    Everybody hears Q too; all others also what has no MBID, so that 1 and 2 are the most like each of them. User 1
    heard R the year before. Of the others, who hear neither in 2021, 3 did so too, 4 excludes R and 5 excludes S.
    """
    old, new = (track("Low", "Lies", recording_mbid=one) for one in (R, S))
    made = world("2022-06-01", (1, "2020-05-01", old), (3, "2020-05-01", old), users=range(1, 7))
    for user_id in made.users:
        made.add(*many(user_id, "2021-05-01", track("Low", "Words", recording_mbid=Q), 51))
        if user_id > 2:
            made.add(*many(user_id, "2021-06-01", track("Low", f"Noise {user_id}"), 30))
    made.add(*many(1, "2021-07-01", new, 4), *many(2, "2021-07-01", old, 2), *many(2, "2021-08-01", new, 2))
    made.metadata.merged = {R: S}
    for user_id, unwanted in ((4, R), (5, S)):
        made.settings[user_id] = Settings(exclusions=Exclusions(recording_mbids=frozenset({unwanted})))
    return made


MERGED_DISCOVERED = {1: {Q}, 2: {Q, S}, 3: {Q}, 4: {Q}, 5: {Q}, 6: {Q}}
MERGED_MISSED = {6: {S}}
"""By user, of merged_world in 2021: recordings that she discovers, and that she misses."""
