"""Core: finding users, and how far their imports are."""

from typing import Any

from flask import Blueprint, Response, request

from conf.postgres import StoreUnavailableError
from webapi.auth import require_owner
from webapi.bodies import read_body, read_object
from webapi.db.latest_import import SERVICES, latest_import, raise_latest_import
from webapi.db.user_search import search_users
from webapi.db.versions import users_version
from webapi.errors import BadRequestError, ForbiddenError, NotFoundError, UnavailableError, reply
from webapi.fresh import fresh
from webapi.openapi.declare import Answer, Body, Parameter, describes
from webapi.openapi.schemas import SECONDS, TEXT, closed, component, list_of
from webapi.parameters import MAX_TIMESTAMP, user_of_path, whole
from webapi.services import services

MOST_USERS = 10
DEFAULT_SERVICE = "lastfm"
NOT_YOURS = "Linked services are seen only with a token of their user."

blueprint = Blueprint("users", __name__, url_prefix="/1")

_SERVICE = {"type": "string", "enum": list(SERVICES), "default": DEFAULT_SERVICE}


@blueprint.get("/search/users")
@describes(
    "Search users",
    group="Users",
    parameters=(Parameter("search_term", TEXT, "What the name is like; nothing is found for nothing.", example="ali"),),
    answers={200: Answer("Those found.", closed({"users": list_of(closed({"user_name": TEXT}), MOST_USERS)}))},
    conditional=True,
)
def search() -> Response:
    """Ten users at most whose names are like the text or begin with it, the most similar first."""
    with services().pool.transaction() as cursor:

        def document() -> dict[str, Any]:
            names = search_users(cursor, request.args.get("search_term", ""), MOST_USERS)
            return {"users": [{"user_name": name} for name in names]}

        return fresh(services().answers, users_version(cursor), document)


@blueprint.get("/user/<path:user_name>/services")
@describes(
    "Which services you have linked",
    group="Users",
    auth="required",
    answers={
        200: Answer(
            "None: this server asks no other service for anything.",
            closed({"user_name": TEXT, "services": list_of(TEXT, 0)}),
        ),
        403: Answer("The token is another user's.", component("Error")),
    },
)
def get_services(user_name: str) -> Response:
    """What clients ask before they offer what a linked service can do."""
    owner = require_owner()
    with services().pool.transaction() as cursor:
        if user_of_path(cursor, user_name).id != owner.user_id:
            raise ForbiddenError(NOT_YOURS)
    return reply({"user_name": user_name, "services": []})


@blueprint.get("/latest-import")
@describes(
    "How far an import is",
    group="Users",
    parameters=(
        Parameter("user_name", TEXT, "Whose import.", required=True, example="alice"),
        Parameter("service", {"anyOf": [_SERVICE, {"const": ""}]}, "The service that the listens come from."),
    ),
    answers={
        200: Answer(
            "The second up to which the history is in; 0 when nothing is noted. The user's name as she writes it.",
            closed(
                {
                    "musicbrainz_id": TEXT,
                    "latest_import": SECONDS,
                    "status": {"type": ["object", "null"]},
                    "error": {"type": ["object", "null"]},
                }
            ),
        ),
        404: Answer("No such user, or no such service.", component("Error")),
    },
    conditional=True,
)
def get_latest_import() -> Response:
    """What a client has noted, to go on from there."""
    with services().pool.transaction() as cursor:
        user = user_of_path(cursor, request.args.get("user_name", ""))
        found = latest_import(cursor, user.id, _service(request.args.get("service") or DEFAULT_SERVICE))
    document = {
        "musicbrainz_id": user.name,
        "latest_import": found.latest_ts,
        "status": found.status,
        "error": found.error,
    }
    return fresh(services().answers, tuple(document.values()), lambda: document)


@blueprint.post("/latest-import")
@describes(
    "Note how far an import is",
    group="Users",
    auth="required",
    body=Body(
        {
            "type": "object",
            "properties": {
                "ts": {
                    "anyOf": [
                        {"type": "integer", "minimum": 0, "maximum": MAX_TIMESTAMP},
                        {"type": "string", "pattern": "^[0-9]{1,11}$"},
                    ],
                    "default": 0,
                },
                "service": _SERVICE,
            },
        },
        {"ts": 1700000000, "service": "lastfm"},
    ),
    answers={
        200: Answer("It is noted, unless a later second was.", component("Ok")),
        404: Answer("No such service.", component("Error")),
    },
)
def post_latest_import() -> Response:
    """The value only grows: an earlier second changes nothing, and is no error."""
    owner = require_owner()
    document = read_object(read_body())
    latest_ts, service = _second(document.get("ts", 0)), _service(document.get("service", DEFAULT_SERVICE))
    try:
        with services().pool.transaction() as cursor:
            raise_latest_import(cursor, owner.user_id, service, latest_ts)
    except StoreUnavailableError:
        raise UnavailableError("Could not update latest_import, try again") from None
    return reply({"status": "ok"})


def _service(name: Any) -> str:
    if name not in SERVICES:
        raise NotFoundError(f"Service does not exist: {name}")
    return str(name)


def _second(value: Any) -> int:
    """Epoch seconds, also as text; nothing before 1970."""
    number = whole(value) if isinstance(value, str) else value
    if type(number) is float and number.is_integer():
        number = int(number)
    if type(number) is not int or not 0 <= number <= MAX_TIMESTAMP:
        raise BadRequestError("Invalid data sent")
    return number
