"""What a play count says: one, its logarithm or itself, the less the longer ago."""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from scipy import sparse

from jobs.engines.interactions import SECONDS_A_DAY, Interactions, Ints
from jobs.engines.recommender import ParametersError

Weighting = Literal["binary", "log", "count"]


@dataclass(frozen=True)
class Weights:
    """How much a (user, item) pair weighs. Raises ParametersError."""

    weighting: Weighting = "log"
    """binary: 1; log: ln(1 + count); count: the count."""
    half_life_days: float | None = None
    """After so many days since the user's latest listen of the item it weighs half; None: it does not fade."""

    def __post_init__(self) -> None:
        check_one_of("weighting", self.weighting, get_args(Weighting))
        check_half_life("half_life_days", self.half_life_days)

    def of(self, interactions: Interactions, users: Ints | None = None) -> Any:
        """csr_matrix (users, items) of float64, stored where the play counts are; only these rows, or all."""
        counts, latest = interactions.matrix, interactions.latest
        if users is not None:
            latest = latest[_places(counts.indptr, users)]
            counts = counts[users]
        weights = _curve(self.weighting, counts.data.astype(np.float64))
        if self.half_life_days is not None:
            age = (interactions.newest - latest) / SECONDS_A_DAY
            # A weight that has faded to nothing is stored still: what is stored says what was heard.
            weights = weights * np.maximum(np.exp2(-age / self.half_life_days), 1e-30)
        return sparse.csr_matrix((weights, counts.indices, counts.indptr), shape=counts.shape)


def check_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raises ParametersError."""
    if value not in known:
        raise ParametersError(f"{name}={value!r}: known are {', '.join(known)}")


def check_half_life(name: str, days: float | None) -> None:
    """Raises ParametersError."""
    if days is not None and not 0 < days < math.inf:
        raise ParametersError(f"{name}={days}: expected more than 0, or None")


def check_bounds(name: str, value: float, least: float, most: float = math.inf) -> None:
    """Both bounds are allowed, infinity is not. Raises ParametersError."""
    if not (least <= value <= most and math.isfinite(value)):
        bounds = f"{least} or more" if most == math.inf else f"{least} to {most}"
        raise ParametersError(f"{name}={value}: expected {bounds}")


def _places(pointers: Ints, users: Ints) -> Ints:
    """Where the entries of these rows are stored, row by row."""
    starts, lengths = pointers[users].astype(np.int64), np.diff(pointers)[users].astype(np.int64)
    before = np.cumsum(lengths) - lengths
    places: Ints = np.repeat(starts - before, lengths) + np.arange(lengths.sum())
    return places


def _curve(weighting: Weighting, counts: Any) -> Any:
    if weighting == "binary":
        return np.ones_like(counts)
    return np.log1p(counts) if weighting == "log" else counts
