"""Functions by their dotted names: jobs name their engines and importers so, and need not import them."""

import importlib
from collections.abc import Callable
from typing import Any


def function_of(name: str) -> Callable[..., Any]:
    """The function of a dotted name such as jobs.engines.plays.plays. Raises ImportError, AttributeError."""
    module, _, function = name.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
