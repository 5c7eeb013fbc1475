"""Generated histories: many users in one lake, crowded around the edges of every range."""

import random
from uuid import UUID

from jobs.listens.mapping import MappingRow
from jobs.ranges import FIRST_DAY, epoch_of, periods
from tests.jobs.oracle import Histories, Track

SPELLINGS = (
    ("Björk", "BJÖRK", "björk", "Björk"),
    ("The Beatles", "the beatles", "THE BEATLES"),
    ("Straße", "STRASSE", "strasse"),
    ("坂本龍一",),
    ("AC/DC", "ac/dc", "Ac/Dc"),
    ("🎵", '"\\\t'),
)


def mbid(number: int) -> str:
    return str(UUID(int=number, version=4))


def generated(seed: int, users: int, instants: list[int]) -> Histories:
    """Histories whose listens crowd around the edges of all ranges at these Ts."""
    chance = random.Random(seed)  # noqa: S311 - test data
    tracks = [_track(chance, number) for number in range(1, 61)]
    edges = sorted({edge for at in instants for edge in _edges(at)})
    histories = Histories(tracks, set(range(1, users + 1)), mapping=_mapping(chance, users))
    for user_id in range(1, users + 1):
        for _ in range(chance.choice((1, 3, 12, 40))):
            at = chance.choice(edges) + chance.choice((-1, 0, 1)) if chance.random() < 0.7 else _anywhere(chance)
            histories.listens.append((user_id, at, chance.randint(1, 60 if user_id % 2 else 8)))
    histories.listens = sorted(set(histories.listens))
    histories.users -= {7, 8}  # deleted, their listens not yet purged
    return histories


def _track(chance: random.Random, number: int) -> Track:
    name = chance.choice(chance.choice(SPELLINGS))
    sent = chance.choice(((), (), (1,), (2,), (1, 2), (2, 1), (3, 3), (3, 1, 2)))
    recording = mbid(100 + number % 5) if chance.random() < 0.3 else None
    return Track(number, mbid(1000 + number % 20), name, recording, tuple(mbid(artist) for artist in sent))


def _mapping(chance: random.Random, users: int) -> list[MappingRow]:
    rows = {}
    for _ in range(60):
        user_id = chance.choice((None, None, chance.randint(1, users)))
        source = "manual" if user_id is not None and chance.random() < 0.5 else chance.choice(("automatic", "dump-a"))
        msid = mbid(1000 + chance.randint(0, 19))
        artists = tuple(mbid(chance.randint(1, 4)) for _ in range(chance.randint(0, 2)))
        recording = mbid(100 + chance.randint(0, 4)) if chance.random() < 0.7 else None
        rows[user_id, msid, source] = MappingRow(user_id, msid, source, recording, None, artists)
    return list(rows.values())


def _edges(at: int) -> list[int]:
    found = [at, at + 86400 * 3, epoch_of(FIRST_DAY)]
    return found + [edge for period in periods(at) for edge in (period.from_ts, period.to_ts)]


def _anywhere(chance: random.Random) -> int:
    return chance.randint(1033430400, 1735689600)
