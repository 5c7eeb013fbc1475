"""Items that the same users hear: each item's nearest neighbours, by cosine or BM25 of weighted play counts.

Sarwar et al. 2001 (item-based collaborative filtering); BM25 for play counts as in the library `implicit`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from scipy import sparse

from jobs.engines.interactions import Floats, Interactions, Ints
from jobs.engines.linear import LinearModel, LinearParameters, nearest
from jobs.engines.model_files import Arrays
from jobs.engines.weights import check_bounds, check_one_of

Similarity = Literal["cosine", "bm25"]

BLOCK_PRODUCTS = 8_000_000
"""Products of one block of items are at most so many (one item's in any case), about 100 MB with its result."""
BM25_K1, BM25_B = 100.0, 0.8
"""How soon a further play stops to count, and how much an item's total length does (the library's own values)."""


@dataclass(frozen=True)
class Parameters(LinearParameters):
    """Raises ParametersError."""

    similarity: Similarity = "cosine"
    shrinkage: float = 0.0
    """Added to the product of lengths below a cosine: two items with one shared listener are not alike yet."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("similarity", self.similarity, get_args(Similarity))
        check_bounds("shrinkage", self.shrinkage, 0)


@dataclass(frozen=True)
class ItemItem(LinearModel):
    """Score: the user's weights of the item's neighbours, times how near they are."""

    kind: ClassVar[str] = "item_item"
    parameters: Parameters


def fit(interactions: Interactions, parameters: Parameters, seed: int) -> ItemItem:
    """Exact neighbours of every item; needs no seed."""
    weights = parameters.of(interactions)
    users = _bm25(weights) if parameters.similarity == "bm25" else weights
    items = sparse.csr_matrix(users.T)
    lengths = np.sqrt(np.asarray(items.multiply(items).sum(axis=1)).ravel())
    blocks = []
    for block in _blocks(items, users):
        products = (items[block] @ users).tocoo()
        row, column, value = products.row + block.start, products.col, products.data
        if parameters.similarity == "cosine":
            value = value / (lengths[row] * lengths[column] + parameters.shrinkage)
        others = row != column
        blocks.append(nearest(row[others], column[others], value[others], parameters.neighbours))
    row, column, value = (np.concatenate(parts) for parts in zip(*blocks, strict=True)) if blocks else _nothing()
    similar = sparse.csr_matrix((value, (column, row)), shape=(items.shape[0],) * 2)
    similar.sort_indices()
    return ItemItem(parameters, interactions.items, similar)


def load(parameters: Parameters, arrays: Arrays) -> ItemItem:
    """From what `arrays` gave."""
    return ItemItem.of_arrays(parameters, arrays)


def _nothing() -> tuple[Ints, Ints, Floats]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)


def _blocks(items: Any, users: Any) -> Iterator[slice]:
    """Runs of items whose products with all others are not too many to hold."""
    products = items.astype(bool) @ np.diff(users.indptr).astype(np.int64)
    start, held = 0, 0
    for item, number in enumerate(products.tolist()):
        if held + number > BLOCK_PRODUCTS and item > start:
            yield slice(start, item)
            start, held = item, 0
        held += number
    if start < products.size:
        yield slice(start, products.size)


def _bm25(weights: Any) -> Any:
    """An item is a document, a user a term: one who hears everything says little of any item."""
    lengths = np.asarray(weights.sum(axis=0)).ravel()
    norm = 1 - BM25_B + BM25_B * lengths / max(lengths.mean(), 1e-12)
    heard = np.diff(weights.indptr)
    rarity = np.log(weights.shape[1]) - np.log1p(heard)
    data = weights.data * (BM25_K1 + 1) / (BM25_K1 * norm[weights.indices] + weights.data)
    data = data * np.maximum(np.repeat(rarity, heard), 0)
    return sparse.csr_matrix((data, weights.indices, weights.indptr), shape=weights.shape)
