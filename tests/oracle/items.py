"""What a listen counts for: the artists, the recording, the release, the release group. jobs.md 7.1 to 7.4."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from tests.oracle.identity import About
from tests.oracle.order import places
from tests.oracle.world import Credited, Metadata, Release, ReleaseGroup, Track, folded

NO_RELEASE = Release()
NO_GROUP = ReleaseGroup()
key_of = lru_cache(maxsize=1_000_000)(folded)


class Item(NamedTuple):
    """One thing a listen counts for."""

    key: tuple[Any, ...]
    """What makes it the same in two windows."""
    names: tuple[str | None, ...]
    """As spelled in this listen."""
    fixed: Mapping[str, Any]
    """The rest of the struct."""


@dataclass(frozen=True)
class Entity:
    """A kind of top list."""

    fields: tuple[str, ...]
    """Of the struct after listen_count, in order."""
    names: tuple[str, ...]
    """Those that are spellings, in order."""
    items: Callable[[Track, About, "Facts"], list[Item]]


class Facts:
    """Metadata, ready to be looked up."""

    def __init__(self, metadata: Metadata) -> None:
        self.tables = metadata
        self.artists: dict[str, tuple[str, str | None]] = {}
        """Name and country of every artist that has a row; choice 9."""
        for mbid, name in sorted(metadata.artists, key=places):
            self.artists[mbid] = name, metadata.artists[mbid, name]
        self.genres: dict[str, list[str]] = {}
        for recording_mbid, genre in metadata.genres:
            self.genres.setdefault(recording_mbid, []).append(genre)

    def recording(self, what: About) -> str | None:
        """The recording of a listen by its MBID; of a merged one that which it was merged into."""
        return None if what.recording_mbid is None else self.merged_into(what.recording_mbid)

    def merged_into(self, mbid: str) -> str:
        """Of the MBID of a recording that was merged the other's."""
        return self.tables.merged.get(mbid, mbid)

    def artist_mbids(self, what: About) -> tuple[str, ...]:
        """The artists of a listen; where it is about none, those of its recording."""
        credit = self.tables.credits.get(self.recording(what) or "", ())
        return what.artist_mbids or tuple(artist.artist_mbid for artist in credit)

    def release(self, what: About) -> Release:
        """What is known of the release of a listen."""
        return self.tables.releases.get(what.release_mbid or "", NO_RELEASE)

    def group(self, what: About) -> ReleaseGroup:
        """What is known of the release group of a listen."""
        return self.tables.release_groups.get(self.release(what).release_group_mbid or "", NO_GROUP)

    def credit(self, what: About) -> tuple[Credited, ...] | None:
        """Who made the recording of a listen; None where that is not known."""
        return self.tables.credits.get(what.recording_mbid or "")

    def length_ms(self, what: About) -> int | None:
        """How long the recording of a listen is; None where that is not known. Nothing lasts 0 ms."""
        return self.tables.lengths.get(what.recording_mbid or "") or None


def _artists(track: Track, what: About, facts: Facts) -> list[Item]:
    found = []
    mbids: list[str | None] = list(dict.fromkeys(what.artist_mbids))
    for mbid in mbids or [None]:
        name = facts.artists.get(mbid or "", (track.artist_name, None))[0]
        found.append(Item((key_of(name), mbid), (name,), {"artist_mbid": mbid}))
    return found


def _recordings(track: Track, what: About, facts: Facts) -> list[Item]:
    release_key = key_of(track.release_name or "") or None
    names = (track.track_name, track.artist_name, track.release_name if release_key else None)
    cached = facts.release(what)
    return [
        Item(
            (
                key_of(track.track_name),
                what.recording_mbid,
                key_of(track.artist_name),
                what.artist_mbids,
                release_key,
                what.release_mbid,
            ),
            names,
            {
                "recording_mbid": what.recording_mbid,
                "artist_mbids": list(what.artist_mbids),
                "release_mbid": what.release_mbid,
                "artists": credit_document(facts.credit(what)),
                "caa_id": cached.caa_id,
                "caa_release_mbid": cached.caa_release_mbid,
            },
        )
    ]


def _releases(track: Track, what: About, facts: Facts) -> list[Item]:
    cached = facts.release(what)
    name = track.release_name if cached.release_name is None else cached.release_name
    artist = track.artist_name if cached.album_artist_name is None else cached.album_artist_name
    return _albums("release_mbid", what.release_mbid, name, artist, what, cached)


def _release_groups(track: Track, what: About, facts: Facts) -> list[Item]:
    group = facts.group(what)
    name = track.release_name if group.title is None else group.title
    artist = track.artist_name if group.artist_credit_name is None else group.artist_credit_name
    return _albums("release_group_mbid", facts.release(what).release_group_mbid, name, artist, what, group)


def _albums(
    mbid_field: str, mbid: str | None, name: str | None, artist: str, what: About, cached: Release | ReleaseGroup
) -> list[Item]:
    if not name or not key_of(name):
        return []
    mbids = what.artist_mbids if cached.artist_credit_mbids is None else cached.artist_credit_mbids
    fixed = {
        mbid_field: mbid,
        "artist_mbids": list(mbids),
        "artists": credit_document(cached.artists),
        "caa_id": cached.caa_id,
        "caa_release_mbid": cached.caa_release_mbid,
    }
    return [Item((key_of(name), mbid, key_of(artist), mbids), (name, artist), fixed)]


def credit_document(credit: tuple[Credited, ...] | None) -> list[dict[str, str]] | None:
    """As answered in `artists`."""
    return None if credit is None else [dict(vars(artist)) for artist in credit]


_ALBUM = ("artist_name", "artist_mbids", "artists", "caa_id", "caa_release_mbid")
ENTITIES = {
    "artists": Entity(("artist_name", "artist_mbid"), ("artist_name",), _artists),
    "recordings": Entity(
        (
            "track_name", "recording_mbid", "artist_name", "artist_mbids", "release_name", "release_mbid", "artists",
            "caa_id", "caa_release_mbid",
        ),
        ("track_name", "artist_name", "release_name"),
        _recordings,
    ),
    "releases": Entity(("release_name", "release_mbid", *_ALBUM), ("release_name", "artist_name"), _releases),
    "release_groups": Entity(
        ("release_group_name", "release_group_mbid", *_ALBUM), ("release_group_name", "artist_name"), _release_groups
    ),
}  # fmt: skip
