"""The three addresses: handshake at the root, what plays now, submission of what was played."""

import time

from flask import Blueprint, Response, request

from jobs.listens.listen import Submission, new_message_id
from jobs.listens.users import find_user, token_digest
from webapi.audioscrobbler.answers import (
    SWITCHED_OFF,
    bad_auth,
    bad_session,
    failed,
    in_plain_text,
    lines,
    over_limit,
)
from webapi.audioscrobbler.entries import Fields, read_entries, read_form, read_playing_now
from webapi.audioscrobbler.handshake import address, open_session, read_handshake
from webapi.bodies import read_form_body
from webapi.db.audioscrobbler import Session, find_session
from webapi.openapi.declare import FORM, Answer, Body, describes
from webapi.parameters import MAX_NAME
from webapi.requests import note_user
from webapi.services import services
from webapi.submission.playing import play

blueprint = Blueprint("audioscrobbler", __name__)

GROUP = "AudioScrobbler 1.2"
_LINE = {"type": "string", "pattern": "\\n$"}
_ANSWERS = {
    200: Answer("OK.", _LINE, ("text/plain",)),
    400: Answer("FAILED and the reason.", _LINE, ("text/plain",)),
    401: Answer("BADSESSION: shake hands again.", _LINE, ("text/plain",)),
    413: Answer("FAILED: the form is too large.", _LINE, ("text/plain",)),
    415: Answer("FAILED: the body has a Content-Encoding.", _LINE, ("text/plain",)),
    429: Answer("FAILED: the rate limit is reached.", _LINE, ("text/plain",)),
    503: Answer("FAILED: the database or the queue cannot be reached.", _LINE, ("text/plain",)),
}
_SESSION = {"s": "SESSION"}
_HANDSHAKE = (
    "`s` is the session that the handshake gave: GET /?hs=true&p=1.2&c=CLIENT&v=VERSION&u=USER&t=TIME&a=AUTH, where "
    "AUTH is md5(md5(token) + TIME) in hexadecimal digits."
)
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_PLAYING = Body(
    _TEXTS | {"required": ["s", "a", "t", "b"]},
    _SESSION | {"a": "Broadcast", "t": "Papercuts", "b": "The Noise Made by People", "l": "252", "n": "3", "m": ""},
    f"Artist, track, release, length in seconds, track number, MBID. {_HANDSHAKE}",
    FORM,
)
_PLAYED = Body(
    _TEXTS | {"required": ["s", "a[0]", "t[0]", "i[0]", "b[0]"]},
    _SESSION | {"a[0]": "Broadcast", "t[0]": "Papercuts", "i[0]": "1443521965", "b[0]": "The Noise Made by People"},
    "As what plays now, each name with the number of the listen in brackets; `i` is when it began, `o` the source, `r` "
    f"the rating. {_HANDSHAKE}",
    FORM,
)


@blueprint.before_app_request
def handshake_at_the_root() -> Response | None:
    """The root is the home page's; only a query that asks for a handshake is ours."""
    if request.path == "/" and request.method == "GET" and request.args.get("hs") == "true":
        return handshake()
    return None


@in_plain_text
def handshake() -> Response:
    """OK, a session, and where to send to; else FAILED, BADAUTH or BADTIME."""
    _switched_on()
    here, settings = services(), services().settings
    _limit(f"address:{request.remote_addr}", here.limiter.limits.per_address)
    asked = read_handshake(request.args, time.time())
    base = address(settings.public_url, request.scheme, request.headers.get("Host"), settings.url)
    with here.pool.transaction() as cursor:
        user = find_user(cursor, asked.user_name) if len(asked.user_name) <= MAX_NAME else None
    if user is None:
        raise bad_auth()
    # The larger of the two limits: from one address alone nobody can keep a user from shaking hands.
    _limit(f"handshake:{user.id}", here.limiter.limits.per_token)
    with here.pool.transaction() as cursor:
        session = open_session(cursor, user.id, asked, here.vault)
    note_user(user.id)
    return lines("OK", session, f"{base}/np_1.2", f"{base}/protocol_1.2")


@blueprint.post("/np_1.2")
@describes("Say what plays now", group=GROUP, body=_PLAYING, answers=_ANSWERS)
@in_plain_text
def playing_now() -> Response:
    """What plays now; as long as its length says."""
    form, session = _form_and_session()
    play(session.user_id, read_playing_now(form, int(time.time())))
    return lines("OK")


@blueprint.post("/protocol_1.2")
@describes("Submit what was played", group=GROUP, body=_PLAYED, answers=_ANSWERS)
@in_plain_text
def submit() -> Response:
    """Up to 50 listens in one message; OK means that it is durable in the queue."""
    form, session = _form_and_session()
    now = time.time()
    entries = read_entries(form, int(now))
    if not entries.accepted:
        raise failed()
    submission = Submission(new_message_id(), session.user_id, int(now * 1_000_000), entries.listens)
    services().publisher.publish(submission)
    return lines("OK")


def _form_and_session() -> tuple[Fields, Session]:
    """Counted by address before anything is read, for the session is in the body; then by the session's token."""
    _switched_on()
    limits = services().limiter.limits
    _limit(f"address:{request.remote_addr}", limits.per_address)
    form = read_form(read_form_body())
    with services().pool.transaction() as cursor:
        session = find_session(cursor, token_digest(form.get("s", "")))
    if session is None:
        raise bad_session()
    note_user(session.user_id)
    _limit(f"token:{session.token_id}", limits.per_token)
    return form, session


def _switched_on() -> None:
    if services().settings.audioscrobbler == "off":
        raise failed(SWITCHED_OFF)


def _limit(bucket: str, limit: int) -> None:
    """The limits of the native API, in the same buckets: whoever speaks both has no more."""
    allowance = services().limiter.take(bucket, limit)
    if not allowance.allowed:
        raise over_limit(allowance)
