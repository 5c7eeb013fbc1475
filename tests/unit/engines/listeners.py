"""Small play counts for tests of the models, and what plain Python says about them."""

from collections.abc import Mapping

import numpy as np

from jobs.engines.interactions import Interactions
from jobs.engines.recommender import Model

DAY = 86_400
NOW = 1_700_000_000
Plays = Mapping[int, Mapping[int, tuple[int, int]]]
"""By user: by item its count, and the days since the latest listen of it."""


def uuid(item: int) -> str:
    return f"00000000-0000-4000-8000-{item:012d}"


def interactions(plays: Plays, items: int | None = None) -> Interactions:
    """Item i is column i, if every item below the greatest occurs or `items` says how many there are."""
    flat = [(user, item, *values) for user, of in plays.items() for item, values in of.items()]
    catalogue = None
    if items is not None:
        catalogue = np.array([uuid(item) for item in range(items)], "S36"), np.zeros(items, bool)
    return Interactions.of(
        [user for user, _, _, _ in flat],
        [uuid(item) for _, item, _, _ in flat],
        [count for _, _, count, _ in flat],
        [NOW - age * DAY for _, _, _, age in flat],
        [False] * len(flat),
        users=sorted(plays),
        catalogue=catalogue,
    )


def counted(plays: Mapping[int, Mapping[int, int]], items: int | None = None) -> Interactions:
    """As above, all of them heard just now."""
    return interactions({user: {item: (n, 0) for item, n in of.items()} for user, of in plays.items()}, items)


def random_plays(seed: int, users: int = 12, items: int = 15) -> Interactions:
    generator = np.random.default_rng(seed)
    plays = {
        user: {
            int(item): (int(generator.integers(1, 9)), int(generator.integers(0, 400)))
            for item in generator.choice(items, generator.integers(1, items // 2), replace=False)
        }
        for user in range(users)
    }
    return interactions(plays, items)


def lists(model: Model, plays: Interactions, count: int, *, new: bool = False) -> list[list[int]]:
    """Recommended items of every user, without padding."""
    ranked = model.recommend(plays, np.arange(plays.user_ids.size), count, new)
    return [[int(item) for item in row if item >= 0] for row in ranked.items]
