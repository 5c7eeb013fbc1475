"""A linear model of which items predict each other, in closed form, cut to the strongest weights of each item.

EASE: Steck 2019, "Embarrassingly shallow autoencoders for sparse data". Cutting its weights makes it explain itself in
few reasons, and on the data of docs/recommendations.md ranks better than all of them.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import sparse

from jobs.engines.interactions import Floats, Interactions, Ints
from jobs.engines.linear import LinearModel, LinearParameters, nearest
from jobs.engines.model_files import Arrays
from jobs.engines.weights import check_bounds

MOST_ITEMS = 20_000
"""Already 12 GB."""


@dataclass(frozen=True)
class Parameters(LinearParameters):
    """Raises ParametersError."""

    regularization: float = 500.0
    """Added to the diagonal of the gram matrix of items (lambda in the paper)."""
    max_items: int = 3_000
    """Only the items with most listeners are learned and recommended, so many: fitting takes about 30 * max_items ** 2
    bytes (265 MB measured for 3,000) and max_items ** 3 time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # Below this the inverse of a gram matrix of items heard by the same users is noise.
        check_bounds("regularization", self.regularization, 1e-3)
        check_bounds("max_items", self.max_items, 1, MOST_ITEMS)


@dataclass(frozen=True)
class Ease(LinearModel):
    """Score: the user's weights of the items that predict the item, times how strongly; a weight may be negative."""

    kind: ClassVar[str] = "ease"
    parameters: Parameters


def fit(interactions: Interactions, parameters: Parameters, seed: int) -> Ease:
    """Exact; needs no seed."""
    from threadpoolctl import threadpool_limits

    popular = most_heard(interactions.listeners, parameters.max_items)
    weights = sparse.csc_matrix(parameters.of(interactions))[:, popular]
    # One thread: sums in another order would be another model.
    with threadpool_limits(1):
        strength = _strength((weights.T @ weights).toarray(), parameters.regularization)
    # Of each column, one at a time, the strongest of either sign.
    count = min(parameters.neighbours, max(0, popular.size - 1))
    row, column = _strongest(strength, count)
    value = strength[row, column]
    says = sparse.csr_matrix((value, (popular[row], popular[column])), shape=(interactions.items.size,) * 2)
    says.sort_indices()
    return Ease(parameters, interactions.items, says)


def load(parameters: Parameters, arrays: Arrays) -> Ease:
    """From what `arrays` gave."""
    return Ease.of_arrays(parameters, arrays)


def most_heard(listeners: Ints, count: int) -> Ints:
    """Positions of the items with most listeners, ties the greater position, ascending; none without a listener."""
    order = np.lexsort((np.arange(listeners.size), listeners))[::-1][:count]
    return np.sort(order[listeners[order] > 0])


def _strength(gram: Floats, regularization: float) -> Floats:
    """(predicting item, predicted item): -P[i, j] / P[j, j] of the inverse P, 0 on the diagonal."""
    if not gram.size:
        return gram
    gram[np.diag_indices_from(gram)] += regularization
    inverse = np.asarray(np.linalg.inv(gram), np.float64)
    inverse /= -np.diag(inverse)
    inverse[np.diag_indices_from(inverse)] = 0
    return inverse


def _strongest(strength: Floats, count: int) -> tuple[Ints, Ints]:
    size = strength.shape[0]
    every = np.arange(size)
    found = [nearest(np.zeros(size, np.int64), every, np.abs(strength[:, item]), count)[1] for item in range(size)]
    rows = np.concatenate(found) if found else np.zeros(0, np.int64)
    return rows, np.repeat(every, count)
