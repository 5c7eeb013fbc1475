"""Listens of people with taste: they belong to scenes, so that what others hear says something of them. For notebooks.

The generator of the demo gives every user a repertoire of her own, which nothing can foresee but her own history.
"""

import random
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyarrow as pa

from dumps.generator.names import ARTISTS, TRACKS, Pattern, names

SCENES, ARTISTS_EACH, TRACKS_EACH = 5, 12, 8
OWN, SECOND = 0.75, 0.15
"""How often somebody hears her own scene, and another that she likes too; else any."""
AGAIN = 0.45
"""How often a listen is of something she has heard before."""
DAYS, SONG, LONGEST = 400, 200, 16
"""Span of the listens; seconds of every recording; listens of a session."""


@dataclass(frozen=True)
class Song:
    """A recording by one artist."""

    number: int
    artist: int
    scene: int

    def listen(self, listened_at: int, artists: list[str], tracks: list[str]) -> dict[str, Any]:
        """In API form."""
        info = {
            "recording_mbid": _mbid(1, self.number),
            "artist_mbids": [_mbid(2, self.artist)],
            "duration_ms": SONG * 1000,
        }
        metadata = {"artist_name": artists[self.artist], "track_name": tracks[self.number], "additional_info": info}
        return {"listened_at": listened_at, "track_metadata": metadata}


def scenes(seed: int, users: int, listens: int, until: int) -> dict[str, list[dict[str, Any]]]:
    """Listens in API form by user name, in order of time, each user's `listens // users`; none after `until`."""
    chance = random.Random(seed)  # noqa: S311 - generated data
    count = SCENES * ARTISTS_EACH
    songs = [Song(n, n // TRACKS_EACH, n // TRACKS_EACH % SCENES) for n in range(count * TRACKS_EACH)]
    artists, tracks = _named(ARTISTS, count), _named(TRACKS, len(songs))
    return {
        f"listener_{number}": [
            song.listen(at, artists, tracks) for at, song in _plays(chance, songs, listens // users, until)
        ]
        for number in range(1, users + 1)
    }


def _plays(chance: random.Random, songs: list[Song], count: int, until: int) -> list[tuple[int, Song]]:
    """(epoch seconds, song) in order of time."""
    own, second = chance.sample(range(SCENES), 2)
    by_scene = [[song for song in songs if song.scene == scene] for scene in range(SCENES)]
    found: list[tuple[int, Song]] = []
    at = until - DAYS * 86_400
    while len(found) < count:
        at += round(chance.expovariate(1) * DAYS * 86_400 * LONGEST / 2 / (count * 1.1))
        for _ in range(min(chance.randint(1, LONGEST), count - len(found))):
            found.append((at, _next(chance, [song for _, song in found[-60:]], by_scene, own, second)))
            at += SONG
    late = max(0, found[-1][0] - until)
    return [(moment - late, song) for moment, song in found]


def _next(chance: random.Random, heard: list[Song], by_scene: list[list[Song]], own: int, second: int) -> Song:
    if heard and chance.random() < AGAIN:
        return chance.choice(heard)
    draw = chance.random()
    scene = own if draw < OWN else second if draw < OWN + SECOND else chance.randrange(SCENES)
    known = by_scene[scene]
    # The popular ones come first: half of all plays are of a quarter of a scene.
    return known[int(len(known) * chance.random() ** 2)]


def _named(patterns: tuple[Pattern, ...], count: int) -> list[str]:
    return [str(name) for name in names(patterns, pa.array(range(count)).to_numpy()).to_pylist()]


def _mbid(kind: int, number: int) -> str:
    return str(UUID(int=kind << 64 | number, version=4))
