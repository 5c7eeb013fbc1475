"""Unchanged answers, told before Flask: who asks with the ETag of the answer there is costs next to nothing.

An address is marked when it has been answered (webapi/fresh.py). While the version that its answer shows is known to
hold, whoever has that answer needs no route, no parameters and no document. Whatever is not as plain as that, a list of
ETags, a token not seen within a second, goes on to the application, which answers the same.
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from webapi.auth import second_word
from webapi.cors import Headers, listed, open_headers
from webapi.fresh import REVALIDATE, etag_of
from webapi.requests import ID, RequestLog
from webapi.services import EXTENSION, Services

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Unchanged:
    """WSGI middleware; safe to share between threads."""

    def __init__(self, app: Flask, requests: RequestLog) -> None:
        self._app: WsgiApp = app.wsgi_app
        self._extensions = app.extensions
        self._requests = requests

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One request."""
        given = environ.get("HTTP_IF_NONE_MATCH")
        headers = None if given is None else self._unchanged(environ, given)
        if headers is None:
            return self._app(environ, start_response)
        start_response("304 NOT MODIFIED", headers)
        return ()

    def _unchanged(self, environ: Environ, given: str) -> Headers | None:
        """The headers of a 304; None: it is for the application to answer."""
        here: Services = self._extensions[EXTENSION]
        mark = here.answers.marked(environ["PATH_INFO"], environ["QUERY_STRING"])
        if mark is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return None
        known = here.versions.known(mark.asked)
        if known is None or given != (etag := f'W/"{etag_of(known.version)}"'):
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
        number = self._requests.end(environ, mark.route, 304, user_id)
        return [
            ("ETag", etag),
            ("Cache-Control", REVALIDATE),
            *allowance.headers().items(),
            *open_headers(listed(mark.methods), limited=True),
            ("Vary", "Accept-Encoding"),
            (ID, number),
        ]
