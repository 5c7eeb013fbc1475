"""How good ranked lists are, against what was heard afterwards. Arrays in, one number per user or of all lists out.

Definitions as in Järvelin and Kekäläinen 2002 (nDCG) and Manning et al., Introduction to Information Retrieval, 8;
relevance is binary: heard in the time held out, or not.
"""

from typing import Any, NamedTuple

import numpy as np

from jobs.engines.interactions import Bools, Floats, Ints
from jobs.engines.recommender import PADDING

RESAMPLES = 1000


class Interval(NamedTuple):
    """A mean over users and where it would lie if other such users had been asked."""

    mean: float
    low: float
    """2.5 % of the resampled means are below."""
    high: float
    """2.5 % are above."""


def hits(lists: Ints, held_out: Any) -> Bools:
    """Whether each place of the lists (users, places; -1 is padding) is an item of the user's held-out ones.

    `held_out`: csr matrix (users, items), what is stored counts.
    """
    width = held_out.shape[1]
    rows = np.repeat(np.arange(held_out.shape[0], dtype=np.int64), np.diff(held_out.indptr))
    wanted = rows * width + held_out.indices
    listed = np.arange(lists.shape[0], dtype=np.int64)[:, None] * width + lists
    found: Bools = np.isin(listed, wanted) & (lists != PADDING)
    return found


def precision(found: Bools, k: int) -> Floats:
    """By user: hits in the first k places, of k, however few items are held out or listed."""
    return _floats(_first(found, k).sum(axis=1) / k)


def precision_of_possible(found: Bools, held_out: Ints, k: int) -> float:
    """As `implicit` counts it: all hits in the first k places, of all that could be: min(k, held out) of each user."""
    return float(_first(found, k).sum() / max(1, np.minimum(held_out, k).sum()))


def recall(found: Bools, held_out: Ints, k: int) -> Floats:
    """By user: held-out items (their number in `held_out`, 1 or more) that are in the first k places."""
    return _floats(_first(found, k).sum(axis=1) / held_out)


def ndcg(found: Bools, held_out: Ints, k: int) -> Floats:
    """By user: sum over hits of 1 / log2(place + 1), places from 1, over that sum of the best list of k."""
    gains = 1 / np.log2(np.arange(2, k + 2))
    best = np.append(0, np.cumsum(gains))[np.minimum(held_out, k)]
    first = _first(found, k)
    return _floats(first @ gains[: first.shape[1]] / best)


def average_precision(found: Bools, held_out: Ints, k: int) -> Floats:
    """By user: precision at each hit's place within the first k, summed, over min(k, held out); MAP is its mean."""
    first = _first(found, k)
    at_place = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)
    return _floats((at_place * first).sum(axis=1) / np.minimum(held_out, k))


def coverage(lists: Ints, items: int) -> float:
    """Share of the catalogue of so many items that is in any list."""
    listed = np.unique(lists[lists != PADDING])
    return listed.size / max(1, items)


def novelty(lists: Ints, listeners: Ints, users: int) -> float:
    """Mean over all places of -log2(listeners / users): bits, 0 when everybody hears all that is listed.

    An item without listeners counts as if it had one. Vargas and Castells 2011 (self-information).
    """
    listed = lists[lists != PADDING]
    if not listed.size:
        return 0.0
    return float(np.mean(np.log2(users / np.maximum(listeners[listed], 1))))


def heard_share(lists: Ints, heard: Any) -> float:
    """Share of all listed (user, item) places that are stored in `heard`, a csr matrix (users, items)."""
    listed = int((lists != PADDING).sum())
    return float(hits(lists, heard).sum() / listed) if listed else 0.0


def bootstrap(values: Floats, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Mean over users with its 95 % percentile interval: users drawn with replacement (Efron 1979).

    Takes 16 bytes for every value of every resample.
    """
    drawn = np.random.default_rng(seed).integers(0, values.size, (resamples, values.size))
    means = values[drawn].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(float(values.mean()), float(low), float(high))


def activity_buckets(listen_counts: Ints, edges: tuple[int, ...]) -> list[tuple[str, Bools]]:
    """Users by their number of listens: name ("20 to 99") and mask of each stretch between ascending edges."""
    stretches = zip((0, *edges), (*edges, None), strict=True)
    return [
        (f"{start} or more", listen_counts >= start)
        if end is None
        else (f"{start} to {end - 1}", (listen_counts >= start) & (listen_counts < end))
        for start, end in stretches
    ]


def _first(found: Bools, k: int) -> Bools:
    return found[:, :k]


def _floats(values: Any) -> Floats:
    return np.asarray(values, np.float64)
