"""`/api/auth`: where a user who is logged in lets a program act for her.

A page as the others are: the form carries a CSRF token, and no other site can show it inside a frame of its own.
"""

from dataclasses import dataclass

from flask import Blueprint, Response, render_template, request

from webapi.db.lastfm import RequestToken, approve_request_token, find_application, find_request_token
from webapi.errors import BadRequestError
from webapi.lastfm.dispatch import MAX_API_KEY
from webapi.services import services
from webapi.sessions import logged_in, require_login

MAX_TOKEN = 128
UNKNOWN = "This link is not, or no longer, good. Go back to the program and begin its log-in again."
EXPIRED = "This link has expired: it is good for 60 minutes. Go back to the program and begin its log-in again."
USED = "This link has been used. If the program does not work, begin its log-in again."
OTHERS = "Somebody else has approved this link. Go back to the program and begin its log-in again."

blueprint = Blueprint("lastfm_approval", __name__, url_prefix="/api/auth")


@dataclass(frozen=True)
class _Asked:
    """What a program asks for."""

    api_key: str
    token: str


@blueprint.get("")
@require_login
def ask() -> str:
    """Who asks, and a button. Nothing happens before it is pressed."""
    asked = _asked()
    approved = _state(asked).user_id is not None
    with services().pool.transaction() as cursor:
        application = find_application(cursor, asked.api_key)
    return render_template(
        "lastfm_approval.html",
        api_key=asked.api_key,
        token=asked.token,
        application=application.name if application else None,
        user=logged_in(),
        approved=approved,
    )


@blueprint.post("")
@require_login
def approve() -> str | Response:
    """Approve the token for the user who is logged in; again is no error."""
    asked, user = _asked(), logged_in()
    with services().pool.transaction() as cursor:
        done = approve_request_token(cursor, asked.token, asked.api_key, user.id)
    if not done:
        _state(asked)
        raise BadRequestError(UNKNOWN)
    return render_template(
        "lastfm_approval.html", api_key=asked.api_key, token=asked.token, application=None, user=user, approved=True
    )


def _asked() -> _Asked:
    """From the form, a JSON document, or the address, in this order: the form stays on the address it came from."""
    document = request.get_json(silent=True) if request.is_json else None
    given = document if isinstance(document, dict) else {}
    found = [given.get(name) or request.values.get(name) or "" for name in ("api_key", "token")]
    api_key, token = (text if isinstance(text, str) else "" for text in found)
    if not 0 < len(token) <= MAX_TOKEN or not 0 < len(api_key) <= MAX_API_KEY or "\0" in token + api_key:
        raise BadRequestError(UNKNOWN)
    return _Asked(api_key, token)


def _state(asked: _Asked) -> RequestToken:
    """Of a token that the user may approve, or has. Raises BadRequestError."""
    with services().pool.transaction() as cursor:
        found = find_request_token(cursor, asked.token, asked.api_key)
    if found is None:
        raise BadRequestError(UNKNOWN)
    if found.used:
        raise BadRequestError(USED)
    if found.expired:
        raise BadRequestError(EXPIRED)
    if found.user_id not in (None, logged_in().id):
        raise BadRequestError(OTHERS)
    return found
