"""Paths as clients write them: double slashes are merged and a trailing slash is dropped, without a redirect.

A redirected POST loses its body. Only slashes that the client wrote as such count: an encoded one belongs to a name.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask, request

_SLASHES = re.compile("//+")

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class TolerantPaths:
    """WSGI middleware that rewrites PATH_INFO."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One request."""
        path = environ.get("PATH_INFO", "")
        if "//" in path or path.endswith("/"):
            environ["PATH_INFO"] = _merged(environ.get("RAW_URI", ""), path)
        return self._app(environ, start_response)


def _merged(raw_uri: str, path: str) -> str:
    raw = raw_uri.partition("?")[0]
    if raw.startswith("/"):
        merged = _SLASHES.sub("/", raw)
        stripped = merged.rstrip("/") or "/"
        return unquote_to_bytes(stripped).decode("latin-1")
    return _SLASHES.sub("/", path).rstrip("/") or "/"


def end_was_written(end: str) -> bool:
    """Whether the request's path ends so as it was written: an encoded slash belongs to a name, as of `x/stats`."""
    raw_uri = request.environ.get("RAW_URI", end)
    return str(raw_uri).partition("?")[0].rstrip("/").endswith(end)


def install_tolerant_paths(app: Flask) -> None:
    """Put the middleware in front of the application; routes are written without a trailing slash."""
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.wsgi_app = TolerantPaths(app.wsgi_app)  # type: ignore[method-assign]
