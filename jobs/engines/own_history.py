"""What a user hears already, most and latest first: hard to beat wherever heard items may be recommended."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from jobs.engines.interactions import Floats, Interactions, Ints
from jobs.engines.model_files import Arrays
from jobs.engines.recommender import Model, Reasons
from jobs.engines.weights import Weighting, Weights


@dataclass(frozen=True)
class Parameters(Weights):
    """By default the plain play count."""

    weighting: Weighting = "count"


@dataclass(frozen=True)
class OwnHistory(Model):
    """Score: the weight of the user's own plays of the item. Its one reason is the item itself."""

    kind: ClassVar[str] = "own_history"
    parameters: Parameters

    def scores(self, interactions: Interactions, users: Ints) -> Floats:
        """Weights of the users' rows."""
        dense: Floats = self.parameters.of(interactions, users).toarray()
        return dense

    def explain(self, interactions: Interactions, user: int, items: Ints) -> list[Reasons]:
        """The item itself, share = score."""
        own = self.scores(interactions, np.array([user]))[0]
        return [Reasons(np.array([item]), own[[item]]) for item in items]

    def arrays(self) -> Arrays:
        """Nothing: all is in the matrix given."""
        return {}


def fit(interactions: Interactions, parameters: Parameters, seed: int) -> OwnHistory:
    """Nothing is learned; needs no seed."""
    return OwnHistory(parameters, interactions.items)


def load(parameters: Parameters, arrays: Arrays) -> OwnHistory:
    """From what `arrays` gave."""
    return OwnHistory(parameters, arrays["items"])
