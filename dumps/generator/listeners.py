"""The invented listeners: how much each plays, since when, with which client."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dumps.generator import chance
from dumps.generator.catalogue import Scale
from dumps.generator.chance import Ids
from dumps.generator.names import USERS, names

CLIENTS = ("Web Scrobbler", "Pano Scrobbler", "mpdscribble", "Navidrome", "Rhythmbox", "foobar2000", "beets", "")
"""The last one sends no client name."""
SIGMA = 1.4


@dataclass(frozen=True)
class Listeners:
    """One row per user; ids begin at 1."""

    ids: Ids
    listens: Ids
    since: Ids
    """Epoch seconds of the earliest possible listen."""
    client: Ids
    bots: frozenset[int]
    """Two users whose first session goes on for more than 2000 listens (when they have so many)."""

    def names(self) -> pa.Array:
        """Names of the users, distinct."""
        return names(USERS, self.ids)


def make_listeners(seed: int, scale: Scale, since: int, until: int) -> Listeners:
    """Listens per user log-normal (sigma 1.4), one at least, scale.listens together; ever more users over the years."""
    ids = np.arange(1, scale.users + 1, dtype=np.int64)
    weights = np.exp(SIGMA * chance.normal(seed, "activity", ids))
    bounds = np.rint(np.cumsum(weights) / np.sum(weights) * (scale.listens - scale.users)).astype(np.int64)
    listens = np.diff(bounds, prepend=0) + 1
    joined = np.sqrt(chance.uniform(seed, "joined", ids)) * 0.97
    biggest = np.argsort(listens)[-2:]
    return Listeners(
        ids,
        listens,
        since + ((until - since) * joined).astype(np.int64),
        chance.pick(seed, "client", ids, np.array([26, 18, 12, 10, 8, 8, 6, 12], dtype=np.float64)),
        frozenset(int(ids[at]) for at in biggest),
    )
