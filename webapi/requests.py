"""Every request: its id, its line in the log, its place in the counts.

A line has the id, the user's number, the route's template, status and milliseconds: nothing that the client wrote but
an id of safe characters, so never a token, a name, a query or a listen.
"""

import itertools
import logging
import re
import time
from secrets import token_hex

from flask import Flask, Response, g, request

from conf.logs import LineLog
from conf.settings import Settings
from webapi.tally import Tally

ID = "X-Request-Id"
_BEGAN, _ID = "listenlake.began", "listenlake.request_id"
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"})


def install_request_log(app: Flask, settings: Settings, tally: Tally) -> None:
    """First of all hooks: what others refuse counts too."""
    lines = LineLog("request", settings)
    own, numbers = token_hex(5), itertools.count(1)

    def begin() -> None:
        environ = request.environ
        given = environ.get("HTTP_X_REQUEST_ID", "")
        environ[_ID] = given if _SAFE.fullmatch(given) else f"{own}-{next(numbers):06x}"
        environ[_BEGAN] = time.perf_counter()

    def end(response: Response) -> Response:
        asked = request
        environ, rule = asked.environ, asked.url_rule
        seconds = time.perf_counter() - environ[_BEGAN]
        route, method = None if rule is None else rule.rule, environ["REQUEST_METHOD"]
        response.headers[ID] = environ[_ID]
        tally.add(route, method, response.status_code, seconds)
        if lines.wanted(logging.INFO):
            owner = g.get("owner")
            lines.write(
                {
                    "id": environ[_ID],
                    "user": None if owner is None else owner.user_id,
                    "method": method if method in _METHODS else "other",
                    "route": route,
                    "status": response.status_code,
                    "ms": round(seconds * 1000, 1),
                }
            )
        return response

    app.before_request(begin)
    app.after_request(end)
