"""How often two items were heard in one session, capped per user and summed over users (jobs.md 9). No Spark.

Four reductions that change no score (performance.md 4):

1. Plays of an item in a session are counted first; a pair of items then weighs the product of its counts.
2. A pair needs more than threshold / contribution users, so items with fewer listeners (after skips and ends were
   marked, never before) are dropped by the caller: `least_listeners`.
3. All rows of a user come in one call, so her cap is applied there and only capped scores leave it. They leave summed
   over the users of the call, and each pair once: the lesser item first.
4. Scores leave in blocks by *chunk*, a range of first items. A chunk is final: its pairs are in no other.

The pairs of one call are a product of sparse matrices, (user, item) x session x (user, item), in blocks of rows that
bound the memory. The product adds up as it goes: where an int64 key per pair would be sorted, nothing is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from jobs.engines.sessions import Ints, columns, packed, record_batch, unpacked

HEARD = ("user_id", "session", "group_id", "item_id", "weight")
"""Plays of an item in a session of a user. Of one group_id, unless it is NO_GROUP, no two items are a pair.

A pair of items in a session scores the sum of weight x weight over their pairs of rows of different groups.
"""
NO_GROUP = -1
BLOCKS = pa.schema([("chunk", pa.int32()), ("first", pa.binary()), ("second", pa.binary()), ("score", pa.binary())])
"""Pairs as three arrays of equal length, little-endian int32, int32 and int64: a row costs Spark as much as a pair."""
SCORES = pa.schema([("first", pa.int32()), ("second", pa.int32()), ("score", pa.int64())])
"""One row per pair, first < second."""
_ARRAYS = (("first", "<i4"), ("second", "<i4"), ("score", "<i8"))
BLOCK = 20_000_000
"""Multiplications of one block: each needs at most 12 bytes of its result."""


@dataclass(frozen=True)
class Chunks:
    """Items 0 to `items` - 1 in `count` ranges of equal width."""

    items: int
    count: int

    def of(self, item_id: Ints) -> Ints:
        """The chunk of each item."""
        found: Ints = item_id * self.count // self.items
        return found


def least_listeners(threshold: int, contribution: int) -> int:
    """So many users an item needs to be in a pair that scores above the threshold: each adds at most `contribution`."""
    return threshold // contribution + 1


def partial_scores(
    batches: Iterable[pa.RecordBatch], *, cap: int, chunks: Chunks, block: int = BLOCK
) -> Iterator[pa.RecordBatch]:
    """Rows of HEARD to rows of BLOCKS: scores of the users of this call, each user's at most `cap` for a pair.

    All rows of a user come in one call. A pair may be in several blocks, and in those of several calls: they add up.
    """
    rows = columns(batches, HEARD)
    if not rows["user_id"].size:
        return
    heard = _Heard.of(rows)
    for first, end in heard.blocks(block):
        yield from _in_chunks(heard.scores(first, end, cap), chunks)


def total_scores(batches: Iterable[pa.RecordBatch], *, threshold: int, unit: int) -> Iterator[pa.RecordBatch]:
    """Rows of BLOCKS, a chunk's together, to rows of SCORES: what scores above the threshold, cut to whole numbers.

    `unit`: what a score of one is in the blocks.
    """
    for blocks in _by_chunk(batches):
        first, second, score = (np.concatenate(arrays) for arrays in zip(*blocks, strict=True))
        least = int(first.min())
        shape = (int(first.max()) - least + 1, int(second.max()) + 1)
        summed = sparse.coo_matrix((score, (first - least, second)), shape).tocsr()
        whole = summed.data // unit
        chosen = whole > threshold
        rows = np.repeat(np.arange(least, least + shape[0]), np.diff(summed.indptr))
        if chosen.any():
            yield record_batch(SCORES, rows[chosen], summed.indices[chosen], whole[chosen])


@dataclass(frozen=True)
class _Heard:
    """The factors of the product. A column is a (user, item); columns are ordered by item."""

    item_of: Ints
    """The item of each column."""
    left: Any
    """csr (columns, rows), rows being sessions, then groups of several items in a session."""
    right: Any
    """csr (rows, columns); of groups with the sign turned, so that what they pair is taken away."""

    @classmethod
    def of(cls, rows: dict[str, Ints]) -> "_Heard":
        """From columns of HEARD."""
        columns_, column = np.unique(packed(rows["item_id"], rows["user_id"]), return_inverse=True)
        _, session = np.unique(packed(rows["user_id"], rows["session"]), return_inverse=True)
        sessions = _matrix(session, column, rows["weight"], columns_.size)
        groups = _groups(rows, session, column, columns_.size)
        item_of, _ = unpacked(columns_)
        right = sparse.vstack([sessions, -groups], format="csr")
        return cls(item_of, sparse.vstack([sessions, groups], format="csr").T.tocsr(), right)

    def blocks(self, block: int) -> Iterator[tuple[int, int]]:
        """Ranges of columns whose products take at most so many multiplications, or of one column."""
        sizes = np.diff(self.right.indptr).astype(np.int64)
        done = np.append(0, np.cumsum(sizes[self.left.indices]))[self.left.indptr]
        first = 0
        while first < self.item_of.size:
            end = max(first + 1, int(np.searchsorted(done, done[first] + block, side="right")) - 1)
            yield first, end
            first = end

    def scores(self, first: int, end: int, cap: int) -> "_Scores":
        """What these columns' items score with greater ones: every user's capped, and summed over users."""
        product = self.left[first:end] @ self.right
        one = np.repeat(self.item_of[first:end], np.diff(product.indptr))
        other = self.item_of[product.indices]
        chosen = (other > one) & (product.data > 0)
        least, most = int(self.item_of[first]), int(self.item_of[end - 1])
        lengths = np.bincount(one[chosen] - least, minlength=most - least + 1)
        capped = np.minimum(product.data[chosen], cap)
        shape = (lengths.size, int(self.item_of[-1]) + 1)
        # Rows come in the order of their items: so they are a csr matrix already, with a pair once per user.
        pairs = sparse.csr_matrix((capped, other[chosen], np.append(0, np.cumsum(lengths))), shape)
        pairs.sum_duplicates()
        return _Scores(least, pairs)


@dataclass(frozen=True)
class _Scores:
    """Scores of pairs whose first item is one of a range."""

    least: int
    """The first item of the first row."""
    pairs: Any
    """csr (first item, second item)."""


def _groups(rows: dict[str, Ints], session: Ints, column: Ints, width: int) -> Any:
    """csr (group in a session, column): of groups with several items alone, the others pair nothing."""
    grouped = rows["group_id"] != NO_GROUP
    _, number, size = np.unique(
        packed(session[grouped], rows["group_id"][grouped]), return_inverse=True, return_counts=True
    )
    several = size[number] > 1
    _, number = np.unique(number[several], return_inverse=True)
    return _matrix(number, column[grouped][several], rows["weight"][grouped][several], width)


def _matrix(row: Ints, column: Ints, weight: Ints, width: int) -> Any:
    """csr with the weights of equal places added up."""
    return sparse.coo_matrix((weight, (row, column)), (int(row.max(initial=-1)) + 1, width)).tocsr()


def _in_chunks(scores: _Scores, chunks: Chunks) -> Iterator[pa.RecordBatch]:
    pairs = scores.pairs
    items = np.arange(scores.least, scores.least + pairs.shape[0])
    columns_ = (np.repeat(items, np.diff(pairs.indptr)), pairs.indices, pairs.data)
    arrays = [column.astype(kind) for column, (_, kind) in zip(columns_, _ARRAYS, strict=True)]
    chunk = chunks.of(items)
    for number in np.unique(chunk):
        begin, end = pairs.indptr[np.searchsorted(chunk, [number, number + 1])]
        if begin < end:
            yield record_batch(BLOCKS, [number], *([array[begin:end].tobytes()] for array in arrays))


def _by_chunk(batches: Iterable[pa.RecordBatch]) -> Iterator[list[tuple[Ints, ...]]]:
    """The arrays of one chunk's blocks after the other's; those of a chunk follow each other."""
    rows = (row for batch in batches for row in batch.to_pylist())
    for _, blocks in groupby(rows, key=itemgetter("chunk")):
        yield [tuple(np.frombuffer(row[name], kind) for name, kind in _ARRAYS) for row in blocks]
