"""A small invented discography for one history: few artists, so that ties, spellings and MBIDs meet often."""

import random
from dataclasses import dataclass, replace
from uuid import UUID

from tests.oracle.msid import msid
from tests.oracle.steps import Learn
from tests.oracle.world import Credited, Mbid, Release, ReleaseGroup, Track

ARTISTS = (
    ("Björk", "BJÖRK", "Bjo\u0308rk"),
    ("The Beatles", "the beatles"),
    ("Straße", "STRASSE"),
    ("坂本龍一",),
    ("AC/DC", "ac/dc", "Ac/Dc"),
    ("🎵", '"\t\\'),
)
TITLES = (("Help!", "HELP!"), ("Élan", "élan"), ("İstanbul",), ("Low", "LOW", "low"), ("ß", "SS"))
ALBUMS = (("Help!", "help!"), ("Homogenic", "HOMOGENIC"), ("千のナイフ",))
GENRES = tuple(sorted({"rock", "Rock", "électro", "j-pop", "ambient", *(f"style {n:02}" for n in range(11))}))
COUNTRIES = ("USA", "GBR", "JPN", None)
YEARS = (None, 1799, 1800, 1965, 1997, 1997, 2020, 2021, 2021)
TYPES = (None, "Album", "EP", "Single", "Other", "Broadcast", "Album")
LENGTHS = (None, 0, 200_000, 61_234)


@dataclass(frozen=True)
class Catalog:
    """What one history plays, and what is known of it."""

    number: int
    artists: tuple[Mbid, ...]
    recordings: tuple[Mbid, ...]
    releases: tuple[Mbid, ...]
    groups: tuple[Mbid, ...]
    tracks: tuple[Track, ...] = ()


def mbid(history: int, kind: int, index: int) -> Mbid:
    """The same for the same numbers, another for any others."""
    return str(UUID(int=(history << 32) + (kind << 16) + index, version=4))


def catalog(chance: random.Random, number: int, *, wide: bool = False) -> Catalog:
    """Of a history; `wide`: with more artists, genres and albums than any list of the top ones keeps."""
    size = 30 if wide else 4
    artists, recordings, releases, groups = (
        tuple(mbid(number, kind, index) for index in range(size)) for kind in range(4)
    )
    empty = Catalog(number, artists, recordings, releases, groups)
    return replace(empty, tracks=tuple(_track(chance, empty) for _ in range(80 if wide else 12)))


def learn(chance: random.Random, of: Catalog) -> Learn:
    """One row of metadata, about anything of a catalog."""
    table = chance.choice(
        ("artists", "lengths", "credits", "releases", "release_groups", "genres", "release_group_genres",
         "artist_genres")
    )  # fmt: skip
    recording = chance.choice(of.recordings)
    if table == "artists":
        return Learn(table, (chance.choice(of.artists), _name(chance, ARTISTS, of)), chance.choice(COUNTRIES))
    if table == "lengths":
        return Learn(table, recording, chance.choice(LENGTHS))
    if table == "credits":
        return Learn(table, recording, credit(chance, of))
    if table == "releases":
        return Learn(table, chance.choice(of.releases), _release(chance, of))
    if table == "release_groups":
        return Learn(table, chance.choice(of.groups), _group(chance, of))
    return Learn(table, (recording, chance.choice(GENRES)))


def credit(chance: random.Random, of: Catalog) -> tuple[Credited, ...]:
    """One to three artists, perhaps one of them twice, perhaps by another name."""
    artists = [chance.choice(of.artists) for _ in range(chance.choice((1, 1, 2, 3)))]
    joined = [*(chance.choice((" feat. ", " & ")) for _ in artists[1:]), ""]
    return tuple(
        Credited(_name(chance, ARTISTS, of), join, artist) for artist, join in zip(artists, joined, strict=True)
    )


def some_artists(chance: random.Random, of: Catalog) -> tuple[Mbid, ...]:
    """The MBIDs of a credit: none, one, several, one twice."""
    a, b = chance.choice(of.artists), chance.choice(of.artists)
    return chance.choice(((), (a,), (a,), (a, b), (b, a), (a, a)))


def maybe(chance: random.Random, mbids: tuple[Mbid, ...], often: float = 0.5) -> Mbid | None:
    """One of them, or none."""
    return chance.choice(mbids) if chance.random() < often else None


def _track(chance: random.Random, of: Catalog) -> Track:
    artist, title = _name(chance, ARTISTS, of), _name(chance, TITLES, of)
    release = _name(chance, ALBUMS, of) if chance.random() < 0.7 else None
    return Track(
        msid(artist, title, release),
        artist,
        title,
        release,
        maybe(chance, of.recordings, 0.3),
        maybe(chance, of.releases, 0.3),
        some_artists(chance, of) if chance.random() < 0.5 else (),
    )


def _name(chance: random.Random, names: tuple[tuple[str, ...], ...], of: Catalog) -> str:
    """Some spelling of some name; names of another history are other names. History 0 is everybody's."""
    spelled = chance.choice(chance.choice(names))
    return f"{spelled} {of.number}" if of.number else spelled


def _release(chance: random.Random, of: Catalog) -> Release:
    return Release(
        chance.choice(of.groups),
        _name(chance, ALBUMS, of),
        _name(chance, ARTISTS, of),
        some_artists(chance, of),
        credit(chance, of),
        *_cover(chance, of),
    )


def _group(chance: random.Random, of: Catalog) -> ReleaseGroup:
    return ReleaseGroup(
        _name(chance, ALBUMS, of),
        _name(chance, ARTISTS, of),
        some_artists(chance, of),
        credit(chance, of),
        *_cover(chance, of),
        chance.choice(YEARS),
        chance.choice(TYPES),
    )


def _cover(chance: random.Random, of: Catalog) -> tuple[int | None, Mbid | None]:
    return (None, None) if chance.random() < 0.5 else (chance.randint(1, 2**40), chance.choice(of.releases))
