"""Several models in one: each part's scores, measured by its best for the user, times its weight."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from jobs.engines.interactions import Floats, Interactions, Ints
from jobs.engines.model_files import Arrays
from jobs.engines.recommender import Model, ParametersError, Reasons, ordered_reasons
from jobs.engines.single_models import SINGLE_KINDS, checked_parameters
from jobs.engines.weights import check_bounds


@dataclass(frozen=True)
class Part:
    """One model of a blend. Raises ParametersError."""

    kind: str
    weight: float = 1.0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_bounds("weight", self.weight, 0)
        checked_parameters(SINGLE_KINDS, self.kind, self.parameters)
        if self.kind == "random":
            raise ParametersError("parts: random has no reasons, so a blend with it would have none")


@dataclass(frozen=True)
class Parameters:
    """By default what a user hears most of late, and what that predicts. Raises ParametersError."""

    parts: tuple[Part, ...] = (
        Part("own_history", 1.0, {"weighting": "log", "half_life_days": 30.0}),
        Part("ease", 0.2, {"profile_weighting": "binary", "profile_half_life_days": 60.0}),
    )
    """Or, as from JSON, dicts with the fields of Part."""

    def __post_init__(self) -> None:
        parts = tuple(part if isinstance(part, Part) else _part(part) for part in self.parts)
        if not parts:
            raise ParametersError("parts=(): expected one or more")
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True)
class Blend(Model):
    """Score: sum over parts of weight * score / the part's greatest score for the user in the whole catalogue.

    What may be listed does not change that scale, so a filtered list keeps its order.
    """

    kind: ClassVar[str] = "blend"
    parameters: Parameters

    parts: tuple[Model, ...]
    """In the order of parameters.parts."""

    def scores(self, interactions: Interactions, users: Ints) -> Floats:
        """Part by part."""
        total = np.zeros((users.size, self.items.size))
        for part, model in zip(self.parameters.parts, self.parts, strict=True):
            scores = model.scores(interactions, users)
            total += scores * _scale(scores, part.weight)
        return total

    def explain(self, interactions: Interactions, user: int, items: Ints) -> list[Reasons]:
        """The parts' reasons in that scale, those of the same item added up."""
        found: list[list[Reasons]] = []
        for part, model in zip(self.parameters.parts, self.parts, strict=True):
            scale = float(_scale(model.scores(interactions, np.array([user])), part.weight)[0, 0])
            of_part = model.explain(interactions, user, items)
            found.append([Reasons(reasons.items, reasons.shares * scale) for reasons in of_part])
        return [_together(list(of_item)) for of_item in zip(*found, strict=True)]

    def arrays(self) -> Arrays:
        """Those of the parts, numbered."""
        return {f"{n}.{name}": array for n, part in enumerate(self.parts) for name, array in part.arrays().items()}


def fit(interactions: Interactions, parameters: Parameters, seed: int) -> Blend:
    """Every part with the same seed."""
    parts = tuple(
        SINGLE_KINDS[part.kind].fit(interactions, checked_parameters(SINGLE_KINDS, part.kind, part.parameters), seed)
        for part in parameters.parts
    )
    return Blend(parameters, interactions.items, parts)


def load(parameters: Parameters, arrays: Arrays) -> Blend:
    """From what `arrays` gave."""
    parts = tuple(_loaded(number, part, arrays) for number, part in enumerate(parameters.parts))
    return Blend(parameters, arrays["items"], parts)


def _loaded(number: int, part: Part, arrays: Arrays) -> Model:
    own = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{number}.")}
    parameters = checked_parameters(SINGLE_KINDS, part.kind, part.parameters)
    return SINGLE_KINDS[part.kind].load(parameters, {"items": arrays["items"], **own})


def _part(found: Any) -> Part:
    if not isinstance(found, Mapping) or set(found) - {"kind", "weight", "parameters"} or "kind" not in found:
        raise ParametersError(f"parts: {found!r} is none; expected kind, weight and parameters")
    return Part(**found)


def _scale(scores: Floats, weight: float) -> Floats:
    """(users, 1): 0 where the part has nothing to say."""
    greatest = scores.max(axis=1, keepdims=True, initial=0.0)
    scale: Floats = np.divide(weight, greatest, out=np.zeros_like(greatest), where=greatest > 0)
    return scale


def _together(reasons: list[Reasons]) -> Reasons:
    items = np.concatenate([of_part.items for of_part in reasons])
    names, back = np.unique(items, return_inverse=True)
    shares = np.zeros(names.size)
    np.add.at(shares, back, np.concatenate([of_part.shares for of_part in reasons]))
    return ordered_reasons(names, shares)
