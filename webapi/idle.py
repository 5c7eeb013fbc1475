"""Connections on which nothing is under way, kept open for the next request: the one idle for longest goes first.

They cost memory and a file descriptor each, and a worker has room for so many. So who holds too many of one address
loses the oldest of them, and when a worker is full the oldest of all makes room for who comes.
"""

from collections.abc import Iterator
from typing import Protocol


class Idle(Protocol):
    """What is kept of a connection."""

    timeout: float
    """When it is closed, by time.monotonic()."""
    address: str
    """The client's."""


class IdleConnections:
    """In the order they became idle. Takes the place of gunicorn's deque, of whose methods it has those that are used.

    `most_of_address`: None: as many as there is room for.
    """

    def __init__(self, most_of_address: int | None) -> None:
        self._most = most_of_address
        self._all: dict[Idle, None] = {}
        self._of: dict[str, dict[Idle, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, connection: object) -> bool:
        return connection in self._all

    def __iter__(self) -> Iterator[Idle]:
        return iter(list(self._all))

    def __getitem__(self, place: int) -> Idle:
        assert place == 0, "only the oldest is asked for"
        return next(iter(self._all))

    def append(self, connection: Idle) -> None:
        """From now on it is idle."""
        self._all[connection] = None
        self._of.setdefault(connection.address, {})[connection] = None

    def remove(self, connection: Idle) -> None:
        """It is idle no more."""
        del self._all[connection]
        same = self._of[connection.address]
        del same[connection]
        if not same:
            del self._of[connection.address]

    def popleft(self) -> Idle:
        """Take the oldest out."""
        oldest = self[0]
        self.remove(oldest)
        return oldest

    def surplus(self, address: str) -> Idle | None:
        """The oldest of an address that has too many."""
        same = self._of.get(address, {})
        return next(iter(same)) if self._most is not None and len(same) > self._most else None

    def expired(self, now: float) -> list[Idle]:
        """Those whose time is over."""
        return [connection for connection in self._all if connection.timeout <= now]
