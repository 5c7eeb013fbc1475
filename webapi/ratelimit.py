"""Fixed-window rate limits that all web workers share, while most requests touch no row.

A worker leases slices of a window's quota from the table `rate_limit` and serves requests from them. Slices shrink as
the quota runs out, so that little of it is left unused in other workers' hands when the last slice is gone.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from conf.postgres import Pool, StoreUnavailableError
from webapi.db import rate_limit
from webapi.db.rate_limit import Limits

MESSAGE = (
    "You have exceeded your rate limit. See the X-RateLimit-* response headers for more information on your "
    "current rate limit."
)
EXPOSED = "X-RateLimit-Limit,X-RateLimit-Remaining,X-RateLimit-Reset,X-RateLimit-Reset-In"
MAX_BUCKETS = 20_000
"""Clients remembered by one worker; beyond, those of windows that have ended are forgotten, then all."""
BELIEVED_SECONDS = 0.5
"""How long a worker believes what it last read of a bucket's row: so old may X-RateLimit-Remaining be, no older."""


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
        """The four headers of the contract."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Reset-In": str(self.reset_in),
        }


@dataclass
class _Slice:
    end: int
    """Epoch second at which its window ends."""
    in_hand: int = 0
    leased_by_all: int = 0
    read: float = field(default=float("-inf"))
    """When the row was last read, by the limiter's clock."""


class RateLimiter:
    """One per worker process; safe to share between threads."""

    def __init__(self, pool: Pool, limits: Limits, clock: Callable[[], float]) -> None:
        self._pool = pool
        self._clock = clock
        self._lock = threading.Lock()
        self._slices: dict[tuple[str, int], _Slice] = {}
        self.limits = limits
        """In force now; the operator may replace them at any time."""

    def take_request(self, token_id: int | None, address: str | None, cost: int = 1) -> Allowance:
        """Count a request by its token; by the client's address where it has no valid one."""
        if token_id is not None:
            return self.take(f"token:{token_id}", self.limits.per_token, cost)
        return self.take(f"address:{address}", self.limits.per_address, cost)

    def take(self, bucket: str, limit: int, cost: int = 1, window: int | None = None) -> Allowance:
        """Count a request of this bucket. While PostgreSQL is down each worker counts by itself.

        `window` in seconds; None: that of `limits`. A request that costs more than is left takes nothing.
        """
        window = window or self.limits.window
        now = self._clock()
        start = int(now) - int(now) % window
        with self._lock:
            mine = self._slice(bucket, start, start + window)
            allowed = mine.in_hand >= cost
            mine.in_hand -= cost if allowed else 0
            wanted = 0 if allowed else _slice_size(limit, mine.leased_by_all, cost - mine.in_hand)
            stale = not wanted and now - mine.read > BELIEVED_SECONDS
        if wanted:
            self._lease(mine, bucket, start, limit=limit, wanted=wanted)
            allowed = self._use(mine, cost)
        elif stale:
            self._look(mine, bucket, start)
        remaining = max(0, limit - mine.leased_by_all) + mine.in_hand
        return Allowance(allowed, limit, remaining, start + window, start + window - int(now))

    def _slice(self, bucket: str, start: int, end: int) -> _Slice:
        if len(self._slices) > MAX_BUCKETS:
            self._slices = {key: kept for key, kept in self._slices.items() if kept.end > start}
            if len(self._slices) > MAX_BUCKETS:
                self._slices = {}
        return self._slices.setdefault((bucket, start), _Slice(end))

    def _use(self, mine: _Slice, cost: int) -> bool:
        with self._lock:
            allowed = mine.in_hand >= cost
            mine.in_hand -= cost if allowed else 0
        return allowed

    def _lease(self, mine: _Slice, bucket: str, start: int, *, limit: int, wanted: int) -> None:
        try:
            with self._pool.transaction() as cursor:
                leased = rate_limit.lease(cursor, bucket, start, wanted)
        except StoreUnavailableError:
            leased = mine.leased_by_all + wanted
        granted = max(0, wanted - max(0, leased - limit))
        with self._lock:
            mine.in_hand += granted
            mine.leased_by_all = max(mine.leased_by_all, leased)
            mine.read = self._clock()

    def _look(self, mine: _Slice, bucket: str, start: int) -> None:
        """See what other workers have leased since: they may have emptied a window that looks full from here."""
        try:
            with self._pool.transaction() as cursor:
                leased = rate_limit.leased(cursor, bucket, start)
        except StoreUnavailableError:
            leased = 0
        with self._lock:
            mine.leased_by_all = max(mine.leased_by_all, leased)
            mine.read = self._clock()


def _slice_size(limit: int, leased: int, missing: int) -> int:
    """How much to lease for a request that lacks `missing`; 0: there is not so much left."""
    left = limit - leased
    return max(missing, min(limit // 50, left // 4)) if left >= missing else 0
