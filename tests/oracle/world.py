"""Everything the statistics are a function of, as plain values."""

from collections.abc import Callable
from dataclasses import dataclass, field
from unicodedata import normalize

Mbid = str
Msid = str
ListenKey = tuple[int, int, Msid]
"""(user id, listened_at, MSID): a user cannot listen to the same thing twice in a second."""
MappingKey = tuple[int | None, Msid, str]
"""(user id or None for everybody, MSID, source)."""

MANUAL = "manual"
AUTOMATIC = "automatic"


def folded(text: str) -> str:
    """What two spellings of one name have in common."""
    return normalize("NFC", normalize("NFC", text).strip().casefold())


@dataclass(frozen=True)
class Track:
    """What was submitted, spelling by spelling, MBIDs included."""

    msid: Msid
    artist_name: str
    track_name: str
    release_name: str | None = None
    recording_mbid: Mbid | None = None
    release_mbid: Mbid | None = None
    artist_mbids: tuple[Mbid, ...] = ()


@dataclass(frozen=True)
class Listen:
    """One play."""

    user_id: int
    listened_at: int
    """Epoch seconds UTC."""
    track: Track
    client: str | None = None
    played_ms: int | None = None
    """How long it was played, as far as the player says (duration_played)."""
    duration_ms: int | None = None
    """How long the recording is, as far as the player says."""

    @property
    def key(self) -> ListenKey:
        return self.user_id, self.listened_at, self.track.msid


@dataclass(frozen=True)
class Mapped:
    """What a source says an MSID is, to one user or to everybody."""

    user_id: int | None
    msid: Msid
    source: str
    recording_mbid: Mbid | None = None
    release_mbid: Mbid | None = None
    artist_mbids: tuple[Mbid, ...] = ()

    @property
    def key(self) -> MappingKey:
        return self.user_id, self.msid, self.source


@dataclass(frozen=True)
class Credited:
    """One artist of a credit."""

    artist_credit_name: str
    join_phrase: str
    artist_mbid: Mbid


@dataclass(frozen=True)
class Release:
    """A row of release_metadata_cache."""

    release_group_mbid: Mbid | None = None
    release_name: str | None = None
    album_artist_name: str | None = None
    artist_credit_mbids: tuple[Mbid, ...] | None = None
    artists: tuple[Credited, ...] | None = None
    caa_id: int | None = None
    caa_release_mbid: Mbid | None = None


@dataclass(frozen=True)
class ReleaseGroup:
    """A row of release_group_metadata_cache."""

    title: str | None = None
    artist_credit_name: str | None = None
    artist_credit_mbids: tuple[Mbid, ...] | None = None
    artists: tuple[Credited, ...] | None = None
    caa_id: int | None = None
    caa_release_mbid: Mbid | None = None
    first_release_date_year: int | None = None
    primary_type: str | None = None


@dataclass
class Metadata:
    """The tables of jobs.md 2.2, as far as statistics read them."""

    artists: dict[tuple[Mbid, str], str | None] = field(default_factory=dict)
    """artist_country_code: ISO alpha-3, or None, by (MBID, name)."""
    lengths: dict[Mbid, int | None] = field(default_factory=dict)
    """recording_length: milliseconds by recording."""
    merged: dict[Mbid, Mbid] = field(default_factory=dict)
    """recording_length too: by the MBID of a merged recording that which it was merged into, which itself is none."""
    credits: dict[Mbid, tuple[Credited, ...]] = field(default_factory=dict)
    """recording_artist: artists by recording, in the order of the credit."""
    releases: dict[Mbid, Release] = field(default_factory=dict)
    release_groups: dict[Mbid, ReleaseGroup] = field(default_factory=dict)
    genres: set[tuple[Mbid, str]] = field(default_factory=set)
    """recording_genre: (recording, genre)."""
    release_group_genres: set[tuple[Mbid, str]] = field(default_factory=set)
    artist_genres: set[tuple[Mbid, str]] = field(default_factory=set)
    """The same of the recording's release groups, of its artists."""


@dataclass(frozen=True)
class Exclusions:
    """What a user keeps out of her own statistics."""

    artist_mbids: frozenset[Mbid] = frozenset()
    artist_names: frozenset[str] = frozenset()
    """Folded."""
    recording_mbids: frozenset[Mbid] = frozenset()
    recording_msids: frozenset[Msid] = frozenset()
    clients: frozenset[str] = frozenset()
    """Folded."""


@dataclass(frozen=True)
class Settings:
    """How a user wants to see her own statistics."""

    zone: str = "UTC"
    """IANA name."""
    exclusions: Exclusions = Exclusions()


PLAIN = Settings()
"""UTC, nothing left out: how everybody counts sitewide."""


@dataclass
class World:
    """Everything at one moment."""

    newest: int
    """T, epoch seconds: nothing later counts."""
    users: dict[int, str] = field(default_factory=dict)
    """Name by id."""
    listens: dict[ListenKey, Listen] = field(default_factory=dict)
    mapping: dict[MappingKey, Mapped] = field(default_factory=dict)
    metadata: Metadata = field(default_factory=Metadata)
    settings: dict[int, Settings] = field(default_factory=dict)
    """By user; who has none is PLAIN."""

    def add(self, *listens: Listen) -> None:
        """A listen that is there stays as it is."""
        for listen in listens:
            self.listens.setdefault(listen.key, listen)

    def say(self, *rows: Mapped) -> None:
        """A source says something, or something else."""
        self.mapping.update({row.key: row for row in rows})

    def keep(self, wanted: Callable[[Listen], bool]) -> None:
        """Delete all other listens."""
        self.listens = {key: listen for key, listen in self.listens.items() if wanted(listen)}
