"""Numbered bad inputs as data: what is sent, and how it must be answered."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TOKEN = b"TOKEN"
"""In a request or body: the user's token."""
SOON_TOO_LATE = b"NOW + 3601"
"""In a body: the second that lies just too far ahead when it is sent; as long as it."""
AT = 1443521965
PATH = "/1/submit-listens"

Headers = tuple[tuple[str, str], ...]
BEARER: Headers = (("Authorization", "Token TOKEN"),)


@dataclass(frozen=True)
class Seed:
    """One input. `code` 200 or 204: it is answered in order, and only a 200 of a submission may queue a message."""

    id: str
    about: str
    request: Callable[[], bytes]
    """The bytes sent, made when they are: some are large."""
    code: int
    says: str = ""
    """What the error's text must contain, or the body of an answer in order."""
    limited: bool = True
    """X-RateLimit-* belongs to the answer: not before a request is one, nor to OPTIONS."""
    queues: int = 0
    """Messages on the queue afterwards."""


def http(method: str, path: str, headers: Headers = (), body: bytes = b"", host: str = "listenlake.test") -> bytes:
    """A whole request, sent as it is written here. Header values are Latin-1."""
    length = (("Content-Length", str(len(body))),) if body or method == "POST" else ()
    lines = "".join(f"{name}: {value}\r\n" for name, value in (("Host", host), *headers, *length))
    return f"{method} {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode("latin-1") + body


def submit(id: str, about: str, body: Callable[[], bytes] | bytes, code: int = 400, says: str = "") -> Seed:
    """A body for submit-listens, sent with the user's token; a 200 is one message."""

    def request() -> bytes:
        return http("POST", PATH, BEARER, body if isinstance(body, bytes) else body())

    return Seed(id, about, request, code, says, queues=1 if code == 200 else 0)


def listen(listened_at: Any = AT, **metadata: Any) -> dict[str, Any]:
    return {"listened_at": listened_at, "track_metadata": {"artist_name": "Artist", "track_name": "Song", **metadata}}


def single(item: object) -> bytes:
    return dumped({"listen_type": "single", "payload": [item]})


def dumped(document: object) -> bytes:
    """JSON as UTF-8; lone surrogates stay escaped."""
    return json.dumps(document).encode()


def numbered(letter: str, seeds: list[tuple[Any, ...]]) -> list[Seed]:
    """Seeds of submit-listens in their order: A1, A2, ..."""
    return [submit(f"{letter}{number}", *seed) for number, seed in enumerate(seeds, 1)]
