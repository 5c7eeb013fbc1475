"""What is recommended to users, and the models behind it."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from jobs.listens.validator import canonical_uuid
from jobs.ranges import ALL_TIME
from spark_reader.load import load_entity_document
from webapi.db.recommended import recommendations_version
from webapi.db.versions import sitewide_version
from webapi.errors import BadRequestError, NotFoundError
from webapi.fresh import fresh
from webapi.openapi import parameters
from webapi.openapi.declare import Answer, Parameter, describes
from webapi.openapi.schemas import COUNT, MAYBE_TEXT, MAYBE_UUID, SECONDS, TEXT, closed, component, list_of, payload
from webapi.parameters import page, true_or_false, user_known
from webapi.recommendations import STATISTICS, recommendations_payload, recommended_to
from webapi.services import services

MODELS = "recommendation_model"
"""The statistic of the model cards."""
_RAW = "raw"

blueprint = Blueprint("recommendations", __name__, url_prefix="/1/cf")

_IDS = {"recording_mbid": MAYBE_UUID, "recording_msid": MAYBE_UUID}
_NAMES = {"recording_name": MAYBE_TEXT, "artist_credit_name": MAYBE_TEXT}
_REASON = closed({**_IDS, **_NAMES, "listen_count": COUNT, "share": {"type": "number"}})
_ITEM = closed(
    {
        **_IDS,
        "score": {"type": "number"},
        "latest_listened_at": {"type": ["string", "null"], "description": "When the user last heard it."},
        **_NAMES,
        "reasons": {
            "anyOf": [{"type": "array", "items": _REASON}, {"type": "null"}],
            "description": "What the score is made of: the shares add up to it; what many recordings say "
            "together, or such as the user does not want any more, has no id. Null beyond the first 100.",
        },
    },
    optional=("recording_name", "artist_credit_name", "reasons"),
)
_PAYLOAD = payload(
    {
        "last_updated": SECONDS,
        "type": {"enum": [*STATISTICS]},
        "entity": {"const": "recording"},
        "mbids": list_of(_ITEM),
        "user_name": TEXT,
        "count": COUNT,
        "total_mbid_count": COUNT,
        "offset": COUNT,
        "model_id": MAYBE_UUID,
        "model_url": MAYBE_TEXT,
        "kind": {**TEXT, "description": "Kind of the model; the reasons are of this kind."},
        "fallback": {**MAYBE_TEXT, "description": "Why this is not of the model that serves others."},
        "data_version": COUNT,
        "newest_listen_ts": SECONDS,
    }
)
_ARTIST_TYPE = Parameter(
    "artist_type",
    {"type": "string", "enum": [*STATISTICS, ""], "default": _RAW},
    "raw: whatever the model gives; top: of the artists the user hears most; similar: of artists similar to those.",
)
_EXPLAIN = Parameter(
    "explain",
    {"enum": ["true", "false", ""], "default": "false"},
    "true: each with its names and the reasons for it.",
)


@blueprint.get("/recommendation/user/<path:user_name>/recording")
@describes(
    "What is recommended to a user",
    group="Recommendations",
    parameters=(_ARTIST_TYPE, _EXPLAIN, parameters.COUNT, parameters.OFFSET),
    answers={
        200: Answer(
            "A page of recordings, the best first; of an empty list a `fallback` that says why it is.", _PAYLOAD
        ),
        204: Answer("Nothing was computed for the user yet, or nothing of it is left that she wants."),
    },
    conditional=True,
)
def recommended_recordings(user_name: str) -> Response:
    """Recordings that the user hates, rated so or leaves out are gone at once, before the next run knows of it."""
    asked = request.args.get("artist_type") or _RAW
    with services().pool.statement() as cursor:
        found = recommendations_version(cursor, STATISTICS.get(asked, STATISTICS[_RAW]), user_name)
    known = user_known(found, user_name)
    if asked not in STATISTICS:
        raise BadRequestError(f"Invalid artist type: {asked}")
    explain, (count, offset) = true_or_false("explain"), page()

    def document() -> dict[str, Any] | None:
        with services().pool.transaction() as cursor:
            shown = recommended_to(cursor, known.user_id, asked)
        if shown is None or shown.said_nothing:
            return None
        url = services().settings.url
        made = recommendations_payload(shown, asked, user_name, offset, count, explain=explain, url=url)
        return {"payload": made}

    return fresh(services().answers, known.version, document)


@blueprint.get("/models/<model_id>")
@describes(
    "A model behind recommendations",
    group="Recommendations",
    answers={
        200: Answer("Its card: data version, parameters, seed, how well it did, beside what.", {"type": "object"}),
        400: Answer("That is no id.", component("Error")),
        404: Answer("There is no such model, or it is older than the last three.", component("Error")),
    },
    conditional=True,
)
def model_card(model_id: str) -> Response:
    """How it was made and measured. The last three are kept."""
    found_id = canonical_uuid(model_id)
    if found_id is None:
        raise BadRequestError(f"{model_id} model id format invalid.")
    with services().pool.statement() as cursor:
        version = sitewide_version(cursor, MODELS, ALL_TIME)

    def document() -> dict[str, Any]:
        with services().pool.statement() as cursor:
            found = load_entity_document(cursor, MODELS, ALL_TIME, UUID(found_id))
        if found is None:
            raise NotFoundError(f"Cannot find model: {model_id}")
        card: dict[str, Any] = found.doc
        return card

    return fresh(services().answers, version, document)
