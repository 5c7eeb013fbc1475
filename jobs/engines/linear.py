"""Models whose score is a sum over the user's own items: weight of the item times what it says of the other."""

from dataclasses import dataclass
from typing import Any, Self, get_args

import numpy as np
from scipy import sparse

from jobs.engines.interactions import Floats, Interactions, Ints
from jobs.engines.model_files import Arrays
from jobs.engines.recommender import Model, Reasons, ordered_reasons
from jobs.engines.weights import Weighting, Weights, check_bounds, check_half_life, check_one_of


@dataclass(frozen=True)
class LinearParameters(Weights):
    """Weights of the plays that are learned from, and of those of the user recommended to. Raises ParametersError."""

    profile_weighting: Weighting = "log"
    """How much an own item says, as `weighting`."""
    profile_half_life_days: float | None = None
    """As `half_life_days`."""
    neighbours: int = 50
    """Of each item so many others speak for it: also the most reasons that a score can have."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("profile_weighting", self.profile_weighting, get_args(Weighting))
        check_half_life("profile_half_life_days", self.profile_half_life_days)
        check_bounds("neighbours", self.neighbours, 1)

    @property
    def profile(self) -> Weights:
        """What the items of the user recommended to weigh."""
        return Weights(self.profile_weighting, self.profile_half_life_days)


@dataclass(frozen=True)
class LinearModel(Model):
    """Score of item i for a user: sum over own items j of profile weight(j) * says[j, i]."""

    parameters: LinearParameters
    says: Any
    """csr_matrix (own item, recommended item) of float64; nothing on the diagonal."""

    def scores(self, interactions: Interactions, users: Ints) -> Floats:
        """By sparse product, then dense."""
        dense: Floats = (self.parameters.profile.of(interactions, users) @ self.says).toarray()
        return dense

    def explain(self, interactions: Interactions, user: int, items: Ints) -> list[Reasons]:
        """The summands of the score."""
        own = self.parameters.profile.of(interactions, np.array([user]))
        parts = sparse.csc_matrix(self.says[own.indices][:, items].multiply(own.data[:, None]))
        cuts = zip(parts.indptr[:-1], parts.indptr[1:], strict=True)
        return [
            ordered_reasons(own.indices[parts.indices[start:end]].astype(np.int64), parts.data[start:end])
            for start, end in cuts
        ]

    def arrays(self) -> Arrays:
        """The sparse matrix in its three arrays."""
        return {"data": self.says.data, "indices": self.says.indices, "indptr": self.says.indptr}

    @classmethod
    def of_arrays(cls, parameters: Any, arrays: Arrays) -> Self:
        """From what `arrays` gave."""
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return cls(parameters, arrays["items"], sparse.csr_matrix(parts, shape=(arrays["items"].size,) * 2))


def nearest(rows: Ints, columns: Ints, values: Floats, count: int) -> tuple[Ints, Ints, Floats]:
    """Of each row the `count` entries with the greatest values, ties the greater column first; in order of rows."""
    order = np.lexsort((columns, values, rows))[::-1]
    ordered = rows[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if ordered.size else np.zeros(0, np.int64)
    lengths = np.diff(np.append(starts, ordered.size))
    place = np.arange(ordered.size) - np.repeat(starts, lengths)
    kept = order[place < count][::-1]
    return rows[kept].astype(np.int64), columns[kept].astype(np.int64), values[kept]
