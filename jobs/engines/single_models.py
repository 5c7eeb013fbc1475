"""Kinds of recommendation models that stand alone: what `models` knows, and what a blend is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from jobs.engines import als, ease, item_item, own_history, popularity, random_order
from jobs.engines.interactions import Interactions
from jobs.engines.recommender import Model, ParametersError


@dataclass(frozen=True)
class Kind:
    """How a model is made, and made again."""

    parameters: type[Any]
    """A frozen dataclass; checks its values when made."""
    fit: Callable[[Interactions, Any, int], Model]
    """(interactions, parameters, seed)."""
    load: Callable[[Any, dict[str, Any]], Model]
    """(parameters, arrays)."""


SINGLE_KINDS: Mapping[str, Kind] = {
    "popularity": Kind(popularity.Parameters, popularity.fit, popularity.load),
    "own_history": Kind(own_history.Parameters, own_history.fit, own_history.load),
    "item_item": Kind(item_item.Parameters, item_item.fit, item_item.load),
    "ease": Kind(ease.Parameters, ease.fit, ease.load),
    "als": Kind(als.Parameters, als.fit, als.load),
    "random": Kind(random_order.Parameters, random_order.fit, random_order.load),
}


def checked_parameters(kinds: Mapping[str, Kind], kind: str, parameters: Mapping[str, Any]) -> Any:
    """What is not said has its default. Raises ParametersError, also for a kind that is not among `kinds`."""
    if kind not in kinds:
        raise ParametersError(f"kind={kind!r}: known are {', '.join(kinds)}")
    known = [field.name for field in fields(kinds[kind].parameters)]
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ParametersError(f"{kind} has no parameter {unknown[0]!r}: known are {', '.join(known) or 'none'}")
    return kinds[kind].parameters(**parameters)
