"""Answers that any operation may give besides its own: errors, as components of the document."""

from typing import Any

from webapi.openapi.declare import JSON
from webapi.openapi.headers import CORS, LIMITS, refer
from webapi.openapi.schemas import error_schema

_ERRORS = {
    400: ("BadRequest", "The request cannot be understood; the text names what is wrong."),
    401: ("Unauthorized", "No token, or one that nobody has."),
    404: ("NotFound", "What the path names is not there."),
    405: ("MethodNotAllowed", "This path has other methods; `Allow` names them."),
    415: ("UnsupportedMediaType", "The body has a Content-Encoding; send it as it is."),
    429: ("TooManyRequests", "The rate limit is reached. Nothing was done; wait for X-RateLimit-Reset-In seconds."),
    500: ("UnexpectedError", "Our mistake; it is logged."),
    503: ("Unavailable", "The database or the queue cannot be reached. Nothing was done; try again."),
}
_MORE = {405: ("Allow",), 503: ("Retry-After",)}
EXAMPLES = {
    400: "'count' should be a non-negative integer",
    401: "Invalid authorization token.",
    404: "Cannot find user: alice",
    429: "You have exceeded your rate limit. See the X-RateLimit-* response headers for more information on your "
    "current rate limit.",
    503: "The listen database is momentarily offline. Please wait a few minutes and try again.",
}


def error_answers() -> dict[str, Any]:
    """Every error by its name, for `components.responses`."""
    return {name: _answer(code, about) for code, (name, about) in _ERRORS.items()}


def error_answer(code: int) -> dict[str, str]:
    """A reference to the error of this status."""
    return {"$ref": f"#/components/responses/{_ERRORS[code][0]}"}


def _answer(code: int, about: str) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": error_schema(code)}
    if code in EXAMPLES:
        content["example"] = {"code": code, "error": EXAMPLES[code]}
    return {
        "description": about,
        "headers": refer(*CORS, *LIMITS, *_MORE.get(code, ())),
        "content": {JSON: content},
    }
