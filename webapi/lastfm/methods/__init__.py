"""The methods of the Last.fm API. The folder is the registry: a module says METHODS, by name in lower case."""

import importlib
import pkgutil
from functools import cache

from webapi.lastfm.method import Method


@cache
def methods() -> dict[str, Method]:
    """Every method, by its name in lower case."""
    found: dict[str, Method] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        named: dict[str, Method] = importlib.import_module(module.name).METHODS
        twice = found.keys() & named.keys()
        assert not twice, f"two modules have {', '.join(twice)}"
        found.update(named)
    return found
