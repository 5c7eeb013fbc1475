"""What happens around every request of the API: OPTIONS, whose token, rate limit, CORS and cache headers."""

from functools import cache

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import MethodNotAllowed

from webapi.auth import header_token, identify
from webapi.cors import listed, open_headers
from webapi.costs import cost_of_route, count_wrong_token
from webapi.errors import error_reply
from webapi.ratelimit import MESSAGE, Allowance
from webapi.services import services

API = "/1/"
LABS = ("/similar-recordings/json", "/similar-artists/json")
"""Routes that other servers have on a host of their own, for data sets."""
LASTFM = "/2.0"
"""Counted by address: its session is in the body, which is not read yet, and one api_key is all users of a player."""


def is_native(path: str) -> bool:
    """Whether the path has the API's rate limit, CORS headers and error shape."""
    return path.startswith(API) or path in LABS


def install_hooks(app: Flask) -> None:
    """Register them."""
    app.before_request(_before)
    app.after_request(_after)


def _before() -> Response | None:
    native = is_native(request.path)
    if not native and request.path != LASTFM:
        return None
    if native and request.method == "OPTIONS":
        return Response(status=200)
    # Before anything of the body is read.
    g.allowance = allowance = _take() if native else _take_of(None)
    return None if allowance.allowed else error_reply(429, MESSAGE)


def _take() -> Allowance:
    here = services()
    owner = identify(here.tokens)
    if owner is not None:
        return _take_of(owner.token_id)
    allowance = _take_of(None)
    if allowance.allowed and header_token():
        count_wrong_token(here.limiter)
    return allowance


def _take_of(token_id: int | None) -> Allowance:
    return services().limiter.take_request(token_id, request.remote_addr, cost_of_route())


def _after(response: Response) -> Response:
    allowance: Allowance | None = g.get("allowance")
    headers = response.headers
    if allowance is not None:
        headers.extend(allowance.headers())
    if not is_native(request.path):
        return response
    headers.extend(open_headers(_allowed_methods(), limited=allowance is not None))
    headers.setdefault("Cache-Control", "private")
    return response


def _allowed_methods() -> str:
    if request.url_rule is not None:
        return listed(_methods_of(request.url_rule.rule))
    if isinstance(request.routing_exception, MethodNotAllowed):
        return ", ".join(sorted({*(request.routing_exception.valid_methods or ()), "OPTIONS"}))
    return "GET, HEAD, OPTIONS, POST"


@cache
def _methods_of(template: str) -> frozenset[str]:
    """Of all routes of a path: a browser asks once for the path, and views of the same path are several routes."""
    rules = (rule for rule in current_app.url_map.iter_rules() if rule.rule == template)
    return frozenset(method for rule in rules for method in rule.methods or ())
