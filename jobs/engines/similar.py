"""Which rows of a matrix are alike: exact cosines of all pairs, the best of each row kept. numpy and scipy, no Spark.

Row-normalised X.X^T in blocks of rows (reference performance.md 4): the products of a block per thread are all that is
in memory at once, so memory grows with the blocks, not with the square of the rows. scipy multiplies and numpy sorts
without Python's lock, so threads share the work. Sums of products of counts are whole numbers, exact in
float64 below 2^53, so a score does not depend on the order of adding.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

CELLS = 8_000_000
"""Cells of the products that are worked on at once, 12 bytes each, were every pair of rows to share something."""


@dataclass(frozen=True)
class Neighbours:
    """Of each row of a stretch of rows its most similar ones: grain (row, neighbour), best first."""

    first: int
    """The row that the stretch begins with; where some rows only were asked for, its place among them."""
    starts: npt.NDArray[np.int64]
    """Where each row's neighbours begin, one more than there are rows."""
    rows: npt.NDArray[np.int64]
    """Positions of neighbours."""
    scores: npt.NDArray[np.float64]
    """Cosines, more than 0 and at most 1."""


def most_similar(
    matrix: csr_matrix,
    count: int,
    cells: int = CELLS,
    of: npt.NDArray[np.int64] | None = None,
    threads: int | None = None,
) -> Iterator[Neighbours]:
    """The `count` rows most similar to each row, itself left out; ties: the greater position first.

    `matrix`: whole numbers of 0 and more, no explicit zeros needed. Blocks follow one another and cover all rows, or
    those that `of` names. `threads`: by default one for each processor this process may use; how many there are does
    not change what is found.
    """
    exact = csr_matrix(matrix, dtype=np.float64)
    squares = np.asarray(exact.multiply(exact).sum(axis=1)).ravel()
    turned = exact.T.tocsr()
    asked = exact if of is None else exact[of]
    numbers = np.arange(exact.shape[0]) if of is None else of
    threads = threads or len(os.sched_getaffinity(0))
    height = max(1, min(cells // max(1, exact.shape[0] * threads), -(-asked.shape[0] // threads)))

    def best(first: int) -> Neighbours:
        stretch = slice(first, first + height)
        return _best(asked[stretch] @ turned, first, numbers[stretch], squares, count)

    with ThreadPoolExecutor(threads) as pool:
        for group in range(0, asked.shape[0], height * threads):
            yield from pool.map(best, range(group, min(group + height * threads, asked.shape[0]), height))


def _best(
    product: csr_matrix, first: int, numbers: npt.NDArray[np.int64], squares: npt.NDArray[np.float64], count: int
) -> Neighbours:
    """Of a block's products of rows (their numbers), the best neighbours of each row."""
    own = np.repeat(numbers, np.diff(product.indptr))
    # One root of a product of whole numbers: what is exactly as similar has exactly the same score.
    scores = product.data / np.sqrt(squares[own] * squares[product.indices])
    np.minimum(scores, 1.0, out=scores)
    other = (product.indices != own) & (product.data > 0)
    kept = [
        _best_of_row(product.indices[start:end][other[start:end]], scores[start:end][other[start:end]], count)
        for start, end in zip(product.indptr[:-1], product.indptr[1:], strict=True)
    ]
    starts = np.concatenate(([0], np.cumsum([len(rows) for rows, _ in kept], dtype=np.int64)))
    rows = np.concatenate([rows for rows, _ in kept]) if kept else np.empty(0, np.int64)
    best = np.concatenate([found for _, found in kept]) if kept else np.empty(0)
    return Neighbours(first, starts, rows, best)


def _best_of_row(
    rows: npt.NDArray[np.int32], scores: npt.NDArray[np.float64], count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    if len(scores) > count:
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        chosen = scores >= least  # with every tie of the last place
        rows, scores = rows[chosen], scores[chosen]
    order = np.lexsort((-rows, -scores))[:count]
    return rows[order].astype(np.int64), scores[order]
