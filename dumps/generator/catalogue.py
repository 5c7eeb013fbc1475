"""The invented music: artists, their recordings, releases and credits, all pure functions of ids.

Sizes and shares: reference performance.md section 7. Artist ids go by popularity, recordings lie artist by artist.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dumps.generator import chance
from dumps.generator.chance import Flags, Ids, Reals
from dumps.generator.names import ARTISTS, RELEASES, TRACKS, names

TRACKS_PER_RELEASE = 10
UNMAPPED_SHARE = 0.2
MULTI_ARTIST_SHARE = 0.10
FEATURED_SHARE = 0.05
JOIN_PHRASES = (" & ", ", ", " x ", " feat. ")
"""The last one is for featured artists."""


@dataclass(frozen=True)
class Scale:
    """How big the invented world is; derived from the number of listens unless told."""

    listens: int
    users: int
    artists: int

    @classmethod
    def of(cls, listens: int, users: int | None = None) -> "Scale":
        """U = N / 2000, A = 5 N^0.62."""
        return cls(listens, users or max(1, listens // 2000), max(20, round(5 * listens**0.62)))


@dataclass(frozen=True)
class Credits:
    """Who plays a recording: up to three artists, -1 where there are fewer, and the phrases between them."""

    artists: Ids
    """One row per recording, three columns."""
    phrases: Ids
    """Indices into JOIN_PHRASES: two columns, after the first and the second artist."""


class Catalogue:
    """All artists, recordings and releases of one seed and scale."""

    def __init__(self, seed: int, scale: Scale, unmapped: float = UNMAPPED_SHARE) -> None:
        self.seed = seed
        self.scale = scale
        self._unmapped = unmapped
        shares = (np.arange(scale.artists + 1) / scale.artists) ** (1 / 2.5)
        self.first_recording: Ids = np.rint(8 * scale.artists * shares).astype(np.int64)
        """Artist a has the recordings from first_recording[a] to before [a + 1]: the popular have more (skew 2.5)."""

    @property
    def recordings(self) -> int:
        """Recordings are numbered 0 to recordings - 1."""
        return int(self.first_recording[-1])

    @cached_property
    def popularity(self) -> Reals:
        """Cumulated shares of the artists: Zipf-Mandelbrot, s 1.0, q 50."""
        weights = 1 / (np.arange(self.scale.artists) + 1 + 50)
        return np.asarray(np.cumsum(weights) / np.sum(weights), dtype=np.float64)

    def popular_artist(self, draws: Reals) -> Ids:
        """Artists of draws in [0, 1), the popular more often."""
        return np.searchsorted(self.popularity, draws, side="right").astype(np.int64)

    def artist_of(self, recordings: Ids) -> Ids:
        """The first artist of each recording."""
        return (np.searchsorted(self.first_recording, recordings, side="right") - 1).astype(np.int64)

    @cached_property
    def _first_release(self) -> Ids:
        sizes = np.diff(self.first_recording)
        return np.concatenate([[0], np.cumsum(-(-sizes // TRACKS_PER_RELEASE))]).astype(np.int64)

    @property
    def releases(self) -> int:
        """Releases are numbered 0 to releases - 1."""
        return int(self._first_release[-1])

    def release_of(self, recordings: Ids) -> tuple[Ids, Ids]:
        """(release, track number from 1) of each recording."""
        artist = self.artist_of(recordings)
        within = recordings - self.first_recording[artist]
        return self._first_release[artist] + within // TRACKS_PER_RELEASE, within % TRACKS_PER_RELEASE + 1

    def release_artist(self, releases: Ids) -> Ids:
        """The artist of each release."""
        return (np.searchsorted(self._first_release, releases, side="right") - 1).astype(np.int64)

    def release_group_of(self, releases: Ids) -> Ids:
        """A group is named by its first release: every fourth release of an artist is a reissue of the one before."""
        within = releases - self._first_release[self.release_artist(releases)]
        return np.asarray(releases - (within % 4 == 3), dtype=np.int64)

    def release_year(self, groups: Ids) -> Ids:
        """Year of the group: artists begin between 1958 and 2022 and bring one release in two years."""
        artist = self.release_artist(groups)
        debut = 1958 + (64 * np.sqrt(chance.uniform(self.seed, "debut", artist))).astype(np.int64)
        return np.minimum(debut + 2 * (groups - self._first_release[artist]), 2025)

    def mapped(self, recordings: Ids) -> Flags:
        """Whether clients send MBIDs for the recording: four of five, unless told otherwise."""
        return np.asarray(chance.uniform(self.seed, "mapped", recordings) >= self._unmapped)

    def length_ms(self, recordings: Ids) -> Ids:
        """Length, log-normal around 3:45, from half a minute to an hour."""
        seconds = np.exp(np.log(225) + 0.35 * chance.normal(self.seed, "length", recordings))
        return np.asarray(np.clip(seconds, 30, 3600) * 1000, dtype=np.int64)

    def credits(self, recordings: Ids) -> Credits:
        """10 % have two or three artists, another 5 % a featured one; the rest one."""
        kind = chance.uniform(self.seed, "credit", recordings)
        multi, featured = kind < MULTI_ARTIST_SHARE, (kind >= 1 - FEATURED_SHARE)
        artists = np.full((len(recordings), 3), -1, dtype=np.int64)
        artists[:, 0] = self.artist_of(recordings)
        second = self.popular_artist(chance.uniform(self.seed, "second", recordings))
        third = self.popular_artist(chance.uniform(self.seed, "third", recordings))
        artists[:, 1] = np.where((multi | featured) & (second != artists[:, 0]), second, -1)
        trio = (kind < MULTI_ARTIST_SHARE / 3) & (artists[:, 1] >= 0) & (third != artists[:, 0]) & (third != second)
        artists[:, 2] = np.where(trio, third, -1)
        phrase = (chance.words(self.seed, "phrase", recordings) % np.uint64(3)).astype(np.int64)
        between = np.where(featured, 3, phrase)
        return Credits(artists, np.stack([np.where(trio, 1, between), between], axis=1))

    def has_release_name(self, recordings: Ids) -> Flags:
        """Whether clients send the release's name: 85 of 100."""
        return np.asarray(chance.uniform(self.seed, "no release", recordings) >= 0.15)

    def artist_names(self, artists: Ids) -> pa.Array:
        """Names of artists, distinct."""
        return names(ARTISTS, artists)

    def credit_names(self, credit: Credits) -> pa.Array:
        """The credit as printed: names joined by the phrases."""
        text = self.artist_names(credit.artists[:, 0])
        for at in (1, 2):
            there = pa.array(credit.artists[:, at] >= 0)
            phrase = pa.array(JOIN_PHRASES).take(pa.array(credit.phrases[:, at - 1]))
            name = self.artist_names(np.maximum(credit.artists[:, at], 0))
            text = pc.if_else(there, pc.binary_join_element_wise(text, phrase, name, ""), text)
        return text

    def track_names(self, recordings: Ids) -> pa.Array:
        """Names of recordings, distinct within an artist."""
        return names(TRACKS, recordings)

    def release_names(self, releases: Ids) -> pa.Array:
        """Names of releases; a reissue is named after its group."""
        groups = self.release_group_of(releases)
        name = names(RELEASES, groups)
        reissue = pc.binary_join_element_wise(name, pa.scalar("(Reissue)"), " ")
        return pc.if_else(pa.array(groups != releases), reissue, name)
