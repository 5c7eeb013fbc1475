"""Tags and genres of the invented music: an artist has two or three, its releases and recordings mostly the same."""

import numpy as np
import pyarrow as pa

from dumps.generator import chance
from dumps.generator.catalogue import Catalogue
from dumps.generator.chance import Flags, Ids

GENRES = (
    "rock", "pop", "electronic", "jazz", "hip hop", "folk", "metal", "classical", "ambient", "indie rock", "punk",
    "house", "techno", "soul", "funk", "blues", "country", "reggae", "drum and bass", "shoegaze", "synth-pop",
    "post-rock", "chanson", "enka", "fado", "rebetiko", "bossa nova", "afrobeat", "dream pop", "black metal",
)  # fmt: skip
OTHER_TAGS = (
    "seen live", "favourites", "female vocals", "instrumental", "80s", "90s", "good for work", "żeby tańczyć",
    "日本", "mom's music", "2010s", "slow",
)  # fmt: skip
TAGS = GENRES + OTHER_TAGS
PER_ARTIST = 4
PART = 50_000
"""Recordings labelled at a time: a matrix of recordings and tags is big."""


def label_tables(catalogue: Catalogue, recordings: Ids, mbid: pa.Array) -> dict[str, pa.Table]:
    """The six tables {recording,artist,release_group}_{tag,genre}; all keyed by recording MBID, counts above 0."""
    bounds = range(0, max(1, len(recordings)), PART)
    parts = [_labels(catalogue, recordings[at : at + PART], mbid.slice(at, PART)) for at in bounds]
    return {name: pa.concat_tables([part[name] for part in parts]) for name in parts[0]}


def _labels(catalogue: Catalogue, recordings: Ids, mbid: pa.Array) -> dict[str, pa.Table]:
    groups = catalogue.release_group_of(catalogue.release_of(recordings)[0])
    credited = catalogue.credits(recordings).artists
    tables: dict[str, pa.Table] = {}
    for level, owner, share in (("recording", recordings, 0.3), ("release_group", groups, 0.6)):
        _put(tables, level, mbid, _counts(catalogue, level, owner, catalogue.artist_of(recordings), share))
    summed = np.zeros((len(recordings), len(TAGS)), dtype=np.int64)
    for at in range(credited.shape[1]):
        artist = np.maximum(credited[:, at], 0)
        summed += _counts(catalogue, "artist", artist, artist, 1.0) * (credited[:, at] >= 0)[:, None]
    _put(tables, "artist", mbid, summed)
    return tables


def _counts(catalogue: Catalogue, level: str, owner: Ids, artist: Ids, share: float) -> Ids:
    """A matrix of (row, tag): how often the tag was given to the owner, at most PER_ARTIST tags of its artist each."""
    counts = np.zeros((len(owner), len(TAGS)), dtype=np.int32)
    weights = 1 / (np.arange(len(TAGS)) + 3.0)
    rows = np.arange(len(owner))
    for slot in range(PER_ARTIST):
        tag = chance.pick(catalogue.seed, f"tag/{slot}", artist, weights)
        given: Flags = chance.uniform(catalogue.seed, f"tagged/{level}/{slot}", owner) < share
        count = (chance.words(catalogue.seed, f"tag count/{level}/{slot}", owner) % np.uint64(9)).astype(np.int32) + 1
        np.add.at(counts, (rows[given], tag[given]), count[given])
    return counts.astype(np.int64)


def _put(tables: dict[str, pa.Table], level: str, mbid: pa.Array, counts: Ids) -> None:
    for kind, width in (("tag", len(TAGS)), ("genre", len(GENRES))):
        row, label = np.nonzero(counts[:, :width])
        tables[f"{level}_{kind}"] = pa.table(
            {
                "recording_mbid": mbid.take(pa.array(row)),
                kind: pa.array(TAGS).take(pa.array(label)),
                f"{kind}_count": pa.array(counts[row, label], pa.int32()),
            }
        )
