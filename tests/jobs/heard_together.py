"""A lake of listens in sessions, generated, and beside it what each listen is about: said by hand, for the oracle."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from jobs.listens.mapping import MappingRow
from tests.jobs.histories import mbid
from tests.jobs.oracle import Histories, Track
from tests.oracle.similarity import Heard

NOON = int(datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp())
USERS = range(1, 13)
GONE = 13
"""Her account is deleted, her listens are not purged yet."""
MAPPER = 2
"""She says herself what one track is."""
CHOOSY = 3
"""She leaves an artist out of her own statistics."""
A, B, C, D, E = (mbid(number) for number in range(1, 6))
"""Artists."""
ONE, TWO, THREE, FOUR, FIVE, SIX, MERGED, HERS = (mbid(number) for number in range(11, 19))
"""Recordings. MERGED was merged into ONE; HERS is what MAPPER says."""


@dataclass(frozen=True)
class About:
    """What a track is, by the rules of both jobs."""

    recording: str
    seconds: int
    apart: tuple[str, ...]
    """By whom it is, for recordings: MBIDs, or a folded text."""
    artists: tuple[str, ...] = ()
    featured: frozenset[str] = frozenset()


TRACKS = {
    Track(1, mbid(101), "A", ONE, (A,), "One"): About(ONE, 200, (A,), (A,)),
    Track(2, mbid(102), "a", MERGED, (A,), "one"): About(ONE, 201, (A,), (A,)),
    Track(3, mbid(103), "A feat. B", TWO, (A, B), "Two"): About(TWO, 100, (A, B), (A, B), frozenset({B})),
    Track(4, mbid(104), "B", THREE, (), "Three"): About(THREE, 180, (B,), (B,)),
    # By an unknown artist in two spellings: recordings of their own, no pair with each other.
    Track(5, mbid(105), "Unknown", None, (), "Four"): About(mbid(105), 240, ("unknown",)),
    Track(6, mbid(106), "UNKNOWN", None, (), "Five"): About(mbid(106), 180, ("unknown",)),
    # Its credit text is that of tracks by C.
    Track(7, mbid(107), "C & D", None, (), "Six"): About(mbid(107), 180, (C, D)),
    Track(8, mbid(108), "c & d", FOUR, (C, D), "Seven"): About(FOUR, 180, (C, D), (C, D)),
    # Mapped: the credit says that D, who carries the phrase, is not featured, and E is.
    Track(9, mbid(109), "D Ft. E", None, (), "Eight"): About(FIVE, 60, (D, E), (D, E), frozenset({E})),
    Track(10, mbid(110), "E", SIX, (E, E), "Nine"): About(SIX, 0, (E,), (E,)),
    # Two lengths of one recording, as the player has it.
    Track(11, mbid(111), "C", None, (C,), "Ten"): About(mbid(111), 30, (C,), (C,)),
}
ABOUT = {track.track_id: about for track, about in TRACKS.items()}
OF_MAPPER = {5: About(HERS, 240, (B,), (B,))}
"""By track id."""


def about(user_id: int, track_id: int) -> About:
    """What a user's listen of a track is."""
    return OF_MAPPER[track_id] if user_id == MAPPER and track_id in OF_MAPPER else ABOUT[track_id]


def histories(seed: int) -> Histories:
    """Sessions of all users, with skips, pauses of every kind, and two listens of one second."""
    chance = random.Random(seed)  # noqa: S311 - test data
    made = Histories(list(TRACKS), set(USERS))
    made.durations = {5: 240_000, 6: 0, 11: 30_999}
    for user_id in [*USERS, GONE]:
        at = NOON - 86_400 * 400 * (user_id % 3 == 0) - 86_400 * chance.randint(1, 20)
        for _ in range(chance.choice((5, 30, 60))):
            track_id = chance.randint(1, len(TRACKS))
            made.listens.append((user_id, at, track_id))
            length = about(user_id, track_id).seconds
            at += max(0, length + chance.choice((0, 0, 0, 1, -30, -31, -500, 300, 301, 9000)))
    made.listens = [listen for listen in sorted(set(made.listens)) if listen[1] <= NOON]
    made.mapping = [
        MappingRow(None, mbid(109), "automatic", FIVE, None, (D, E), 7),
        MappingRow(MAPPER, mbid(105), "manual", HERS, None, (B,)),
    ]
    made.beside = {
        "recording_length": [
            {"recording_mbid": ONE, "length": 200_999, "recording_id": 1, "is_redirect": False},
            {"recording_mbid": MERGED, "length": 201_000, "recording_id": 1, "is_redirect": True},
            {"recording_mbid": TWO, "length": 100_000, "recording_id": 2, "is_redirect": False},
            {"recording_mbid": FOUR, "length": 0, "recording_id": 4, "is_redirect": False},
            {"recording_mbid": THREE, "length": None, "recording_id": 3, "is_redirect": False},
            {"recording_mbid": FIVE, "length": 60_000, "recording_id": 5, "is_redirect": False},
            {"recording_mbid": SIX, "length": 999, "recording_id": 6, "is_redirect": False},
        ],
        "recording_artist": [
            {"recording_mbid": THREE, "artist_mbids": [B], "artists": [credit("Bee", "", B)]},
            {"recording_mbid": TWO, "artist_mbids": [A, B], "artists": [credit("A", " Feat. ", A), credit("B", "", B)]},
        ],
        "artist_credit_mbid": [
            {"artist_credit_id": 7, "artist_mbid": E, "position": 1, "join_phrase": ""},
            {"artist_credit_id": 7, "artist_mbid": D, "position": 0, "join_phrase": " ft. "},
        ],
        "artist_country_code": [{"artist_mbid": A, "artist_name": "The A", "country_code": None}],
        "exclusions": [{"user_id": CHOOSY, "kind": "artist", "value": A, "value_key": A, "position": 1}],
    }
    return made


def credit(name: str, join_phrase: str, artist_mbid: str) -> dict[str, str]:
    return {"artist_credit_name": name, "join_phrase": join_phrase, "artist_mbid": artist_mbid}


def heard(made: Histories, since: int = 0) -> list[Heard]:
    """The listens that count, from a time on, as the oracle takes them; `artists` are those of recordings."""
    return [
        Heard(user_id, at, what.seconds, what.recording, what.apart)
        for user_id, at, track_id in made.listens
        if user_id != GONE and at >= since
        for what in [about(user_id, track_id)]
    ]


def credited(made: Histories, since: int = 0) -> list[Heard]:
    """The same with the artists that are paired."""
    return [
        Heard(user_id, at, what.seconds, what.recording, what.artists, what.featured)
        for user_id, at, track_id in made.listens
        if user_id != GONE and at >= since
        for what in [about(user_id, track_id)]
    ]
