"""auth.*: request tokens, and the sessions that come of them."""

from flask import request

from jobs.listens.msid import fold
from webapi.db.lastfm import (
    SessionOwner,
    find_request_token,
    new_request_token,
    new_session,
    use_request_token,
)
from webapi.lastfm.errors import (
    EXPIRED_TOKEN,
    INVALID_SESSION,
    INVALID_TOKEN,
    UNAUTHORIZED_TOKEN,
    LastfmError,
    missing,
    post_needed,
)
from webapi.lastfm.log_in import user_of_log_in
from webapi.lastfm.method import Call, Method
from webapi.lastfm.render import Element
from webapi.requests import note_user
from webapi.services import services


def get_token(call: Call) -> tuple[Element, ...]:
    """A request token, for the user to approve at /api/auth within 60 minutes."""
    with services().pool.transaction() as cursor:
        token = new_request_token(cursor, call.api_key)
    return (Element("token", token),)


def get_session(call: Call) -> tuple[Element, ...]:
    """An approved token becomes a session; it is used up by that."""
    token = call.parameters.required("token")
    with services().pool.transaction() as cursor:
        owner = use_request_token(cursor, token, call.api_key)
        if owner is None:
            found = find_request_token(cursor, token, call.api_key)
            if found is None or found.used:
                raise LastfmError(INVALID_TOKEN)
            raise LastfmError(EXPIRED_TOKEN if found.expired else UNAUTHORIZED_TOKEN)
        key = new_session(cursor, owner.user_id, call.api_key)
    note_user(owner.user_id)
    return (_session(owner, key),)


def get_session_info(call: Call) -> tuple[Element, ...]:
    """Whose session it is: `username` has to be that user, in any case."""
    name = call.parameters.required("username")
    owner = call.owner()
    if fold(name) != fold(owner.name):
        raise LastfmError(INVALID_SESSION)
    session = _session(owner, call.parameters.required("sk"), Element("country", ""))
    return (Element("application", children=(session,)),)


def get_mobile_session(call: Call) -> tuple[Element, ...]:
    """A session for a user name and a password, or for the older proof of knowing one.

    The proof was sent by GET when it was new, and old players still do so; a password does not belong into an address.
    """
    if call.parameters.get("password") is not None and request.method != "POST":
        raise post_needed()
    name = call.parameters.required("username")
    if call.parameters.get("password") is None and call.parameters.get("authToken") is None:
        raise missing("password")
    owner = user_of_log_in(call, name)
    if owner is None:
        raise LastfmError(INVALID_TOKEN)
    with services().pool.transaction() as cursor:
        key = new_session(cursor, owner.user_id, call.api_key, owner.token_id)
    note_user(owner.user_id)
    return (_session(owner, key),)


def _session(owner: SessionOwner, key: str, *more: Element) -> Element:
    children = (Element("name", owner.name), Element("key", key), Element("subscriber", "0"), *more)
    return Element("session", children=children)


METHODS = {
    "auth.gettoken": Method(get_token, signed=True),
    "auth.getsession": Method(get_session, signed=True),
    "auth.getsessioninfo": Method(get_session_info, signed=True),
    "auth.getmobilesession": Method(get_mobile_session, signed=True),
}
