"""Any order, its own for every user: what a ranking that knows nothing reaches."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from jobs.engines.interactions import Floats, Interactions, Ints
from jobs.engines.model_files import Arrays
from jobs.engines.recommender import Model, Reasons


@dataclass(frozen=True)
class Parameters:
    """None."""


@dataclass(frozen=True)
class RandomOrder(Model):
    """Score: drawn from (0, 1] by seed and users.id, so the same whoever else is asked about."""

    kind: ClassVar[str] = "random"
    explains: ClassVar[bool] = False

    seed: int

    def scores(self, interactions: Interactions, users: Ints) -> Floats:
        """Drawn anew each time, the same each time."""
        drawn = [self._drawn(int(user_id)) for user_id in interactions.user_ids[users]]
        return np.stack(drawn) if drawn else np.zeros((0, self.items.size))

    def explain(self, interactions: Interactions, user: int, items: Ints) -> list[Reasons]:
        """No item has a reason."""
        return [Reasons(np.zeros(0, np.int64), np.zeros(0)) for _ in items]

    def arrays(self) -> Arrays:
        """The seed."""
        return {"seed": np.array([self.seed])}

    def _drawn(self, user_id: int) -> Floats:
        return 1 - np.random.default_rng((self.seed, user_id)).random(self.items.size)


def fit(interactions: Interactions, parameters: Parameters, seed: int) -> RandomOrder:
    """Nothing is learned."""
    return RandomOrder(parameters, interactions.items, seed)


def load(parameters: Parameters, arrays: Arrays) -> RandomOrder:
    """From what `arrays` gave."""
    return RandomOrder(parameters, arrays["items"], int(arrays["seed"][0]))
