"""Artists of users: those each of them hears most, and those similar to these. numpy and scipy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from jobs.engines.interactions import Ints
from jobs.engines.similar import most_similar

NEAREST = 100
"""Similar artists of one artist, at most."""


@dataclass(frozen=True)
class Artists:
    """Which artists recordings are by. An artist is an MBID, or a folded name where none is known."""

    names: Sequence[str]
    """Ascending by UTF-8 bytes."""
    by: Any
    """csr_matrix (recordings, artists) of float64, 1 where the recording is by the artist."""

    @classmethod
    def of(cls, credits: Sequence[Sequence[str]]) -> "Artists":
        """From the artists of each recording."""
        names = sorted({name for credit in credits for name in credit}, key=str.encode)
        place = {name: at for at, name in enumerate(names)}
        columns = [place[name] for credit in credits for name in credit]
        starts = np.append(0, np.cumsum([len(credit) for credit in credits], dtype=np.int64))
        shape = (len(credits), len(names))
        return cls(names, sparse.csr_matrix((np.ones(len(columns)), columns, starts), shape=shape))

    @cached_property
    def _recordings(self) -> Any:
        return sparse.csr_matrix(self.by.T)

    def recordings_of(self, artists: Ints) -> Ints:
        """Positions of all recordings by any of them, ascending."""
        turned = self._recordings
        found = [turned.indices[turned.indptr[one] : turned.indptr[one + 1]] for one in artists]
        return np.unique(np.concatenate(found)).astype(np.int64) if found else np.zeros(0, np.int64)


def top_artists(counts: Any, count: int) -> list[Ints]:
    """Of each row of a csr_matrix (users, artists) the most played; ties: the greater name first."""
    return [_greatest(counts[row], count) for row in range(counts.shape[0])]


def similar_artists(
    top: Sequence[Ints], counts: Any, count: int, nearest: Mapping[int, Sequence[tuple[int, float]]]
) -> list[Ints]:
    """Of each user the artists most similar to her top ones, none of these among them.

    An artist's worth is the sum, over the top artists it is similar to, of plays times similarity. `nearest`: by artist
    (artist, similarity from 0 to 1).
    """
    found = []
    for row, own in enumerate(top):
        worth: dict[int, float] = {}
        plays = dict(zip(counts[row].indices.tolist(), counts[row].data.tolist(), strict=True))
        for artist in own.tolist():
            for other, similarity in nearest.get(artist, ()):
                worth[other] = worth.get(other, 0.0) + plays[artist] * similarity
        best = sorted(
            ((value, other) for other, value in worth.items() if other not in set(own.tolist())), reverse=True
        )
        found.append(np.array([other for _, other in best[:count]], np.int64))
    return found


def shared_listeners(counts: Any, artists: Ints, count: int = NEAREST) -> dict[int, list[tuple[int, float]]]:
    """By artist, of these, those whose listeners hear it too: cosine of play counts over users, best first."""
    found: dict[int, list[tuple[int, float]]] = {}
    for block in most_similar(sparse.csr_matrix(counts.T), count, of=artists):
        stretches = zip(block.starts[:-1], block.starts[1:], strict=True)
        for artist, (start, end) in zip(artists[block.first :].tolist(), stretches, strict=False):
            found[artist] = list(zip(block.rows[start:end].tolist(), block.scores[start:end].tolist(), strict=True))
    return found


def _greatest(row: Any, count: int) -> Ints:
    order = np.lexsort((-row.indices, -row.data))[:count]
    return np.asarray(row.indices[order], np.int64)
