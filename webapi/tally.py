"""Requests counted by route, method, class of status and duration, by all workers together.

The counts are in memory that the workers share: made before they are forked, it outlives each of them, so counts never
fall while the server runs. Each worker writes into a slot of its own, and whoever is asked adds them up. Counting a
request takes some microseconds and no lock of another process; routes are those of the application, so memory is fixed.
"""

import mmap
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds; one bucket more is for what took longer."""
METHODS = ("GET", "POST", "other")
"""HEAD counts as GET."""
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
NO_ROUTE = "none"
MOST_ROUTES = 400
_WIDTH = len(BOUNDS) + 2
_SERIES = MOST_ROUTES * len(METHODS) * len(CLASSES)
_SLOT = 1 + _SERIES * _WIDTH


@dataclass(frozen=True)
class Series:
    """Requests of one route, method and class of status."""

    route: str
    method: str
    status: str
    buckets: tuple[float, ...]
    """Requests by bucket, not accumulated; the last has no upper bound."""
    seconds: float


class Board:
    """Slots for so many workers; make it before they are forked."""

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self._values: Any = memoryview(mmap.mmap(-1, slots * _SLOT * 8)).cast("d")

    def slot(self, number: int) -> Any:
        """That of one worker: a memoryview of doubles."""
        return self._values[number * _SLOT : (number + 1) * _SLOT]


class Tally:
    """One worker's counting; safe to share between threads."""

    def __init__(self, board: Board, slot: int) -> None:
        self._board = board
        self._mine = board.slot(slot)
        self._mine[0] = 1.0
        self._routes: dict[str, int] = {}
        self._lock = threading.Lock()
        self.value = 0
        """Requests that this worker has had."""

    def number(self, routes: Sequence[str]) -> None:
        """The application's routes: the same, in the same order, in every worker."""
        names = [NO_ROUTE, *sorted(set(routes))]
        assert len(names) <= MOST_ROUTES, f"{len(names)} routes: raise MOST_ROUTES"
        self._routes = {name: place for place, name in enumerate(names)}

    def add(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """One more request that has been answered."""
        which = 1 if method == "POST" else 0 if method in {"GET", "HEAD"} else 2
        place = self._routes.get(route or NO_ROUTE, 0) * len(METHODS) + which
        start = 1 + (place * len(CLASSES) + status // 100 - 1) * _WIDTH
        bucket = start + bisect_left(BOUNDS, seconds)
        with self._lock:
            self.value += 1
            self._mine[bucket] += 1.0
            self._mine[start + _WIDTH - 1] += seconds

    def series(self) -> Iterator[Series]:
        """What all workers have counted, where it is not nothing."""
        used = [slot for n in range(self._board.slots) if (slot := self._board.slot(n))[0]]
        for route, place in self._routes.items():
            for which, method in enumerate(METHODS):
                for kind, status in enumerate(CLASSES):
                    start = 1 + ((place * len(METHODS) + which) * len(CLASSES) + kind) * _WIDTH
                    rows = [slot[start : start + _WIDTH].tolist() for slot in used]
                    sums = [sum(column) for column in zip(*rows, strict=True)]
                    if any(sums):
                        yield Series(route, method, status, tuple(sums[:-1]), sums[-1])
