"""How often everybody hears something, and how many do."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from flask import Blueprint, Response

from jobs.listens.validator import canonical_uuid
from jobs.ranges import ALL_TIME
from spark_reader.load import load_entity_document
from webapi.auth import require_owner
from webapi.bodies import INVALID_DOCUMENT, read_body, read_object, sent_uuid
from webapi.db.recommended import load_entity_documents
from webapi.errors import BadRequestError
from webapi.fresh import JSON
from webapi.openapi.declare import Answer, Body, describes
from webapi.openapi.schemas import COUNT, KNOWN_COUNT, MAYBE_TEXT, MAYBE_UUID, closed, component, list_of
from webapi.openapi.schemas import UUID as UUID_SCHEMA
from webapi.parameters import MAX_ITEMS_PER_GET
from webapi.recommendations import named_by
from webapi.services import services

ENTITIES = ("recording", "artist", "release", "release-group")
OF_ARTIST = ("recordings", "releases", "release-groups")
_MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
_COUNTS = ("total_listen_count", "total_user_count")
_NO_COUNTS = (None, None)


def make_blueprint() -> Blueprint:
    """Routes of every kind of thing."""
    made = Blueprint("popularity", __name__, url_prefix="/1/popularity")
    for entity in ENTITIES:
        _add_counts(made, entity)
    for entities in OF_ARTIST:
        _add_top(made, entities)
    return made


def _add_counts(blueprint: Blueprint, entity: str) -> None:
    kind = entity.replace("-", "_")
    key, shown = f"{kind}_mbids", entity.replace("-", " ")
    asked = {"type": "array", "items": UUID_SCHEMA, "minItems": 1, "maxItems": MAX_ITEMS_PER_GET}

    @describes(
        f"How popular {shown}s are",
        group="Popularity",
        body=Body({"type": "object", "required": [key], "properties": {key: asked}}, {key: [_MBID]}),
        answers={
            200: Answer(
                "Each in the order of the request; null where nothing is known of it.",
                list_of(closed({f"{kind}_mbid": UUID_SCHEMA, **dict.fromkeys(_COUNTS, KNOWN_COUNT)})),
            )
        },
        about="Listens of everybody, and how many have listened, as of the last run.",
    )
    def counts() -> Response:
        ids = _ids(key)
        with services().pool.statement() as cursor:
            found = load_entity_documents(cursor, f"popularity_{kind}", list(set(ids)))
        told = {one: orjson.loads(doc) for one, doc in found.items()}
        rows = [{f"{kind}_mbid": str(one), **_counted(told.get(one, _NO_COUNTS))} for one in ids]
        return Response(orjson.dumps(rows), mimetype=JSON)

    blueprint.add_url_rule(f"/{entity}", f"{kind}_counts", counts, methods=["POST"])


def _add_top(blueprint: Blueprint, entities: str) -> None:
    kind, shown = entities.removesuffix("s").replace("-", "_"), entities.replace("-", " ")
    ids = {"recording_mbid": MAYBE_UUID, "recording_msid": MAYBE_UUID} if kind == "recording" else {}
    named = {f"{kind}_mbid": UUID_SCHEMA} | ids | {f"{kind}_name": MAYBE_TEXT, "artist_name": MAYBE_TEXT}

    @describes(
        f"The {shown} of an artist with the most listens",
        group="Popularity",
        auth="required",
        answers={
            200: Answer(
                "The most heard first; empty where nothing is known of the artist.",
                list_of(closed({**named, **dict.fromkeys(_COUNTS, COUNT)})),
            ),
            400: Answer("That is no MBID.", component("Error")),
        },
        about="Listens of everybody, and how many have listened, as of the last run.",
    )
    def top(mbid: str) -> Response:
        require_owner()
        artist = canonical_uuid(mbid)
        if artist is None:
            raise BadRequestError(f"artist_mbid: '{mbid[:100]}' is not a valid uuid")
        with services().pool.statement() as cursor:
            found = load_entity_document(cursor, f"popularity_top_{kind}", ALL_TIME, UUID(artist))
        rows = [] if found is None else [_row(kind, item) for item in found.doc]
        return Response(orjson.dumps(rows), mimetype=JSON)

    blueprint.add_url_rule(f"/top-{entities}-for-artist/<mbid>", f"top_{kind}", top)


def _row(kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    ids = named_by(item["id"], item["msid"]) if kind == "recording" else {f"{kind}_mbid": item["id"]}
    names = {f"{kind}_name": item["name"], "artist_name": item["artist_name"]}
    return ids | names | _counted((item["listen_count"], item["user_count"]))


def _counted(counts: tuple[Any, Any]) -> dict[str, Any]:
    return dict(zip(_COUNTS, counts, strict=True))


def _ids(key: str) -> list[UUID]:
    """Of the body, in its order. Raises BadRequestError."""
    given = read_object(read_body()).get(key)
    if not isinstance(given, list) or not 0 < len(given) <= MAX_ITEMS_PER_GET:
        raise BadRequestError(f"{INVALID_DOCUMENT}{key} should be a list of 1 to {MAX_ITEMS_PER_GET} MBIDs.")
    return [sent_uuid(key, one) for one in given]
