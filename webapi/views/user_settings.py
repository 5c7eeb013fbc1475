"""What users set for their statistics: the time zone of their days, and what does not count. Only for themselves."""

from typing import Any

from flask import Blueprint, Response
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.catalog import catalog
from jobs.job import PER_USER
from jobs.listens.exclusions import (
    MOST_EXCLUSIONS,
    Exclusion,
    InvalidExclusionError,
    TooManyExclusionsError,
    add_exclusion,
    exclusion_of,
    exclusions_of,
    remove_exclusion,
)
from jobs.listens.user_settings import set_zone, zone_of
from jobs.tables.exclusions import EXCLUSION_KINDS, MAX_VALUE_BYTES
from jobs.zones import UTC_ZONE, UnknownZoneError, check_zone, zones
from webapi.auth import require_owner
from webapi.bodies import read_body, read_object
from webapi.db.tokens import Owner
from webapi.db.versions import served_position
from webapi.errors import BadRequestError, ForbiddenError, reply
from webapi.openapi import parameters
from webapi.openapi.declare import Answer, Body, Schema, describes
from webapi.openapi.schemas import COUNT, SECONDS, SIGHTED, TEXT, closed, component, list_of
from webapi.openapi.schemas import UUID as UUID_SCHEMA
from webapi.parameters import page, user_of_path
from webapi.services import services

NOT_YOURS = "Exclusions are seen and changed only with a token of their user."

blueprint = Blueprint("user_settings", __name__, url_prefix="/1")

_ZONE = Body(
    {
        "type": "object",
        "required": ["zonename"],
        "properties": {"zonename": {"type": "string", "enum": list(zones())}},
    },
    {"zonename": "Europe/Berlin"},
    "A name of the IANA time zone database.",
)


def _named(kind: str, value: Schema) -> dict[str, Any]:
    return {
        "type": "object",
        "title": kind,
        "required": ["kind", "value"],
        "properties": {"kind": {"const": kind}, "value": value},
    }


