"""Who is looking at a page: a cookie with 256 random bits, of which the database knows the SHA-256.

The API never asks here: it knows tokens only, so that no other site can act through a browser that is logged in.
"""

import re
import secrets
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar
from urllib.parse import quote, urlencode

from flask import Flask, Response, g, redirect, request, session
from werkzeug.wrappers import Response as WerkzeugResponse

from conf.postgres import StoreUnavailableError
from conf.settings import Settings
from jobs.listens.users import User, token_digest
from webapi.db.web_session import DAYS, end_session, find_session, make_session
from webapi.requests import note_user
from webapi.services import services

P = ParamSpec("P")
R = TypeVar("R")

COOKIE = "listenlake_session"
_LOCAL = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*")
_LONGEST = 100


def is_https(settings: Settings) -> bool:
    """Whether people reach this server by HTTPS."""
    return settings.url.startswith("https://")


def cookie_name(settings: Settings, name: str) -> str:
    """Over HTTPS `__Host-NAME`, which no other host and no plain HTTP answer can set or replace."""
    return f"__Host-{name}" if is_https(settings) else name


def install_sessions(app: Flask) -> None:
    """Answers carry the cookie when it has changed."""
    app.after_request(_carry_cookie)


def current_user() -> User | None:
    """The user who is logged in, asked once per request. Raises StoreUnavailableError."""
    if "session_user" not in g:
        g.session_user = _find()
    return g.session_user  # type: ignore[no-any-return]


def known_user() -> User | None:
    """As current_user, and None while PostgreSQL is down: for the frame, which error pages have too."""
    try:
        return current_user()
    except StoreUnavailableError:
        return None


def logged_in() -> User:
    """The user, in a view behind `require_login`."""
    user = current_user()
    assert user is not None
    return user


def require_login(view: Callable[P, R]) -> Callable[P, R | WerkzeugResponse]:
    """The view is for those who are logged in; others log in first and come back."""

    @wraps(view)
    def guarded(*arguments: P.args, **named: P.kwargs) -> R | WerkzeugResponse:
        if current_user() is not None:
            return view(*arguments, **named)
        return redirect(f"/login?{urlencode({'next': _here()})}", 303)

    return guarded


def local_path(wanted: str | None, otherwise: str) -> str:
    """Where to go on: a path of this site, query included; `otherwise` for anything a browser could read as another."""
    return wanted if wanted and _LOCAL.fullmatch(wanted) else otherwise


def log_in(user_id: int) -> None:
    """Begin a session under a new id; the one this browser had is over. Raises StoreUnavailableError."""
    fresh = secrets.token_urlsafe(32)
    with services().pool.transaction() as cursor:
        if sent := _sent():
            end_session(cursor, token_digest(sent))
        make_session(cursor, token_digest(fresh), user_id)
    note_user(user_id)
    _become(fresh)


def log_out() -> None:
    """End this browser's session. Raises StoreUnavailableError."""
    if sent := _sent():
        with services().pool.transaction() as cursor:
            end_session(cursor, token_digest(sent))
    _become("")


def _become(cookie: str) -> None:
    """What the signed cookie of forms holds (CSRF secret, messages) belongs to the old state: it goes."""
    session.clear()
    g.session_cookie = cookie
    g.pop("session_user", None)
    g.pop("csrf_token", None)


def _find() -> User | None:
    sent = g.get("session_cookie", _sent())
    if not sent:
        return None
    with services().pool.transaction() as cursor:
        found = find_session(cursor, token_digest(sent))
    if found is None:
        return None
    if found.extended:
        g.session_cookie = sent
    note_user(found.user.id)
    return found.user


def _sent() -> str | None:
    sent = request.cookies.get(cookie_name(services().settings, COOKIE))
    return sent if sent and len(sent) <= _LONGEST else None


def _here() -> str:
    if request.method not in ("GET", "HEAD"):
        return "/profile"
    query = request.query_string.decode("latin-1")
    return quote(request.path) + (f"?{query}" if query else "")


def _carry_cookie(response: Response) -> Response:
    cookie: str | None = g.get("session_cookie")
    if cookie is None:
        return response
    settings = services().settings
    response.set_cookie(
        cookie_name(settings, COOKIE),
        cookie,
        max_age=DAYS * 86400 if cookie else 0,
        path="/",
        secure=is_https(settings),
        httponly=True,
        samesite="Lax",
    )
    return response
