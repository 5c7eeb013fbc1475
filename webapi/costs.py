"""What requests cost: the table of routes that are dearer than one, and the quota of guesses.

A quota counts costs, not requests: an export counts as ten reads. Costs are small beside every sensible limit.
"""

from flask import g, request

from webapi.db.tokens import Owner
from webapi.errors import ApiError
from webapi.ratelimit import MESSAGE, Allowance, RateLimiter

READ = 1
"""A page of something; also whatever no table names."""
SUBMIT = 1
"""Up to a thousand listens: the writer, not the web server, has the work."""
HEAVY = 10
"""Reads much of a history, or takes a whole file."""

COSTS: dict[str, int] = {
    "/1/submit-listens": SUBMIT,
    "/1/import-listens": HEAVY,
    "/1/feedback/import": HEAVY,
    "/1/search/users": HEAVY,
}
"""By the route's template; routes that are not here cost READ."""

GUESSES, GUESS_WINDOW = 90, 60
"""Wrong tokens, and attempts at a password, of one address in so many seconds; a right token is not counted."""


SPANS, SPAN_WINDOW = 30, 60
"""Computations of spans of days that one client may begin in so many seconds; what is kept, or under way, is a read."""


def count_span(limiter: RateLimiter) -> Allowance:
    """Count the beginning of a computation, by token, else by address. Raises ApiError 429 beyond the quota."""
    owner: Owner | None = g.get("owner")
    whose = f"address:{request.remote_addr}" if owner is None else f"token:{owner.token_id}"
    g.allowance = allowance = limiter.take(f"span:{whose}", SPANS, window=SPAN_WINDOW)
    if not allowance.allowed:
        raise ApiError(429, MESSAGE)
    return allowance


def cost_of_route() -> int:
    """Of the request's route; an address that leads nowhere costs a read."""
    return READ if request.url_rule is None else COSTS.get(request.url_rule.rule, READ)


def take_guess(limiter: RateLimiter) -> Allowance:
    """Count one guess of the client's address: where a log-in is tried, before the password is looked at."""
    return limiter.take(f"guess:{request.remote_addr}", GUESSES, window=GUESS_WINDOW)


def count_wrong_token(limiter: RateLimiter) -> None:
    """Count a token that is nobody's. Raises ApiError 429 beyond the quota of guesses."""
    allowance = take_guess(limiter)
    if allowance.allowed:
        return
    g.allowance = allowance
    raise ApiError(429, MESSAGE)
