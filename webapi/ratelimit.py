"""Fixed-window rate limits that all web workers share, while most requests touch no row.

A worker leases slices of a window's quota from the table `rate_limit` and serves requests from them. Slices shrink as
the quota runs out, so that little of it is left unused in other workers' hands when the last slice is gone.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from conf.postgres import Pool, StoreUnavailableError
from webapi.db import rate_limit

MESSAGE = (
    "You have exceeded your rate limit. See the X-RateLimit-* response headers for more information on your "
    "current rate limit."
)
EXPOSED = "X-RateLimit-Limit,X-RateLimit-Remaining,X-RateLimit-Reset,X-RateLimit-Reset-In"
MAX_BUCKETS = 20_000
"""Clients remembered in one window by one worker; beyond, the memory of the window starts again."""


@dataclass(frozen=True)
class Allowance:
    """What is left of a client's window after a request."""

    allowed: bool
    limit: int
    remaining: int
    reset: int
    """Epoch second at which the next window begins."""
    reset_in: int

    def headers(self) -> dict[str, str]:
        """The four headers, and the one that lets browsers see them."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Reset-In": str(self.reset_in),
            "Access-Control-Expose-Headers": EXPOSED,
        }


@dataclass
class _Slice:
    in_hand: int = 0
    leased_by_all: int = 0


class RateLimiter:
    """One per worker process; safe to share between threads."""

    def __init__(self, pool: Pool, window: int, clock: Callable[[], float]) -> None:
        self._pool = pool
        self._window = window
        self._clock = clock
        self._lock = threading.Lock()
        self._start = 0
        self._slices: dict[str, _Slice] = {}

    def take(self, bucket: str, limit: int) -> Allowance:
        """Count one request of this bucket. While PostgreSQL is down each worker counts by itself."""
        now = int(self._clock())
        start = now - now % self._window
        with self._lock:
            if start != self._start or len(self._slices) > MAX_BUCKETS:
                self._start, self._slices = start, {}
            mine = self._slices.setdefault(bucket, _Slice())
            allowed = mine.in_hand > 0
            mine.in_hand -= allowed
            wanted = 0 if allowed else _slice_size(limit, mine.leased_by_all)
        if wanted:
            allowed = self._lease(mine, bucket, start, limit, wanted)
        remaining = max(0, limit - mine.leased_by_all) + mine.in_hand
        reset = start + self._window
        return Allowance(allowed, limit, remaining, reset, reset - now)

    def _lease(self, mine: _Slice, bucket: str, start: int, limit: int, wanted: int) -> bool:
        """Lease a slice and take one request of it."""
        try:
            with self._pool.transaction() as cursor:
                leased = rate_limit.lease(cursor, bucket, start, wanted)
        except StoreUnavailableError:
            leased = mine.leased_by_all + wanted
        granted = max(0, wanted - max(0, leased - limit))
        with self._lock:
            mine.in_hand += max(0, granted - 1)
            mine.leased_by_all = max(mine.leased_by_all, leased)
        return granted > 0


def _slice_size(limit: int, leased: int) -> int:
    left = limit - leased
    return max(1, min(limit // 50, left // 4)) if left > 0 else 0
