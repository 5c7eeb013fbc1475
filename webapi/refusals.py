"""What never becomes a request, for gunicorn cannot read it, is answered as the API answers: in JSON, to any origin."""

from http import HTTPStatus

import orjson
from gunicorn.http import errors

from webapi.errors import RETRY_AFTER, UNEXPECTED

# The first that fits. Texts are ours: gunicorn's repeat what was sent, which may be a token.
_REFUSED: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.InvalidResponseHeader, 500, UNEXPECTED),
    (errors.InvalidResponseHeaderName, 500, UNEXPECTED),
    (errors.ConfigurationProblem, 500, UNEXPECTED),
    (errors.LimitRequestLine, 414, "The request line is too long."),
    (errors.LimitRequestHeaders, 431, "The headers are too large."),
    # 400 and not HTTP's 501: a 5xx here means that the server failed, and this is what a client sent.
    (errors.UnsupportedTransferCoding, 400, "This Transfer-Encoding is not supported; use chunked or Content-Length."),
    (errors.ExpectationFailed, 417, "This Expect header is not supported."),
    (errors.ForbiddenProxyRequest, 403, "Proxy requests are not allowed."),
    (errors.InvalidHeader, 400, "A header is not valid."),
    (errors.ParseException, 400, "The request is not valid HTTP."),
)


def refusal_of(problem: Exception) -> tuple[int, str]:
    """Status and text of an error outside the application."""
    return next(((code, text) for kind, code, text in _REFUSED if isinstance(problem, kind)), (500, UNEXPECTED))


def refusal(code: int, message: str) -> bytes:
    """The answer as it is sent, after which the connection is closed."""
    body = orjson.dumps({"code": code, "error": message})
    head = (
        f"HTTP/1.1 {code} {HTTPStatus(code).phrase}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json\r\n"
        "Access-Control-Allow-Origin: *\r\n"
        f"{'Retry-After: ' + RETRY_AFTER + chr(13) + chr(10) if code == 503 else ''}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
