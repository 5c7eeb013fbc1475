"""What happens around every request of the API: OPTIONS, whose token, rate limit, CORS and cache headers."""

from functools import cache

from flask import Flask, Response, g, request
from werkzeug.exceptions import MethodNotAllowed

from webapi.auth import header_token, identify
from webapi.costs import cost_of_route, count_wrong_token
from webapi.errors import error_reply
from webapi.ratelimit import EXPOSED, MESSAGE, Allowance
from webapi.services import services

API = "/1/"
LASTFM = "/2.0"
"""Counted by address: its session is in the body, which is not read yet, and one api_key is all users of a player."""


def install_hooks(app: Flask) -> None:
    """Register them."""
    app.before_request(_before)
    app.after_request(_after)


def _before() -> Response | None:
    native = request.path.startswith(API)
    if not native and request.path != LASTFM:
        return None
    if native and request.method == "OPTIONS":
        return Response(status=200)
    # Before anything of the body is read.
    g.allowance = allowance = _take() if native else _take_of_address()
    return None if allowance.allowed else error_reply(429, MESSAGE)


def _take() -> Allowance:
    here = services()
    owner = identify(here.tokens)
    if owner is not None:
        return here.limiter.take(f"token:{owner.token_id}", here.limiter.limits.per_token, cost_of_route())
    allowance = _take_of_address()
    if allowance.allowed and header_token():
        count_wrong_token(here.limiter)
    return allowance


def _take_of_address() -> Allowance:
    limiter = services().limiter
    return limiter.take(f"address:{request.remote_addr}", limiter.limits.per_address, cost_of_route())


def _after(response: Response) -> Response:
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        response.headers.update(allowance.headers())
    if not request.path.startswith(API):
        return response
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = "*"
    headers["Access-Control-Allow-Methods"] = _allowed_methods()
    headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    headers["Access-Control-Max-Age"] = "21600"
    if allowance is not None:
        headers["Access-Control-Expose-Headers"] = EXPOSED
    headers.setdefault("Cache-Control", "private")
    headers["X-Content-Type-Options"] = "nosniff"
    return response


def _allowed_methods() -> str:
    if request.url_rule is not None and request.url_rule.methods:
        return _listed(frozenset(request.url_rule.methods))
    if isinstance(request.routing_exception, MethodNotAllowed):
        return ", ".join(sorted({*(request.routing_exception.valid_methods or ()), "OPTIONS"}))
    return "GET, HEAD, OPTIONS, POST"


@cache
def _listed(methods: frozenset[str]) -> str:
    return ", ".join(sorted(methods))
