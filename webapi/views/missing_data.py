"""What users hear that MusicBrainz does not know."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response

from jobs.ranges import ALL_TIME
from spark_reader.load import Document, load_document
from webapi.db.heard import last_heard
from webapi.db.mapped import mapped_msids
from webapi.db.versions import unmapped_version
from webapi.fresh import fresh
from webapi.openapi import parameters
from webapi.openapi.declare import Answer, describes
from webapi.openapi.schemas import COUNT, MAYBE_TEXT, SECONDS, TEXT, UUID, closed, list_of, payload
from webapi.parameters import page, user_known
from webapi.services import services

STATISTIC = "missing_musicbrainz_data"

blueprint = Blueprint("missing_data", __name__, url_prefix="/1/missing")

_ITEM = closed(
    {
        "artist_name": TEXT,
        "listened_at": {**TEXT, "description": "When it was last heard: ISO 8601, UTC."},
        "recording_msid": UUID,
        "release_name": MAYBE_TEXT,
        "track_name": TEXT,
    }
)


@blueprint.get("/musicbrainz/user/<path:user_name>")
@describes(
    "What a user hears that MusicBrainz does not know",
    group="Recommendations",
    parameters=(parameters.COUNT, parameters.OFFSET),
    answers={
        200: Answer(
            "A page of it, the last heard first.",
            payload(
                {
                    "user_name": TEXT,
                    "last_updated": SECONDS,
                    "count": COUNT,
                    "total_data_count": COUNT,
                    "offset": COUNT,
                    "data": list_of(_ITEM),
                    "data_version": COUNT,
                }
            ),
        ),
        204: Answer("Nothing was computed for the user, or all of it is known."),
    },
    conditional=True,
)
def missing_musicbrainz_data(user_name: str) -> Response:
    """Listens of the last 180 days without a recording MBID.

    What was mapped since it was computed is left out, and what all listens of were deleted.
    """
    with services().pool.statement() as cursor:
        known = user_known(unmapped_version(cursor, STATISTIC, ALL_TIME, user_name), user_name)
    count, offset = page()

    def document() -> dict[str, Any] | None:
        with services().pool.transaction() as cursor:
            found = load_document(cursor, STATISTIC, ALL_TIME, known.user_id)
            if found is None:
                return None
            told = {item["recording_msid"]: item["listened_at"] for item in found.doc}
            mapped = mapped_msids(cursor, known.user_id, [*told])
            heard = last_heard(cursor, known.user_id, {msid: at for msid, at in told.items() if msid not in mapped})
        missing = _still_heard(found.doc, heard)
        return {"payload": _payload(found, missing, user_name, count, offset)} if missing else None

    return fresh(services().answers, known.version, document)


def _still_heard(items: list[dict[str, Any]], heard: Mapping[str, int]) -> list[dict[str, Any]]:
    """The last heard first, as they are stored; deletes may have changed which that is."""
    left = [{**item, "listened_at": heard[item["recording_msid"]]} for item in items if item["recording_msid"] in heard]
    return sorted(left, key=lambda item: (item["listened_at"], item["recording_msid"]), reverse=True)


def _payload(found: Document, missing: list[dict[str, Any]], user_name: str, count: int, offset: int) -> dict[str, Any]:
    items = [_item(item) for item in missing[offset : offset + count]]
    return {
        "user_name": user_name,
        "last_updated": found.run.last_updated,
        "count": len(items),
        "total_data_count": len(missing),
        "offset": offset,
        "data": items,
        "data_version": found.run.data_version,
    }


def _item(stored: dict[str, Any]) -> dict[str, Any]:
    heard = datetime.fromtimestamp(stored["listened_at"], UTC)
    return {**stored, "listened_at": f"{heard:%Y-%m-%dT%H:%M:%S}.000Z"}
