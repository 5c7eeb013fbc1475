"""What users say of what was recommended to them: said by the owner of a token, read by everybody."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from jobs.listens.recommendation_feedback import RATINGS, Rating, rate, ratings_of, ratings_on, take_rating_back
from jobs.listens.validator import canonical_uuid
from webapi.auth import require_owner
from webapi.bodies import INVALID_DOCUMENT, read_body, read_object, refuse_other_keys, sent_uuid
from webapi.errors import BadRequestError, reply
from webapi.openapi import parameters
from webapi.openapi.declare import Answer, Body, Parameter, Schema, describes
from webapi.openapi.schemas import COUNT, MAYBE_UUID, SECONDS, TEXT, closed, component, list_of
from webapi.openapi.schemas import UUID as UUID_SCHEMA
from webapi.parameters import MAX_ITEMS_PER_GET, page, user_of_path
from webapi.services import services

_IDS = ("recording_mbid", "recording_msid")

blueprint = Blueprint("recommendation_feedback", __name__, url_prefix="/1/recommendation/feedback")

_RATING = {"type": "string", "enum": list(RATINGS)}
_ITEM = closed({"recording_mbid": MAYBE_UUID, "recording_msid": MAYBE_UUID, "rating": _RATING, "created": SECONDS})


def _of_one(more: Mapping[str, Schema]) -> Schema:
    """An object with one of the two ids, and these keys."""
    return {
        "oneOf": [
            {
                "type": "object",
                "title": name,
                "properties": {name: UUID_SCHEMA, **more},
                "required": [name, *more],
                "additionalProperties": False,
            }
            for name in _IDS
        ]
    }


@blueprint.post("/submit")
@describes(
    "Rate a recommendation",
    group="Recommendations",
    auth="required",
    body=Body(
        _of_one({"rating": _RATING}),
        {"recording_mbid": "d23f4719-9212-49f0-ad08-ddbfbfc50d6f", "rating": "love"},
        "The recording is named as it was recommended: by MBID, or by MSID where that was null.",
    ),
    answers={200: Answer("It is said.", component("Ok"))},
)
def submit() -> Response:
    """What is rated hate or bad_recommendation is not recommended again. The same again changes nothing."""
    owner = require_owner()
    document = read_object(read_body())
    recording_id, msid = _recording(document, "rating")
    rating = document.get("rating")
    if rating not in RATINGS:
        raise BadRequestError(f"{INVALID_DOCUMENT}expected a rating, one of {', '.join(RATINGS)}.")
    with services().pool.transaction() as cursor:
        rate(cursor, owner.user_id, recording_id, msid, rating)
    return reply({"status": "ok"})


@blueprint.post("/delete")
@describes(
    "Take a rating back",
    group="Recommendations",
    auth="required",
    body=Body(_of_one({}), {"recording_mbid": "d23f4719-9212-49f0-ad08-ddbfbfc50d6f"}),
    answers={200: Answer("There is no such rating any more.", component("Ok"))},
)
def delete() -> Response:
    """One that is not there is no error."""
    owner = require_owner()
    recording_id, msid = _recording(read_object(read_body()))
    with services().pool.transaction() as cursor:
        take_rating_back(cursor, owner.user_id, recording_id, msid)
    return reply({"status": "ok"})


@blueprint.get("/user/<path:user_name>")
@describes(
    "A user's ratings of recommendations",
    group="Recommendations",
    parameters=(
        Parameter("rating", {"type": "string", "enum": [*RATINGS, ""]}, "Only these."),
        parameters.COUNT,
        parameters.OFFSET,
    ),
    answers={
        200: Answer(
            "A page, the newest first; `total_count` is of any rating. The user's name as she writes it.",
            closed(
                {
                    "feedback": list_of(_ITEM),
                    "count": COUNT,
                    "total_count": COUNT,
                    "offset": COUNT,
                    "user_name": TEXT,
                }
            ),
        )
    },
)
def of_user(user_name: str) -> Response:
    """All of them, or those of one kind."""
    with services().pool.transaction() as cursor:
        user = user_of_path(cursor, user_name)
        rating = request.args.get("rating") or None
        if rating is not None and rating not in RATINGS:
            raise BadRequestError(f"Invalid rating: {rating}; known are {', '.join(RATINGS)}")
        count, offset = page()
        found, total = ratings_of(cursor, user.id, rating, count, offset)
    items = [_item(one) for one in found]
    return reply(
        {"feedback": items, "count": len(items), "total_count": total, "offset": offset, "user_name": user.name}
    )


@blueprint.get("/user/<path:user_name>/recordings")
@describes(
    "A user's ratings of given recommendations",
    group="Recommendations",
    parameters=(
        Parameter("mbids", TEXT, "MBIDs with commas between them.", example="d23f4719-9212-49f0-ad08-ddbfbfc50d6f"),
        Parameter("msids", TEXT, "MSIDs with commas between them, of what was recommended by its MSID."),
    ),
    answers={
        200: Answer(
            "Of those that are rated. The user's name as she writes it.",
            closed({"feedback": list_of(_ITEM, 2 * MAX_ITEMS_PER_GET), "user_name": TEXT}),
        )
    },
)
def on_recordings(user_name: str) -> Response:
    """In the order asked for, MBIDs first."""
    with services().pool.transaction() as cursor:
        user = user_of_path(cursor, user_name)
        mbids, msids = _listed("mbids"), _listed("msids")
        if not mbids and not msids:
            raise BadRequestError("'mbids' is missing: expected MBIDs with commas between them")
        found = ratings_on(cursor, user.id, mbids, False) + ratings_on(cursor, user.id, msids, True)
    return reply({"feedback": [_item(one) for one in found], "user_name": user.name})


def _item(one: Rating) -> dict[str, Any]:
    named = str(one.recording_id)
    return {
        "recording_mbid": None if one.msid else named,
        "recording_msid": named if one.msid else None,
        "rating": one.rating,
        "created": int(one.created.timestamp()),
    }


def _recording(document: Mapping[str, Any], *others: str) -> tuple[UUID, bool]:
    """(id, whether it is an MSID) of a document that may have these other keys and no more."""
    refuse_other_keys(document, *_IDS, *others)
    given = [name for name in _IDS if name in document]
    if len(given) != 1:
        raise BadRequestError(f"{INVALID_DOCUMENT}expected one of recording_mbid and recording_msid.")
    return sent_uuid(given[0], document[given[0]]), given[0] == "recording_msid"


def _listed(name: str) -> list[UUID]:
    """The UUIDs of a parameter; one that is none is refused."""
    found = []
    for text in (request.args.get(name) or "").split(","):
        one = canonical_uuid(text.strip())
        if one is None and text.strip():
            raise BadRequestError(f"{text.strip()} {name[:-1]} format invalid.")
        found += [UUID(one)] if one is not None else []
    return list(dict.fromkeys(found))
