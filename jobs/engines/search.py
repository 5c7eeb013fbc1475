"""Which models are tried: baselines as they are, others with parameters that a validation window chooses from."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """A model that may be fitted: as `models.fit` takes it."""

    kind: str
    parameters: Mapping[str, Any]


BASELINES = (
    Candidate("popularity", {}),
    Candidate("own_history", {}),
    Candidate("item_item", {"similarity": "cosine", "weighting": "log", "neighbours": 50}),
    Candidate("random", {}),
)
"""What a model has to beat to be served."""

_FADING = ({"profile_weighting": "log"}, {"profile_weighting": "binary", "profile_half_life_days": 60.0})
_CONFIDENCE = (
    {"weighting": "count"},
    {"weighting": "log"},
    {"weighting": "count", "half_life_days": 60.0},
)
BLEND_WEIGHTS = (0.1, 0.2, 0.5)
"""Of what others hear, beside one's own history."""


def _grid(kind: str, *choices: Iterable[Mapping[str, Any]]) -> list[Candidate]:
    return [Candidate(kind, {k: v for part in parts for k, v in part.items()}) for parts in product(*choices)]


CANDIDATES = (
    *_grid("own_history", [{"weighting": "log"}], [{"half_life_days": days} for days in (14.0, 30.0, 90.0)]),
    *_grid("item_item", [{"similarity": "cosine", "neighbours": count} for count in (20, 50)]
           + [{"similarity": "cosine", "shrinkage": 5.0}, {"similarity": "bm25"}], _FADING),
    *_grid("ease", [{"regularization": strength} for strength in (50.0, 200.0, 500.0)],
           [{"neighbours": count} for count in (20, 50)], _FADING),
    *_grid("als", [{"factors": 64, "regularization": 10.0, "alpha": alpha} for alpha in (0.3, 1.0)], _CONFIDENCE),
)  # fmt: skip
"""Of every kind a few; `blends` adds those made of the best."""


def blends(own: Mapping[str, Any], others: Iterable[Candidate]) -> list[Candidate]:
    """A user's own history with parameters `own` beside each of the others, and beside all of them, by weights."""
    listed = list(others)
    groups = [[other] for other in listed] + ([listed] if len(listed) > 1 else [])
    return [
        Candidate("blend", {"parts": [_part("own_history", 1.0, own), *(_part(kind, weight / len(group), parameters)
                                                                        for kind, parameters in group)]})
        for group in groups for weight in BLEND_WEIGHTS
    ]  # fmt: skip


def _part(kind: str, weight: float, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "weight": weight, "parameters": dict(parameters)}
