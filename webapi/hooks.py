"""What happens around every request of the API: OPTIONS, whose token, rate limit, CORS and cache headers."""

from flask import Flask, Response, g, request
from werkzeug.exceptions import MethodNotAllowed

from webapi.auth import identify
from webapi.errors import error_reply
from webapi.ratelimit import MESSAGE, Allowance
from webapi.services import services

API = "/1/"


def install_hooks(app: Flask) -> None:
    """Register them."""
    app.before_request(_before)
    app.after_request(_after)


def _before() -> Response | None:
    services().requests.add()
    if not request.path.startswith(API):
        return None
    if request.method == "OPTIONS":
        return Response(status=200)
    # Before anything of the body is read.
    g.allowance = allowance = _take()
    return None if allowance.allowed else error_reply(429, MESSAGE)


def _take() -> Allowance:
    here = services()
    owner = identify(here.tokens)
    if owner is not None:
        return here.limiter.take(f"token:{owner.token_id}", here.settings.rate_limit_per_token)
    return here.limiter.take(f"address:{request.remote_addr}", here.settings.rate_limit_per_address)


def _after(response: Response) -> Response:
    if not request.path.startswith(API):
        return response
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = "*"
    headers["Access-Control-Allow-Methods"] = _allowed_methods()
    headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    headers["Access-Control-Max-Age"] = "21600"
    headers.setdefault("Cache-Control", "private")
    headers["X-Content-Type-Options"] = "nosniff"
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        headers.update(allowance.headers())
    return response


def _allowed_methods() -> str:
    if request.url_rule is not None and request.url_rule.methods:
        return ", ".join(sorted(request.url_rule.methods))
    if isinstance(request.routing_exception, MethodNotAllowed):
        return ", ".join(sorted({*(request.routing_exception.valid_methods or ()), "OPTIONS"}))
    return "GET, HEAD, OPTIONS, POST"
