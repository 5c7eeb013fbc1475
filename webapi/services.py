"""What a web worker keeps for its life: connections per thread, the token cache, the rate limiter, the publisher."""

import time
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

from flask import current_app

from conf.postgres import Pool, dsn
from conf.secret import Vault, secret_of, token_vault
from conf.settings import Settings
from webapi.auth import TokenCache
from webapi.db.rate_limit import Limits
from webapi.fresh import AnswerCache
from webapi.kept import Kept
from webapi.ratelimit import RateLimiter
from webapi.submission.publisher import Publisher
from webapi.tally import Board, Tally
from webapi.versions import Versions

EXTENSION = "listenlake"
HEALTH_SECONDS = 1.0
SPAN_SHARE = 4
"""Of so many threads of a worker one may wait for a span of days; who comes beyond that is not made to wait."""


@dataclass(frozen=True)
class Services:
    """Shared by the threads of one worker process; nothing here connects before its first use."""

    settings: Settings
    pool: Pool
    tokens: TokenCache
    limiter: RateLimiter
    publisher: Publisher
    vault: Vault
    answers: AnswerCache
    versions: Versions
    requests: Tally
    span_places: BoundedSemaphore
    """Threads that may wait for a span (webapi/spans.py)."""
    health: Kept[dict[str, Any]]
    """The answer of /health/ready."""

    @property
    def token_vault(self) -> Vault | None:
        """For `create_token`; None: AUDIOSCROBBLER=off."""
        return self.vault if self.settings.audioscrobbler == "on" else None


def make_services(settings: Settings, tally: Tally | None = None) -> Services:
    """The services of a worker process; make them after the fork. `tally`: where it counts; None: by itself."""
    pool = Pool(dsn(settings), application="listenlake-web")
    return Services(
        settings=settings,
        pool=pool,
        tokens=TokenCache(pool, token_vault(settings)),
        limiter=RateLimiter(pool, limits_of(settings), time.time),
        publisher=Publisher(settings),
        vault=Vault(secret_of(settings)),
        answers=AnswerCache(),
        versions=Versions(pool),
        requests=tally or Tally(Board(), 0),
        span_places=BoundedSemaphore(max(1, settings.web_threads // SPAN_SHARE)),
        health=Kept(HEALTH_SECONDS),
    )


def limits_of(settings: Settings) -> Limits:
    """What holds while the operator has not set others at run time."""
    return Limits(settings.rate_limit_per_token, settings.rate_limit_per_address, settings.rate_limit_window)


def services() -> Services:
    """Those of the running application."""
    found: Services = current_app.extensions[EXTENSION]
    return found
