"""Requests as bytes over a socket of their own: what no HTTP client would send."""

import contextlib
import http.client
import socket
import time
from dataclasses import dataclass

PATIENCE = 10.0
"""Seconds until a hanging server is given up; answers are due far sooner."""
_PIECE = 1 << 16


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds."""

    status: int
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    seconds: float


def exchange(port: int, request: bytes, method: str = "GET") -> Answer:
    """Send these bytes, and read the answer. A server that answers before all was sent is heard too."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as raw:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for at in range(0, len(request), _PIECE):
                raw.sendall(request[at : at + _PIECE])
        answer = http.client.HTTPResponse(raw, method=method)
        answer.begin()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, answer.read(), time.monotonic() - began)
