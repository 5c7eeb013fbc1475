"""Worlds for the year in music: generated histories whose users also played much in and around one year, alike."""

import random
from datetime import datetime

from tests.oracle.histories import CLIENTS, ZONES, plan
from tests.oracle.windows import epoch
from tests.oracle.world import Listen, Track, World

YEAR = 2021
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
    return world


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
