"""Errors and replies: JSON, an error always {"code": status, "error": text}; a small page for people in a browser."""

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Flask, Response, render_template, request
from psycopg2.errors import ForeignKeyViolation
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from conf.broker import BrokerUnavailableError
from conf.postgres import StoreUnavailableError

RETRY_AFTER = "5"
"""Seconds after which a client may try again while something we need is down."""
STORE_DOWN = "The listen database is momentarily offline. Please wait a few minutes and try again."
TOO_SLOW = "The request did not arrive in time."
UNKNOWN_TOKEN = "Invalid authorization token."  # noqa: S105 - what is said of one
UNEXPECTED = "An unknown error occured."
MACHINE_PATHS = ("/1/", "/2.0/", "/health/", "/metrics/", "/similar-recordings/", "/similar-artists/")
"""Below these the answer is JSON whatever the Accept header says."""

log = logging.getLogger(__name__)


class ApiError(Exception):
    """An answer that is no success: status, the contract's text, keys to echo beside them."""

    def __init__(self, code: int, message: str, echo: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.echo = echo if isinstance(echo, dict) else {}


class BadRequestError(ApiError):
    """400."""

    def __init__(self, message: str, echo: object = None) -> None:
        super().__init__(400, message, echo)


class NotFoundError(ApiError):
    """404."""

    def __init__(self, message: str) -> None:
        super().__init__(404, message)


class ForbiddenError(ApiError):
    """403: we know who asks, and what is asked for is another's."""

    def __init__(self, message: str) -> None:
        super().__init__(403, message)


class UnauthorizedError(ApiError):
    """401."""

    def __init__(self, message: str) -> None:
        super().__init__(401, message)


class UnavailableError(ApiError):
    """503: something we need is down; nothing was done."""

    def __init__(self, message: str = STORE_DOWN) -> None:
        super().__init__(503, message)


class TooSlowError(TimeoutError):
    """408: a body longer than every submission came too slowly."""


def reply(document: Mapping[str, Any], status: int = 200) -> Response:
    """The document as JSON."""
    return Response(orjson.dumps(document), status=status, mimetype="application/json")


def no_content() -> Response:
    """204: not computed yet. An empty body, no type."""
    response = Response(status=204)
    response.headers.pop("Content-Type", None)
    return response


def error_reply(code: int, message: str, echo: Mapping[str, Any] | None = None) -> Response:
    """An error; what cannot be echoed is left out, and text that has no UTF-8 form is shown escaped."""
    response = _error_page(code, message) if wants_page() else _error_document(code, message, echo)
    if code == 503:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def wants_page() -> bool:
    """Whether this request comes from a person: outside the protocols of machines, and HTML is asked for by name."""
    return not f"{request.path}/".startswith(MACHINE_PATHS) and "text/html" in request.headers.get("Accept", "")


def _error_document(code: int, message: str, echo: Mapping[str, Any] | None) -> Response:
    try:
        return reply({**(echo or {}), "code": code, "error": message}, code)
    except TypeError:
        return reply({"code": code, "error": _printable(message)}, code)


def _error_page(code: int, message: str) -> Response:
    return Response(render_template("error.html", code=code, message=_printable(message)), status=code)


def _printable(message: str) -> str:
    return message.encode("utf-8", "backslashreplace").decode()


def install_error_handlers(app: Flask) -> None:
    """Every way a request can fail becomes JSON. Anything unforeseen is logged and answered with 500."""
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(TooSlowError, _too_slow)
    app.register_error_handler(StoreUnavailableError, _store_down)
    app.register_error_handler(BrokerUnavailableError, _store_down)
    app.register_error_handler(ForeignKeyViolation, _account_gone)
    app.register_error_handler(Exception, _unexpected)


def _api_error(problem: ApiError) -> Response:
    return error_reply(problem.code, problem.message, problem.echo)


def _http_error(problem: HTTPException) -> Response:
    response = error_reply(problem.code or 500, problem.description or problem.name)
    if isinstance(problem, MethodNotAllowed) and problem.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(problem.valid_methods))
    return response


def _too_slow(_problem: TooSlowError) -> Response:
    return error_reply(408, TOO_SLOW)


def _store_down(problem: Exception) -> Response:
    log.warning("answered 503: %s", problem)
    return error_reply(503, STORE_DOWN)


def _account_gone(problem: ForeignKeyViolation) -> Response:
    """A worker believes a token, or a session, for some seconds: meanwhile its user may have been deleted."""
    if problem.diag.constraint_name and problem.diag.constraint_name.endswith("_user_id_fkey"):
        return error_reply(401, UNKNOWN_TOKEN)
    return _unexpected(problem)


def _unexpected(problem: Exception) -> Response:
    log.error("unexpected error", exc_info=problem)
    return error_reply(500, UNEXPECTED)
