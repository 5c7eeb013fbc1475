"""What never becomes a request, for gunicorn cannot read it, is answered as the API answers: in JSON, to any origin."""

import logging
import socket
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import orjson
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from webapi.errors import UNEXPECTED

LINGER_SECONDS = 0.5
"""How long a client is listened to that still sends: to close at once would lose it the answer."""

log = logging.getLogger(__name__)

# The first that fits. Texts are ours: gunicorn's repeat what was sent, which may be a token.
_REFUSED: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.InvalidResponseHeader, 500, UNEXPECTED),
    (errors.InvalidResponseHeaderName, 500, UNEXPECTED),
    (errors.ConfigurationProblem, 500, UNEXPECTED),
    (errors.LimitRequestLine, 414, "The request line is too long."),
    (errors.LimitRequestHeaders, 431, "The headers are too large."),
    (errors.UnsupportedTransferCoding, 501, "This Transfer-Encoding is not supported; use chunked or Content-Length."),
    (errors.ExpectationFailed, 417, "This Expect header is not supported."),
    (errors.ForbiddenProxyRequest, 403, "Proxy requests are not allowed."),
    (errors.InvalidHeader, 400, "A header is not valid."),
    (errors.ParseException, 400, "The request is not valid HTTP."),
)


class JsonThreadWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads; errors before the application are {"code", "error"} instead of HTML."""

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what gunicorn could not read, or failed at; it closes the connection after this."""
        code, message = refusal_of(exc)
        if code == 500:
            log.error("a request failed outside the application", exc_info=exc)
        with suppress(OSError):
            client.sendall(_response(code, message))
            _linger(client)


def refusal_of(problem: Exception) -> tuple[int, str]:
    """Status and text of an error outside the application."""
    return next(((code, text) for kind, code, text in _REFUSED if isinstance(problem, kind)), (500, UNEXPECTED))


def _response(code: int, message: str) -> bytes:
    body = orjson.dumps({"code": code, "error": message})
    head = (
        f"HTTP/1.1 {code} {HTTPStatus(code).phrase}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json\r\n"
        "Access-Control-Allow-Origin: *\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _linger(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + LINGER_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        client.settimeout(left)
        if not client.recv(65536):
            return
