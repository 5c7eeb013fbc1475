"""The dumps that can be fetched, as the API names them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Dump:
    """One published dump."""

    id: int
    timestamp: str
    """When it was made, UTC: 20190625-165900."""
    kind: Literal["full", "incremental"]


def published_dumps() -> tuple[Dump, ...]:
    """Every dump that is published here, oldest first. Nothing in this version publishes any."""
    return ()
