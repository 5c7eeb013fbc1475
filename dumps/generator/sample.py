"""The sample listens of the demo."""

from typing import Any

from dumps.generator.catalogue import Catalogue, Scale
from dumps.generator.listeners import make_listeners
from dumps.generator.plays import blocks
from dumps.generator.rows import listens as in_api_form

TWO_YEARS = 2 * 365 * 86400


def sample_listens(seed: int, users: int, listens: int, *, until: int) -> dict[str, list[dict[str, Any]]]:
    """Listens in API form by user name, of the two years before `until` (epoch seconds), in order of time.

    The same arguments give the same listens. Every user has some; `listens` is their sum.
    """
    if not 0 < users <= listens:
        raise ValueError(f"users={users}, listens={listens}: expected at least one user, and a listen for each")
    scale = Scale.of(listens, users)
    catalogue = Catalogue(seed, scale)
    listeners = make_listeners(seed, scale, until - TWO_YEARS, until)
    names = listeners.names().to_pylist()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for plays in blocks(catalogue, listeners, until):
        for user, listen in in_api_form(catalogue, listeners, plays):
            found[names[user - 1]].append(listen)
    return found
