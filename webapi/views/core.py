"""Core: submitting and deleting listens, and checking a token."""

import time
from typing import Any
from uuid import UUID

import psycopg2
from flask import Blueprint, Response, g, request

from conf.broker import BrokerUnavailableError
from conf.postgres import StoreUnavailableError
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.msid import msid_of
from jobs.listens.validator import InvalidListenError, canonical_uuid, validate_payload
from jobs.listens.write import delete_listen
from webapi.auth import header_token, require_owner
from webapi.bodies import MAX_LISTEN_SIZE, MAX_LISTENS_PER_REQUEST, read_body, read_object, read_submission
from webapi.costs import count_wrong_token
from webapi.db.playing_now import clear_playing_now
from webapi.errors import BadRequestError, NotFoundError, UnavailableError, reply
from webapi.openapi.declare import Answer, Body, describes
from webapi.openapi.parameters import RETURN_MSID, TOKEN
from webapi.openapi.schemas import TEXT, closed, component
from webapi.openapi.schemas import UUID as UUID_SCHEMA
from webapi.parameters import MAX_TIMESTAMP
from webapi.services import services
from webapi.submission.playing import play

blueprint = Blueprint("core", __name__, url_prefix="/1")

_SUBMISSION = Body(
    component("Submission"),
    {
        "listen_type": "single",
        "payload": [
            {
                "listened_at": 1443521965,
                "track_metadata": {
                    "artist_name": "Broadcast",
                    "track_name": "Papercuts",
                    "release_name": "The Noise Made by People",
                    "additional_info": {"tracknumber": 3, "duration_ms": 252000, "media_player": "my player"},
                },
            }
        ],
    },
    f"At most {MAX_LISTENS_PER_REQUEST} listens, {MAX_LISTEN_SIZE} bytes each on average. All are taken or none.",
)
_SUBMITTED = closed({"status": {"const": "ok"}, "recording_msid": UUID_SCHEMA}, optional=("recording_msid",))
_LISTEN_KEY = Body(
    component("ListenKey"), {"listened_at": 1443521965, "recording_msid": "d23f4719-9212-49f0-ad08-ddbfbfc50d6f"}
)


@blueprint.post("/submit-listens")
@describes(
    "Submit listens",
    group="Listens",
    auth="required",
    parameters=(RETURN_MSID,),
    body=_SUBMISSION,
    answers={
        200: Answer("The listens are durable, and soon readable.", _SUBMITTED),
        400: Answer("A listen is not as it must be: nothing was taken.", component("EchoingError")),
    },
)
def submit_listens() -> Response:
    """Listens go to the queue, one message per call, and 200 means that they are durable there."""
    owner = require_owner()
    listen_type, payload = read_submission(read_body())
    now = time.time()
    try:
        listens = validate_payload(payload, listen_type, int(now))
    except InvalidListenError as problem:
        raise _refused(problem) from None
    if listen_type == "playing_now":
        return _play(owner.user_id, listens[0]["track_metadata"])
    _queue(Submission(new_message_id(), owner.user_id, int(now * 1_000_000), tuple(listens)))
    return reply({"status": "ok"})


def _refused(problem: InvalidListenError) -> BadRequestError:
    """With the keys of the listen, as the contract says, and its index; a text of our own begins with it too."""
    echo = problem.listen if isinstance(problem.listen, dict) else {}
    text = f"payload[{problem.item}]: {problem.message}" if problem.free else problem.message
    return BadRequestError(text, {**echo, "item": problem.item})


def _queue(submission: Submission) -> None:
    try:
        services().publisher.publish(submission)
    except BrokerUnavailableError:
        raise UnavailableError("Cannot submit listens to queue, please try again later.") from None


def _play(user_id: int, track_metadata: dict[str, Any]) -> Response:
    try:
        play(user_id, track_metadata)
    except StoreUnavailableError:
        raise UnavailableError("Cannot record playing_now at this time.") from None
    answer = {"status": "ok"}
    if request.args.get("return_msid"):
        answer["recording_msid"] = str(msid_of(track_metadata))
    return reply(answer)


