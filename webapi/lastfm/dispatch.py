"""`/2.0`: reads a call, checks its key and signature, hands it to its method, renders what comes back."""

import logging

from flask import Blueprint, Response, request
from psycopg2.errors import ForeignKeyViolation

from conf.broker import BrokerUnavailableError
from conf.postgres import StoreUnavailableError
from webapi.db.lastfm import find_application
from webapi.errors import BadRequestError, UnavailableError
from webapi.lastfm.errors import (
    INVALID_API_KEY,
    INVALID_METHOD,
    INVALID_SESSION,
    UNAVAILABLE,
    LastfmError,
    missing,
    post_needed,
)
from webapi.lastfm.method import Call, Method
from webapi.lastfm.methods import methods
from webapi.lastfm.parameters import Parameters, read_parameters
from webapi.lastfm.render import Element, failed, rendered
from webapi.lastfm.signature import check_signature
from webapi.openapi.declare import FORM, Answer, Body, Parameter, describes
from webapi.openapi.schemas import TEXT, component
from webapi.services import services

MAX_API_KEY = 255

log = logging.getLogger(__name__)

blueprint = Blueprint("lastfm", __name__)

_PARAMETERS = (
    Parameter(
        "method",
        {"type": "string", "minLength": 1},
        "Such as user.getInfo or track.scrobble; case does not matter.",
        required=True,
        example="user.getInfo",
    ),
    Parameter("api_key", TEXT, "Any text; the signatures of a registered key are checked.", example="any"),
    Parameter("format", TEXT, "`json`; anything else is XML.", example="json"),
    Parameter("user", TEXT, "Of methods that read; others have more parameters.", example="alice"),
)
_BODY = Body(
    {"type": "object", "required": ["method"], "additionalProperties": TEXT},
    {"method": "auth.getToken", "api_key": "any", "format": "json"},
    "The parameters of the method; they may as well stand in the query.",
    FORM,
)
_NATIVE = component("Error")
_ANSWERS = {
    200: Answer("What the method gives, or an error with its number.", {}, ("application/json", "application/xml")),
    400: Answer("There is no method, or something that is no text.", _NATIVE),
    415: Answer("The body has a Content-Encoding.", _NATIVE),
    429: Answer("The rate limit is reached.", _NATIVE),
}


@blueprint.route("/2.0", methods=["GET", "POST"])
@describes("Call a Last.fm method", group="Last.fm 2.0", parameters=_PARAMETERS, body=_BODY, answers=_ANSWERS)
def call_method() -> Response:
    """Status 200, also of an error; native 400 for no method and for U+0000, native 429 beyond a limit."""
    as_json = False
    try:
        parameters = read_parameters()
        as_json = (parameters.get("format") or "").lower() == "json"
        return rendered(_answer(parameters), as_json)
    except LastfmError as problem:
        return failed(problem, as_json)
    except ForeignKeyViolation:
        # Between two looks at the database the account was deleted, or the token removed.
        return failed(LastfmError(INVALID_SESSION), as_json)
    except (StoreUnavailableError, BrokerUnavailableError, UnavailableError) as problem:
        log.warning("answered 16: %s", problem)
        return failed(LastfmError(UNAVAILABLE), as_json)


def _answer(parameters: Parameters) -> tuple[Element, ...]:
    name = parameters.get("method")
    if name is None:
        raise BadRequestError("Your request is missing the parameter method.")
    # The original compares some names with and some without regard to case; players write them in any.
    method = methods().get(name.lower())
    if method is None:
        raise LastfmError(INVALID_METHOD)
    if method.post_only and request.method != "POST":
        raise post_needed()
    call = Call(parameters, _api_key(parameters))
    _check_signature(call, method)
    return method.answer(call)


def _api_key(parameters: Parameters) -> str:
    """Any text: players ship keys of their own, which nobody registers with every server."""
    key = parameters.given("api_key")
    if key is None:
        raise missing("api_key")
    if not 0 < len(key) <= MAX_API_KEY:
        raise LastfmError(INVALID_API_KEY)
    return key


def _check_signature(call: Call, method: Method) -> None:
    """Only of a registered key do we know the secret. Players sign no calls that just read what anybody may read."""
    with services().pool.transaction() as cursor:
        application = find_application(cursor, call.api_key)
    if application is None:
        return
    if not (method.signed or call.parameters.get("sk") or call.parameters.get("api_sig")):
        return
    secret = services().vault.decrypt(application.secret_encrypted)
    if secret is not None:
        check_signature(call.parameters, secret)
