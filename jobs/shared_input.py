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
    sums: tuple[str, ...] = ()
    """Columns that add up over users: large runs keep such an input, and continue it (jobs/everybody.py)."""
    of_users: bool = False
    """Of a kept one: each row is of one user_id."""
