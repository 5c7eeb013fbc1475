"""Factors by alternating least squares, from the library `implicit`; users are solved anew, exactly, when asked about.

Hu, Koren and Volinsky 2008, "Collaborative filtering for implicit feedback datasets"; its section 5 gives the linear
form in which a score is a sum over the user's own items. Only item factors are kept.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy import sparse

from jobs.engines.interactions import Floats, Interactions, Ints
from jobs.engines.model_files import Arrays
from jobs.engines.recommender import Model, Reasons, ordered_reasons
from jobs.engines.weights import Weighting, Weights, check_bounds

MOST_FACTORS = 512


@dataclass(frozen=True)
class Parameters(Weights):
    """Confidence of a heard item is 1 + alpha * weight, of any other 1. Raises ParametersError."""

    weighting: Weighting = "count"
    factors: int = 32
    regularization: float = 1.0
    """The same for a user of few items as for one of many: the library does not scale it."""
    alpha: float = 1.0
    iterations: int = 15

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds("factors", self.factors, 1, MOST_FACTORS)
        check_bounds("regularization", self.regularization, 1e-6)
        check_bounds("alpha", self.alpha, 1e-6)
        check_bounds("iterations", self.iterations, 1, 1000)


@dataclass(frozen=True)
class Als(Model):
    """Score: item factors times the user's, which are the least-squares answer to the plays given."""

    kind: ClassVar[str] = "als"
    parameters: Parameters

    factors: Floats
    """(items, factors), as fitted in float32."""

    def scores(self, interactions: Interactions, users: Ints) -> Floats:
        """In float64, as `explain`."""
        weights = self.parameters.of(interactions, users)
        gram = self._gram
        found = np.zeros((users.size, self.parameters.factors))
        for row, (start, end) in enumerate(zip(weights.indptr[:-1], weights.indptr[1:], strict=True)):
            own = self.factors[weights.indices[start:end]]
            found[row] = self._solved(gram, own, weights.data[start:end]).sum(axis=1)
        return found @ self.factors.T

    def explain(self, interactions: Interactions, user: int, items: Ints) -> list[Reasons]:
        """What each own item adds to the user's factors, times the item's."""
        weights = self.parameters.of(interactions, np.array([user]))
        own = weights.indices.astype(np.int64)
        shares = self.factors[items] @ self._solved(self._gram, self.factors[own], weights.data)
        return [ordered_reasons(own, row) for row in shares]

    def arrays(self) -> Arrays:
        """Item factors, as float32."""
        return {"factors": self.factors.astype(np.float32)}

    @cached_property
    def _gram(self) -> Floats:
        """Y'Y + lambda: the same for every user."""
        gram = self.factors.T @ self.factors
        gram[np.diag_indices_from(gram)] += self.parameters.regularization
        return gram

    def _solved(self, gram: Floats, own: Floats, weights: Floats) -> Floats:
        """(factors, own items): the user's factors as a sum over own items, (Y'CY + lambda)^-1 c_j y_j."""
        extra = self.parameters.alpha * weights[:, None] * own
        return np.asarray(np.linalg.solve(gram + own.T @ extra, (own + extra).T), np.float64)


def fit(interactions: Interactions, parameters: Parameters, seed: int) -> Als:
    """Fitted on all users; starts from factors drawn by the seed."""
    # Here, for what is fitted already needs no library.
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    if not interactions.matrix.nnz:
        return Als(parameters, interactions.items, np.zeros((interactions.items.size, parameters.factors)))
    weights = parameters.of(interactions)
    confidence = sparse.csr_matrix(
        ((1 + parameters.alpha * weights.data).astype(np.float32), weights.indices, weights.indptr), weights.shape
    )
    # One thread of BLAS: the library has its own, row by row, and sums in another order would be another model.
    with threadpool_limits(1, "blas"):
        library = AlternatingLeastSquares(
            factors=parameters.factors, regularization=parameters.regularization, alpha=1.0,
            iterations=parameters.iterations, random_state=seed,
        )  # fmt: skip
        library.fit(confidence, show_progress=False)
    return Als(parameters, interactions.items, library.item_factors.astype(np.float64))


def load(parameters: Parameters, arrays: Arrays) -> Als:
    """From what `arrays` gave."""
    return Als(parameters, arrays["items"], arrays["factors"].astype(np.float64))