@blueprint.post("/playing-now/delete")
@describes(
    "Nothing plays any more",
    group="Listens",
    auth="required",
    body=Body(
        {"type": ["object", "null"], "properties": {"client": {"type": ["string", "null"]}}},
        {"client": "my player"},
        "Not needed. With `client`, only what that submission_client said is cleared.",
        required=False,
    ),
    answers={
        200: Answer("Nothing plays.", closed({"status": {"const": "ok"}, "message": TEXT})),
        404: Answer("Something plays, but another client said so.", component("Error")),
    },
)
def delete_playing_now() -> Response:
    """What a player sends when playback stops, so that the user does not seem to listen on."""
    owner = require_owner()
    client = _client(read_body())
    with services().pool.transaction() as cursor:
        done = clear_playing_now(cursor, owner.user_id, client)
    services().versions.forget("playing_now", owner.user_id)
    if done == "another's":
        raise NotFoundError(f"What plays now does not come from the client {client}.")
    how = "cleared successfully" if done == "cleared" else "already cleared"
    return reply({"status": "ok", "message": f"Playing now {how}"})


def _client(body: bytes) -> str | None:
    """The `client` of a body that may be missing, or null."""
    client = None if body.strip() in (b"", b"null") else read_object(body).get("client")
    if not isinstance(client, str | None):
        raise BadRequestError("client should be a string.")
    return client


@blueprint.post("/delete-listen")
@describes(
    "Delete a listen",
    group="Listens",
    auth="required",
    body=_LISTEN_KEY,
    answers={200: Answer("There is no such listen any more.", component("Ok"))},
)
def delete_one_listen() -> Response:
    """The listen is gone when this answers, also one that is still queued; absent ones are no error."""
    owner = require_owner()
    listened_at, recording_msid = _listen_key(read_object(read_body()))
    requested_at = int(time.time() * 1_000_000)
    pool = services().pool
    try:
        delete_listen(pool.connection(), owner.user_id, listened_at, recording_msid, requested_at)
    except (StoreUnavailableError, psycopg2.OperationalError, psycopg2.InterfaceError):
        pool.discard()
        raise UnavailableError("We couldn't delete the listen. Please try again later.") from None
    services().versions.forget("listens", owner.user_id)
    return reply({"status": "ok"})


def _listen_key(document: dict[str, Any]) -> tuple[int, UUID]:
    if "listened_at" not in document:
        raise BadRequestError("Listen timestamp missing.")
    listened_at = _timestamp(document["listened_at"])
    if "recording_msid" not in document:
        raise BadRequestError("Recording MSID missing.")
    msid = canonical_uuid(document["recording_msid"])
    if msid is None:
        raise BadRequestError(f"{document['recording_msid']}: Recording MSID format invalid.")
    return listened_at, UUID(msid)


def _timestamp(value: object) -> int:
    try:
        if isinstance(value, int | float | str) and not isinstance(value, bool) and abs(int(value)) <= MAX_TIMESTAMP:
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise BadRequestError(f"{value}: Listen timestamp invalid.")


@blueprint.get("/validate-token")
@describes(
    "Check a token",
    group="Tokens",
    parameters=(TOKEN,),
    answers={200: Answer("Whether the token is valid, and whose it is.", component("TokenState"))},
)
def validate_token() -> Response:
    """Whose token this is: 200 also for a wrong one. Only here the query may carry it."""
    token = header_token()
    if not token and "Authorization" not in request.headers:
        token = request.args.get("token")
        g.owner = services().tokens.find(token) if token else None
        if token and g.owner is None:
            count_wrong_token(services().limiter)
    if not token:
        raise BadRequestError("You need to provide an Authorization token.")
    if g.owner is None:
        return reply({"code": 200, "message": "Token invalid.", "valid": False})
    return reply({"code": 200, "message": "Token valid.", "valid": True, "user_name": g.owner.name})
