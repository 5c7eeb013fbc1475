"""Every kind of recommendation model by its name: fit with parameters as they come in a request, load from a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.engines import blend
from jobs.engines.interactions import Interactions
from jobs.engines.model_files import ModelFileError, read_arrays
from jobs.engines.recommender import Model
from jobs.engines.single_models import SINGLE_KINDS, Kind, checked_parameters

KINDS: Mapping[str, Kind] = {**SINGLE_KINDS, "blend": Kind(blend.Parameters, blend.fit, blend.load)}


def parameters_of(kind: str, parameters: Mapping[str, Any]) -> Any:
    """Checked; what is not said has its default. Raises ParametersError, also for a kind that does not exist."""
    return checked_parameters(KINDS, kind, parameters)


def fit(kind: str, interactions: Interactions, parameters: Mapping[str, Any], seed: int) -> Model:
    """A model of that kind; the same arguments give the same model, bit for bit. Raises ParametersError."""
    checked = parameters_of(kind, parameters)
    return KINDS[kind].fit(interactions, checked, seed)


def load(folder: Path) -> Model:
    """What `Model.save` wrote. Raises ModelFileError."""
    description, arrays = read_arrays(folder)
    kind = str(description.get("kind"))
    if kind not in KINDS:
        raise ModelFileError(f"{folder} has a model of the kind {kind!r}: known are {', '.join(KINDS)}")
    return KINDS[kind].load(parameters_of(kind, description["parameters"]), arrays)
