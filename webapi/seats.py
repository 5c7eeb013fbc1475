"""Connections shared out evenly among the workers, which all accept from one socket.

Whoever wakes first would take whatever waits, and a kept connection stays where it was taken: one of two workers could
get most of the work. So each says in memory that they share how many connections it has open, and one that has more
than another stands back for a moment, that the other may take it.
"""

import mmap
from typing import Any

STEP_SECONDS = 0.001
"""How often a worker that stands back looks whether another has taken the connection."""
PATIENCE_SECONDS = 0.02
"""So long it stands back: the other may be busy, or stopped, and nobody shall wait for that."""
SLACK = 16
"""A sixteenth more than another is even enough: a thousand connections that come at once are taken at once."""
_EMPTY = -1


class Seats:
    """A seat for each of so many workers, and what is allowed there; make them before they are forked."""

    def __init__(self, number: int, idle_of_address: int | None = None) -> None:
        self.number = number
        self.idle_of_address = idle_of_address
        """Most idle connections of one client address at a seat; None: no limit."""
        self._open: Any = memoryview(mmap.mmap(-1, number * 8)).cast("q")
        for seat in range(number):
            self._open[seat] = _EMPTY

    def take(self, arbiter: Any, worker: Any) -> None:
        """gunicorn's `pre_fork`: the first free seat; a worker counts from when it says its first number."""
        taken = {other.seat for other in arbiter.WORKERS.values()}
        free = (seat for seat in range(self.number) if seat not in taken)
        worker.seat = next(free, self.number - 1)
        worker.seats = self

    def leave(self, _arbiter: Any, worker: Any) -> None:
        """gunicorn's `child_exit`: however it ended."""
        self._open[worker.seat] = _EMPTY

    def say(self, seat: int, connections: int | None) -> None:
        """So many are open at this seat; None: it takes no more, and nobody shall stand back for it."""
        self._open[seat] = _EMPTY if connections is None else connections

    def has_more(self, seat: int, connections: int) -> bool:
        """Whether somebody else has so few that the next connection should be theirs."""
        others = [count for place, count in enumerate(self._open) if count != _EMPTY and place != seat]
        return bool(others) and connections > min(others) + connections // SLACK
