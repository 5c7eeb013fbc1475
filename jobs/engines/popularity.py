"""What many hear, the same for everybody: the baseline that anything personal has to beat."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from jobs.engines.interactions import Floats, Interactions, Ints
from jobs.engines.model_files import Arrays
from jobs.engines.recommender import Model, Reasons


@dataclass(frozen=True)
class Parameters:
    """None: a listener counts once, however often they listen."""


@dataclass(frozen=True)
class Popularity(Model):
    """Score: number of listeners. Its one reason is the item itself."""

    kind: ClassVar[str] = "popularity"

    listeners: Ints
    """By item."""

    def scores(self, interactions: Interactions, users: Ints) -> Floats:
        """The same row for each user."""
        return np.tile(self.listeners.astype(np.float64), (users.size, 1))

    def explain(self, interactions: Interactions, user: int, items: Ints) -> list[Reasons]:
        """The item itself, share = score."""
        return [Reasons(np.array([item]), np.array([float(self.listeners[item])])) for item in items]

    def arrays(self) -> Arrays:
        """Listeners by item."""
        return {"listeners": self.listeners}


def fit(interactions: Interactions, parameters: Parameters, seed: int) -> Popularity:
    """Count listeners; needs no seed."""
    return Popularity(parameters, interactions.items, interactions.listeners)


def load(parameters: Parameters, arrays: Arrays) -> Popularity:
    """From what `arrays` gave."""
    return Popularity(parameters, arrays["items"], arrays["listeners"])
