"""Recordings and artists that are heard together: from the stored indexes, an item with its neighbours."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response

from jobs.listens.validator import canonical_uuid
from jobs.ranges import ALL_TIME
from spark_reader.load import Document, load_entity_document
from webapi.db.versions import sitewide_version
from webapi.errors import BadRequestError
from webapi.fresh import fresh
from webapi.openapi import parameters
from webapi.openapi.declare import Answer, describes
from webapi.openapi.schemas import COUNT, MAYBE_UUID, SECONDS, TEXT, closed, list_of, payload
from webapi.openapi.schemas import UUID as UUID_SCHEMA
from webapi.parameters import page
from webapi.recommendations import named_by
from webapi.services import services

RECORDINGS, ARTISTS = "similar_recordings", "similar_artists"
"""The statistics."""

Shown = Callable[[Document, list[dict[str, Any]]], dict[str, Any]]
"""A document and a page of its neighbours, to what the payload says of them."""

blueprint = Blueprint("similarity", __name__, url_prefix="/1/similarity")

_IDS = {"recording_mbid": MAYBE_UUID, "recording_msid": MAYBE_UUID}
_FACTS = {
    "algorithm": TEXT,
    "count": COUNT,
    "offset": COUNT,
    "total_count": COUNT,
    "last_updated": SECONDS,
    "data_version": COUNT,
}


@blueprint.get("/recordings/<recording_id>")
@describes(
    "Recordings similar to a recording",
    group="Similarity",
    parameters=(parameters.COUNT, parameters.OFFSET),
    answers={
        200: Answer(
            "The most similar first; `algorithm` names how it was computed.",
            payload(
                {
                    **_IDS,
                    **_FACTS,
                    "similar_recordings": list_of(
                        closed({**_IDS, "recording_name": TEXT, "artist_credit_name": TEXT, "score": COUNT})
                    ),
                }
            ),
        ),
        204: Answer("None is known."),
    },
    conditional=True,
)
def similar_recordings(recording_id: str) -> Response:
    """Those that many users hear in the same sessions. Of an MBID that was merged: of the one it was merged into."""
    mbid = _entity(recording_id)

    def shown(found: Document, items: list[dict[str, Any]]) -> dict[str, Any]:
        about = named_by(str(mbid), found.doc["msid"])
        return {**about, "similar_recordings": [similar_recording(item) for item in items]}

    return _neighbours(RECORDINGS, mbid, shown)


@blueprint.get("/artists/<mbid>")
@describes(
    "Artists similar to an artist",
    group="Similarity",
    parameters=(parameters.COUNT, parameters.OFFSET),
    answers={
        200: Answer(
            "The most similar first; `algorithm` names how it was computed.",
            payload(
                {
                    "artist_mbid": UUID_SCHEMA,
                    **_FACTS,
                    "similar_artists": list_of(
                        closed({"artist_mbid": UUID_SCHEMA, "artist_name": TEXT, "score": COUNT})
                    ),
                }
            ),
        ),
        204: Answer("None is known."),
    },
    conditional=True,
)
def similar_artists(mbid: str) -> Response:
    """Those that many users hear in the same sessions."""
    artist = _entity(mbid)
    return _neighbours(ARTISTS, artist, lambda found, items: {"artist_mbid": str(artist), "similar_artists": items})


def similar_recording(item: dict[str, Any]) -> dict[str, Any]:
    """A stored neighbour as it is answered."""
    named = {name: item[name] for name in ("recording_name", "artist_credit_name", "score")}
    return named_by(item["id"], item["msid"]) | named


def _neighbours(statistic: str, entity: UUID, shown: Shown) -> Response:
    count, offset = page()
    with services().pool.statement() as cursor:
        version = sitewide_version(cursor, statistic, ALL_TIME)

    def document() -> dict[str, Any] | None:
        with services().pool.transaction() as cursor:
            found = load_entity_document(cursor, statistic, ALL_TIME, entity)
            if found is not None and "merged_into" in found.doc:
                found = load_entity_document(cursor, statistic, ALL_TIME, UUID(found.doc["merged_into"]))
        if found is None:
            return None
        items = found.doc["items"][offset : offset + count]
        facts = {
            "algorithm": found.doc["algorithm"],
            "count": len(items),
            "offset": offset,
            "total_count": len(found.doc["items"]),
            "last_updated": found.run.last_updated,
            "data_version": found.run.data_version,
        }
        return {"payload": shown(found, items) | facts}

    return fresh(services().answers, version, document)


def _entity(text: str) -> UUID:
    found = canonical_uuid(text)
    if found is None:
        raise BadRequestError(f"{text} mbid format invalid.")
    return UUID(found)
