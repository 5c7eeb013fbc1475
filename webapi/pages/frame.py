"""What surrounds every page: the frame's names, static files, CSRF, cookies, security headers, limits of bodies."""

import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from flask import Blueprint, Flask, Request, Response, abort, current_app, g, request, send_file
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFError, CSRFProtect
from jinja2 import StrictUndefined

from conf.settings import Settings
from webapi.errors import error_reply
from webapi.hooks import is_native
from webapi.services import services
from webapi.sessions import cookie_name, current_user, install_sessions, is_https, known_user

STATIC = Path(__file__).resolve().parent.parent / "static"
TEMPLATES = STATIC.with_name("templates")
YEAR = 365 * 86400
MAX_FORM = 64 * 1024
"""Most bytes of a form; a view that takes more says so with `takes_bytes`."""
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
STALE_FORM = (
    "This form is too old, or was not sent from this site. Go back, load the page again and try once more; "
    "cookies must be allowed."
)

TOO_MANY = "Too many pages at once. Please wait a little and try again."

View = TypeVar("View", bound=Callable[..., Any])


def install_pages(app: Flask, settings: Settings, pages: Iterable[Blueprint]) -> None:
    """Register these blueprints as pages: what they are sent must carry the CSRF token, and is limited in size.

    The other blueprints are for machines, which show a token or signature of their own and never a cookie.
    """
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,
        SESSION_COOKIE_NAME=cookie_name(settings, "listenlake_form"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https(settings),
        # A form stays good as long as the log-in it belongs to: a new one makes a new secret.
        WTF_CSRF_TIME_LIMIT=None,
        # It compares with the Host header, which a proxy may replace; __Host- cookies give the same protection.
        WTF_CSRF_SSL_STRICT=False,
    )
    # Whatever a template is called: text from outside is never markup, a missing name is an error.
    app.jinja_options = {"autoescape": True, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.globals.update(
        known_user=known_user, static_url=static_url, user_path=user_path, signup_open=settings.signup == "open"
    )
    csrf = CSRFProtect(app)
    names = set()
    for blueprint in pages:
        app.register_blueprint(blueprint)
        names.add(blueprint.name)

    def guard() -> Response | None:
        if request.blueprint not in names:
            return None
        if not _allowed():
            g.session_user = None  # who is logged in is not asked for either
            return error_reply(429, TOO_MANY)
        _limit_body()
        csrf.protect()
        return None

    app.before_request(guard)
    app.register_error_handler(CSRFError, _stale_form)
    app.add_url_rule("/static/<digest>/<path:name>", "static_file", static_file)
    app.session_interface = _FormSessions()
    install_sessions(app)
    app.after_request(_secure)


class _FormSessions(SecureCookieSessionInterface):
    """Flask's session holds the secret of a visitor's forms. The API has none, and reads are quicker without."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return None if is_native(request.path) else super().open_session(app, request)


def kept_by_nobody(response: Response) -> Response:
    """Not by the browser's back button either: after a log-out nothing of the page is shown."""
    response.headers["Cache-Control"] = "no-store"
    return response


def static_url(name: str) -> str:
    """The address of a file of webapi/static; another content has another address."""
    return f"/static/{_digest(name)}/{name}"


def user_path(name: str) -> str:
    """The address of a user's page."""
    return f"/user/{quote(name, safe='')}"


def tagged(response: Response, etag: str | None) -> Response:
    """With the ETag of what the page shows; None: a page like no other."""
    if etag is not None:
        response.set_etag(etag, weak=True)
    return response


def takes_bytes(most: int) -> Callable[[View], View]:
    """This view's bodies may have so many bytes, where other forms may have MAX_FORM."""

    def mark(view: View) -> View:
        view.most_bytes = most  # type: ignore[attr-defined]
        return view

    return mark


def static_file(digest: str, name: str) -> Response:
    """A file of webapi/static, to be kept for a year under the address that names its content."""
    if name not in _names():
        abort(404)
    is_current = digest == _digest(name)
    response = send_file(STATIC / name, etag=_digest(name), max_age=YEAR if is_current else None)
    if is_current:
        response.cache_control.public = True
        response.cache_control.immutable = True
    return response


@cache
def look_digest() -> str:
    """Of the templates and static files: a page's ETag has a part of it."""
    digest = hashlib.sha256()
    for path in sorted([*TEMPLATES.rglob("*.*"), *STATIC.rglob("*.*")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _names() -> frozenset[str]:
    return frozenset(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]


def _allowed() -> bool:
    """Pages are counted by address, beside its calls of the API and not with them."""
    limiter = services().limiter
    return limiter.take(f"page:{request.remote_addr}", limiter.limits.per_address).allowed


def _limit_body() -> None:
    """A form is read for its CSRF token before any view runs; a large one only of those who are logged in."""
    view = current_app.view_functions.get(request.endpoint or "")
    most = getattr(view, "most_bytes", MAX_FORM)
    request.max_content_length = most if most <= MAX_FORM or current_user() is not None else MAX_FORM


def _stale_form(_: CSRFError) -> Response:
    return error_reply(400, STALE_FORM)


def _secure(response: Response) -> Response:
    """What the API answers is no page, and has its own headers."""
    if is_native(request.path):
        return response
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype == "text/html":
        headers["Content-Security-Policy"] = CSP
        headers["Referrer-Policy"] = "same-origin"
        headers.setdefault("Cache-Control", "private, no-cache")
    return response
