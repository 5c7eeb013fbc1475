"""The sample of the demo: listens, and what MusicBrainz would say of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dumps.generator.catalogue import Catalogue, Scale
from dumps.generator.listeners import make_listeners
from dumps.generator.metadata import metadata_tables
from dumps.generator.plays import blocks
from dumps.generator.rows import listens as in_api_form

TWO_YEARS = 2 * 365 * 86400


@dataclass(frozen=True)
class Sample:
    """A small world, every recording of which has MBIDs."""

    listens: dict[str, list[dict[str, Any]]]
    """Listens in API form by user name, in order of time."""
    metadata: dict[str, pa.Table]
    """The metadata tables by name."""


def make_sample(seed: int, users: int, listens: int, *, until: int) -> Sample:
    """Listens of the two years before `until` (epoch seconds), and metadata of what was played.

    The same arguments give the same sample. Every user has some; `listens` is their sum.
    """
    if not 0 < users <= listens:
        raise ValueError(f"users={users}, listens={listens}: expected at least one user, and a listen for each")
    scale = Scale.of(listens, users)
    catalogue = Catalogue(seed, scale, unmapped=0)
    listeners = make_listeners(seed, scale, until - TWO_YEARS, until)
    names = listeners.names().to_pylist()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    played = []
    for plays in blocks(catalogue, listeners, until):
        played.append(plays.recording)
        for user, listen in in_api_form(catalogue, listeners, plays):
            found[names[user - 1]].append(listen)
    return Sample(found, metadata_tables(catalogue, np.unique(np.concatenate(played)), users, until))
