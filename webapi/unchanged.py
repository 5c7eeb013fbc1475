"""Unchanged answers, told before Flask: who asks for the answer there is, or with its ETag, costs next to nothing.

An address is marked when it has been answered (webapi/fresh.py). While the version that its answer shows is known to
hold, whoever asks for it needs no route, no parameters and no document. Whatever is not as plain as that, a list of
ETags, a token not seen within a second, goes on to the application, which answers the same.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask

from webapi.auth import second_word
from webapi.cors import Headers, listed, open_headers
from webapi.fresh import COMPRESS_FROM, JSON, REVALIDATE, Kept, address_of, etag_of
from webapi.requests import ID, RequestLog
from webapi.services import EXTENSION, Services

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class Told:
    """An answer that is told again."""

    status: str
    headers: Headers
    body: tuple[bytes, ...] = ()


class Unchanged:
    """WSGI middleware; safe to share between threads."""

    def __init__(self, app: Flask, requests: RequestLog) -> None:
        self._app: WsgiApp = app.wsgi_app
        self._extensions = app.extensions
        self._requests = requests

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One request."""
        told = self._told(environ) if environ["REQUEST_METHOD"] in {"GET", "HEAD"} else None
        if told is None:
            return self._app(environ, start_response)
        start_response(told.status, told.headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else told.body

    def _told(self, environ: Environ) -> Told | None:
        """What is answered again; None: it is for the application to answer."""
        here: Services = self._extensions[EXTENSION]
        address = address_of(environ)
        mark = here.answers.marked(address)
        known = None if mark is None else here.versions.known(mark.asked)
        if mark is None or known is None:
            return None
        etag = etag_of(known.version)
        answer = _not_modified(environ, etag) or _kept(environ, here.answers.find(address, etag))
        if answer is None:
            return None
        owner = None
        if authorization := environ.get("HTTP_AUTHORIZATION"):
            owner = here.tokens.believed(second_word(authorization) or "")
            if owner is None:
                return None
        token_id, user_id = (None, None) if owner is None else (owner.token_id, owner.user_id)
        self._requests.begin(environ)
        allowance = here.limiter.take_request(token_id, environ.get("REMOTE_ADDR"), mark.cost)
        if not allowance.allowed:
            return None
        number = self._requests.end(environ, mark.route, int(answer.status[:3]), user_id)
        shared = [
            ("ETag", f'W/"{etag}"'),
            ("Cache-Control", REVALIDATE),
            *allowance.headers().items(),
            *open_headers(listed(mark.methods), limited=True),
            ("Vary", "Accept-Encoding"),
            (ID, number),
        ]
        return Told(answer.status, [*answer.headers, *shared], answer.body)


def _not_modified(environ: Environ, etag: str) -> Told | None:
    return Told("304 NOT MODIFIED", []) if environ.get("HTTP_IF_NONE_MATCH") == f'W/"{etag}"' else None


def _kept(environ: Environ, kept: Kept | None) -> Told | None:
    """The whole answer, compressed for who accepts that as plainly as nearly all do."""
    if kept is None or "HTTP_IF_NONE_MATCH" in environ:
        return None
    accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
    if ";" in accepted or "*" in accepted:
        return None
    zipped = kept.size >= COMPRESS_FROM and "gzip" in accepted
    body = kept.compressed() if zipped else kept.body
    headers = [("Content-Type", JSON), ("Content-Length", str(len(body)))]
    return Told("200 OK", [*headers, ("Content-Encoding", "gzip")] if zipped else headers, (body,))
