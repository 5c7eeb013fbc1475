"""What every recommendation model can do: rank the whole catalogue in blocks of users, explain, be saved."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from jobs.engines.interactions import Floats, Interactions, Ints, OtherItemsError, Uuids
from jobs.engines.model_files import Arrays, write_arrays

BLOCK_BYTES = 64 * 2**20
"""Scores of one block of users are at most so large (one user's in any case): memory does not grow with users."""
PADDING = -1


class ParametersError(ValueError):
    """Parameters that a model cannot be fitted with; the text names parameter, value and bounds."""


class Reasons(NamedTuple):
    """Why an item is recommended: what each of some items adds to its score."""

    items: Ints
    """Positions, greatest share first, none twice."""
    shares: Floats
    """Aligned with items; their sum is the score."""


class Ranked(NamedTuple):
    """Lists of several users, a row each, best first: score descending, ties the greater uuid first."""

    items: Ints
    """(users, count) positions; -1 after the end of a shorter list."""
    scores: Floats
    """Aligned with items; 0 where padded."""


@dataclass(frozen=True)
class Model(ABC):
    """A fitted model. It knows recordings by position in `items`; of users only what the matrix given says."""

    kind: ClassVar[str]
    explains: ClassVar[bool] = True
    """Whether shares add up to scores: without that a model is compared, but not served."""

    parameters: Any
    """The frozen dataclass of its module."""
    items: Uuids
    """Ascending; kept beside the numbers, for positions mean nothing without it."""

    @abstractmethod
    def scores(self, interactions: Interactions, users: Ints) -> Floats:
        """(users, items), by row number; an item that nothing speaks for has 0 or less."""

    @abstractmethod
    def explain(self, interactions: Interactions, user: int, items: Ints) -> list[Reasons]:
        """For one user (row number) and each of the items, in their order."""

    @abstractmethod
    def arrays(self) -> Arrays:
        """What `load` needs beside parameters and items."""

    def recommend(
        self,
        interactions: Interactions,
        users: Ints,
        count: int,
        exclude_heard: bool,
        candidates: Any = None,
        *,
        excluded: Any = None,
        max_heard_share: float = 1.0,
        block_bytes: int = BLOCK_BYTES,
    ) -> Ranked:
        """The best `count` items of each user (row numbers), of those with a score above 0.

        `candidates` and `excluded`: csr matrices of the shape of `interactions.matrix`; what is stored there may be
        listed, or may not. `max_heard_share` (0 to 1): at most so much of a list was heard before; the lowest ranked
        heard items give way. Raises OtherItemsError when the matrix has other items than the model.
        """
        if not np.array_equal(interactions.items, self.items):
            raise OtherItemsError("the matrix has other recordings than the model: take Interactions.on(model.items)")
        for name, matrix in (("candidates", candidates), ("excluded", excluded)):
            if matrix is not None and matrix.shape != interactions.matrix.shape:
                raise ValueError(f"{name} has the shape {matrix.shape}, the play counts {interactions.matrix.shape}")
        heard_share = 0.0 if exclude_heard else max_heard_share
        found = Ranked(np.full((users.size, count), PADDING, np.int64), np.zeros((users.size, count)))
        for block in _blocks(users.size, self.items.size, block_bytes):
            scores = self.scores(interactions, users[block])
            for place, user, row in zip(range(block.start, block.stop), users[block], scores, strict=True):
                _keep_only(row, candidates, user)
                _drop(row, excluded, user)
                _limit_heard(row, _stored(interactions.matrix, user), heard_share, count)
                best = best_positions(row, count)
                found.items[place, : best.size], found.scores[place, : best.size] = best, row[best]
        return found

    def save(self, folder: Path) -> None:
        """Write `model.npz` into a folder that exists; the same model gives the same bytes."""
        write_arrays(folder, {"kind": self.kind, "parameters": asdict(self.parameters)},
                     {"items": self.items, **self.arrays()})  # fmt: skip


def best_positions(scores: Floats, count: int) -> Ints:
    """Positions of the greatest scores above 0, at most `count`, best first, ties the greater position first."""
    found = np.flatnonzero(scores > 0) if count > 0 else np.zeros(0, np.int64)
    if found.size > count:
        values = scores[found]
        least = np.partition(values, found.size - count)[found.size - count]
        above, level = found[values > least], found[values == least]
        found = np.concatenate((above, level[level.size - (count - above.size) :]))
    return found[np.lexsort((found, scores[found]))[::-1]]


def ordered_reasons(items: Ints, shares: Floats) -> Reasons:
    """Without shares of 0; the greatest first, ties the greater position first."""
    order = np.lexsort((items, shares))[::-1]
    order = order[shares[order] != 0]
    return Reasons(items[order], shares[order])


def _blocks(users: int, items: int, block_bytes: int) -> Iterator[slice]:
    rows = max(1, block_bytes // max(1, 8 * items))
    return (slice(start, min(start + rows, users)) for start in range(0, users, rows))


def _stored(matrix: Any, user: int) -> Ints:
    stored: Ints = matrix.indices[matrix.indptr[user] : matrix.indptr[user + 1]]
    return stored


def _keep_only(scores: Floats, candidates: Any, user: int) -> None:
    if candidates is None:
        return
    allowed = _stored(candidates, user)
    kept = scores[allowed]
    scores[:] = -np.inf
    scores[allowed] = kept


def _drop(scores: Floats, excluded: Any, user: int) -> None:
    if excluded is not None:
        scores[_stored(excluded, user)] = -np.inf


def _limit_heard(scores: Floats, heard: Ints, share: float, count: int) -> None:
    if share >= 1:
        return
    new = int(np.count_nonzero(scores > 0) - np.count_nonzero(scores[heard] > 0))
    # Of a list of n, heard <= share * n: with `new` others there is room for share / (1 - share) heard ones each.
    room = int(min(share * count, share / (1 - share) * new) + 1e-9)
    of_heard = scores[heard]
    scores[heard] = -np.inf
    kept = heard[best_positions(of_heard, room)]
    scores[kept] = of_heard[np.searchsorted(heard, kept)]
