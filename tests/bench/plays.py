"""Invented play counts with tastes in them, as many as asked for: what models are timed on."""

import numpy as np

from jobs.engines.interactions import Interactions

TASTES = 60
NEWEST = 1_700_000_000
YEAR = 365 * 86_400


def plays_of(users: int, items: int, pairs: int, seed: int) -> Interactions:
    """About so many (user, item) pairs: a user has three tastes of 60, and hears in each the first items most."""
    generator = np.random.default_rng(seed)
    each = max(3, pairs // users)
    user = np.repeat(np.arange(users), each)
    tastes = generator.integers(0, TASTES, (users, 3))
    taste = tastes[user, generator.integers(0, 3, user.size)]
    within = items // TASTES
    place = (within * generator.random(user.size) ** 3).astype(np.int64)
    pair, plays = np.unique(user * items + place * TASTES + taste, return_counts=True)
    counts = plays * generator.geometric(0.3, pair.size)
    ids = np.array([f"{item:036d}" for item in range(items)], "S36")
    return Interactions.of(
        pair // items, ids[pair % items], counts, NEWEST - generator.integers(0, YEAR, pair.size),
        np.zeros(pair.size, bool), users=np.arange(users), catalogue=(ids, np.zeros(items, bool)),
    )  # fmt: skip


def halves(plays: Interactions, seed: int) -> tuple[Interactions, Interactions]:
    """The same users and items, each pair in one of two halves: to fit on, and to ask for."""
    first = np.random.default_rng(seed).random(plays.matrix.nnz) < 0.8
    row = np.repeat(np.arange(plays.user_ids.size), np.diff(plays.matrix.indptr))
    parts = [
        Interactions.of(
            row[kept], plays.items[plays.matrix.indices[kept]], plays.matrix.data[kept], plays.latest[kept],
            plays.msid[plays.matrix.indices[kept]], users=plays.user_ids, catalogue=(plays.items, plays.msid),
        )
        for kept in (first, ~first)
    ]  # fmt: skip
    return parts[0], parts[1]