_NAME = {**SIGHTED, "maxLength": MAX_VALUE_BYTES // 4}
_EXCLUSION = Body(
    {
        "oneOf": [
            _named("artist", _NAME),
            _named("recording", UUID_SCHEMA),
            _named("client", _NAME),
        ]
    },
    {"kind": "artist", "value": "Rick Astley"},
    "An artist by its MBID or name, a recording by its MBID or MSID, a client by the name that listens give as "
    "`submission_client`, or as `media_player` where they give no `submission_client`. "
    f"Names have at most {MAX_VALUE_BYTES} bytes; their case does not matter.",
)
_EXCLUSIONS = closed(
    {
        "exclusions": list_of(
            closed(
                {
                    "kind": {"enum": list(EXCLUSION_KINDS)},
                    "value": TEXT,
                    "created": SECONDS,
                    "applied": {
                        "type": "boolean",
                        "description": "All of your statistics that are served are made without it; else the next run.",
                    },
                }
            ),
            MOST_EXCLUSIONS,
        ),
        "count": COUNT,
        "total_count": COUNT,
        "offset": COUNT,
        "user_id": TEXT,
    }
)
_FORBIDDEN = Answer("The token is another user's.", component("Error"))


@blueprint.get("/settings/timezone")
@describes(
    "Your time zone",
    group="Settings",
    auth="required",
    answers={200: Answer(f"Its name; {UTC_ZONE} when none was chosen.", closed({"zonename": TEXT}))},
)
def get_timezone() -> Response:
    """The zone in which your statistics count days, weeks and hours."""
    owner = require_owner()
    with services().pool.transaction() as cursor:
        return reply({"zonename": zone_of(cursor, owner.user_id)})


@blueprint.post("/settings/timezone")
@describes(
    "Choose your time zone",
    group="Settings",
    auth="required",
    body=_ZONE,
    answers={200: Answer("The next run of your statistics uses it.", component("Ok"))},
)
def post_timezone() -> Response:
    """Days, weeks and hours of your statistics are then those of your clock. The same again changes nothing."""
    owner = require_owner()
    name = _zonename(read_object(read_body()))
    with services().pool.transaction() as cursor:
        set_zone(cursor, owner.user_id, name)
    return reply({"status": "ok"})


@blueprint.get("/user/<path:user_name>/exclusions")
@describes(
    "What you leave out",
    group="Settings",
    auth="required",
    parameters=(parameters.COUNT, parameters.OFFSET),
    answers={200: Answer("A page of exclusions, the newest first.", _EXCLUSIONS), 403: _FORBIDDEN},
)
def get_exclusions(user_name: str) -> Response:
    """Artists, recordings and clients whose listens do not count in your statistics.

    Statistics are everybody's to read, and say how many of each kind they are made without; which, is told here.
    """
    owner = require_owner()
    count, offset = page()
    with services().pool.transaction() as cursor:
        _check_own(cursor, owner, user_name)
        found, total = exclusions_of(cursor, owner.user_id, count, offset)
        upto = served_position(cursor, _own_statistics())
    listed = [
        {
            "kind": e.kind,
            "value": e.value,
            "created": int(e.created.timestamp()),
            "applied": upto is not None and e.position <= upto,
        }
        for e in found
    ]
    return reply(
        {
            "exclusions": listed,
            "count": len(listed),
            "total_count": total,
            "offset": offset,
            "user_id": user_name,
        }
    )


@blueprint.post("/user/<path:user_name>/exclusions")
@describes(
    "Leave something out",
    group="Settings",
    auth="required",
    body=_EXCLUSION,
    answers={
        200: Answer("It does not count from the next run of your statistics on.", component("Ok")),
        400: Answer(f"It names nothing, or there are {MOST_EXCLUSIONS} already.", component("Error")),
        403: _FORBIDDEN,
    },
)
def post_exclusion(user_name: str) -> Response:
    """The listens stay as they are and count again when this is taken back. The same again changes nothing."""
    owner, exclusion = require_owner(), _exclusion(read_object(read_body()))
    try:
        with services().pool.transaction() as cursor:
            _check_own(cursor, owner, user_name)
            add_exclusion(cursor, owner.user_id, exclusion)
    except TooManyExclusionsError as problem:
        raise BadRequestError(f"{problem}.") from None
    return reply({"status": "ok"})


@blueprint.delete("/user/<path:user_name>/exclusions")
@describes(
    "Let something count again",
    group="Settings",
    auth="required",
    body=_EXCLUSION,
    answers={200: Answer("There is no such exclusion any more.", component("Ok")), 403: _FORBIDDEN},
)
def delete_exclusion(user_name: str) -> Response:
    """Takes the body that added it; one that is not there is no error."""
    owner, exclusion = require_owner(), _exclusion(read_object(read_body()))
    with services().pool.transaction() as cursor:
        _check_own(cursor, owner, user_name)
        remove_exclusion(cursor, owner.user_id, exclusion)
    return reply({"status": "ok"})


def _own_statistics() -> list[str]:
    """Those of users that are kept fresh."""
    jobs = (job for bundle in catalog().kept_fresh() for job in catalog().bundled(bundle))
    return [job.statistic for job in jobs if isinstance(job.output, PER_USER)]


def _zonename(document: dict[str, Any]) -> str:
    name = document.get("zonename")
    if not isinstance(name, str):
        raise BadRequestError("zonename: expected a name of the IANA time zone database, such as Europe/Berlin.")
    try:
        return check_zone(name)
    except UnknownZoneError as problem:
        raise BadRequestError(f"zonename: {problem}.") from None


def _exclusion(document: dict[str, Any]) -> Exclusion:
    try:
        return exclusion_of(document.get("kind"), document.get("value"))
    except InvalidExclusionError as problem:
        raise BadRequestError(f"{problem}.") from None


def _check_own(cursor: Cursor, owner: Owner, user_name: str) -> None:
    if user_of_path(cursor, user_name).id != owner.user_id:
        raise ForbiddenError(NOT_YOURS)
