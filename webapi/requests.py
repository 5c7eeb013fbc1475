"""Every request: its id, its line in the log, its place in the counts.

A line has the id, the user's number, the route's template, status and milliseconds: nothing that the client wrote but
an id of safe characters, so never a token, a name, a query or a listen.
"""

import itertools
import logging
import re
import time
from secrets import token_hex
from typing import Any

from flask import Flask, Response, g, request

from conf.logs import LineLog
from conf.settings import Settings
from webapi.db.deadline import begin_request, end_request
from webapi.tally import Tally

ID = "X-Request-Id"
_BEGAN, _ID = "listenlake.began", "listenlake.request_id"
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"})


class RequestLog:
    """Of one worker; safe to share between threads."""

    def __init__(self, settings: Settings, tally: Tally) -> None:
        self._lines = LineLog("request", settings)
        self._tally = tally
        self._own, self._numbers = token_hex(5), itertools.count(1)

    def begin(self, environ: dict[str, Any]) -> None:
        """A request has come: it gets the id that the client gave it, or its own."""
        begin_request()
        given = environ.get("HTTP_X_REQUEST_ID", "")
        environ[_ID] = given if _SAFE.fullmatch(given) else f"{self._own}-{next(self._numbers):06x}"
        environ[_BEGAN] = time.perf_counter()

    def end(self, environ: dict[str, Any], route: str | None, status: int, user_id: int | None) -> str:
        """It is answered: count it, write its line; its id."""
        end_request()
        seconds = time.perf_counter() - environ[_BEGAN]
        method, number = environ["REQUEST_METHOD"], environ[_ID]
        self._tally.add(route, method, status, seconds)
        if self._lines.wanted(logging.INFO):
            self._lines.write(
                {
                    "id": number,
                    "user": user_id,
                    "method": method if method in _METHODS else "other",
                    "route": route,
                    "status": status,
                    "ms": round(seconds * 1000, 1),
                }
            )
        return str(number)


def note_user(user_id: int) -> None:
    """Whose request this is, where it is not the API's token that says so: for its line in the log."""
    g.request_user = user_id


def install_request_log(app: Flask, requests: RequestLog) -> None:
    """First of all hooks: what others refuse counts too."""

    def begin() -> None:
        requests.begin(request.environ)

    def end(response: Response) -> Response:
        asked, owner = request, g.get("owner")
        rule = asked.url_rule
        route, user_id = None if rule is None else rule.rule, g.get("request_user") if owner is None else owner.user_id
        response.headers[ID] = requests.end(asked.environ, route, response.status_code, user_id)
        return response

    app.before_request(begin)
    app.after_request(end)
