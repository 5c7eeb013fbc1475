"""A value that everybody may ask for without a limit, so it is found out once in a while for all who ask."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """One value, kept for so many seconds; safe to share between threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._found: tuple[float, T] | None = None

    def get(self, find: Callable[[], T]) -> T:
        """What is kept, or found now: by one thread, while the others that ask wait for it."""
        asked = time.monotonic()
        with self._lock:
            if self._found is None or self._found[0] < asked - self._seconds:
                value = find()
                self._found = time.monotonic(), value
            return self._found[1]
