"""A shared input of jobs, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Input:
    """A frame made by one statement from tables and other inputs."""

    name: str
    about: str
    """Grain and meaning, one sentence."""
    reads: tuple[str, ...]
    sql: str = ""
    engine: str = ""
    """Instead of sql: the dotted name of a function of (frames by name, moment) to a frame."""
