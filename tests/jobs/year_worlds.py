"""Worlds for the year in music: generated histories whose users also played much in and around one year, alike."""

import random
from datetime import datetime

from tests.oracle.catalog import mbid
from tests.oracle.histories import CLIENTS, ZONES, plan
from tests.oracle.windows import epoch
from tests.oracle.worked import track
from tests.oracle.world import Listen, ReleaseGroup, Track, World

YEAR = 2021
KINDS = ("Album", "Album", "EP", "Single", "Other", "Broadcast", None, "Album")
BUSY = 120
"""Listens of a busy user in the year; every third user has none but those of her history."""


def year_world(seed: int, histories: int = 4) -> World:
    """The same for the same arguments. T is in the middle of the year after YEAR."""
    chance = random.Random(seed)  # noqa: S311 - test data
    *_, world = plan(seed, histories, 5).worlds()
    world.newest = epoch(datetime(YEAR + 1, 6, 30), "UTC")
    tracks = sorted({listen.track for listen in world.listens.values()}, key=lambda track: (track.msid, repr(track)))
    for user_id in world.users:
        if user_id % 3:
            world.add(*_listens(chance, user_id, tracks))
    world.metadata.merged = _merged(world)
    return world


def _merged(world: World) -> dict[str, str]:
    """Of the recordings that are heard every third was merged into the one before it, mostly of the same history."""
    sent = {listen.track.recording_mbid for listen in world.listens.values()}
    said = sent | {row.recording_mbid for row in world.mapping.values()}
    mbids = sorted(one for one in said if one is not None)
    return dict(zip(mbids[2::3], mbids[1::3], strict=False))


def _listens(chance: random.Random, user_id: int, tracks: list[Track]) -> list[Listen]:
    """Mostly of some tracks that she likes, in the year; some on its edges, the year before, the year after."""
    liked = chance.sample(tracks, k=min(len(tracks), 40))
    return [_listen(chance, user_id, chance.choice(liked)) for _ in range(BUSY + BUSY // 2)]


def _listen(chance: random.Random, user_id: int, track: Track) -> Listen:
    first, end = (epoch(datetime(year, 1, 1), chance.choice(ZONES)) for year in (YEAR, YEAR + 1))
    kind = chance.random()
    if kind < 0.1:
        at = chance.choice((first, end)) + chance.choice((-1, 0, 1, -3600, 3600))
    elif kind < 0.2:
        at = first - chance.randint(1, 86400 * 300)
    else:
        at = chance.randint(first, end)
    return Listen(user_id, at, track, chance.choice(CLIENTS), chance.choice((None, None, 30_000)))


def crowded_world() -> World:
    """Where every limit of a report cuts. Each of 31 users has more to show than is shown, and as many are like her.

    User 1 discovers three recordings each of 54 artists, of 30 genres. The others hear the first sixty of them, each
    another number of times, and a hundred that nobody else does.
    """
    world = World(epoch(datetime(YEAR + 1, 6, 30), "UTC"), {user_id: f"user {user_id}" for user_id in range(1, 32)})
    songs = [_song(number) for number in range(160)]
    for user_id in world.users:
        if user_id == 1:
            played = [song for number, song in enumerate(songs) for _ in range(4 + number % 30)]
        else:
            own = [_song(100 * (user_id + 1) + number) for number in range(100)]
            played = songs[:60] * (1 + user_id % 7) + [song for at, song in enumerate(own) for _ in range(1 + at % 5)]
        first = epoch(datetime(YEAR, 3, user_id), "UTC")
        world.add(*(Listen(user_id, first + second, song) for second, song in enumerate(played)))
    world.metadata.genres = {(str(song.recording_mbid), f"genre {at % 30:02}") for at, song in enumerate(songs)}
    for number, kind in enumerate(KINDS):
        group = ReleaseGroup(f"Group {number}", "Artist 9", (_artist(9),), None, None, None, YEAR, kind)
        world.metadata.release_groups[mbid(900, 4, number)] = group
    return world


def _song(number: int) -> Track:
    artist = number // 3
    return track(
        f"Artist {artist}", f"Song {number}", recording_mbid=mbid(900, 2, number), artist_mbids=(_artist(artist),)
    )


def _artist(number: int) -> str:
    return mbid(900, 1, number)
