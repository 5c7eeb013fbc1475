"""Love and hate of recordings: said by the owner of a token, read by everybody."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast
from uuid import UUID

from flask import Blueprint, Response, request
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.feedback import HATE, LOVE, put_score
from jobs.listens.users import User
from jobs.listens.validator import canonical_uuid
from webapi.auth import require_owner
from webapi.bodies import INVALID_DOCUMENT, read_body, read_object, refuse_other_keys, sent_uuid
from webapi.db.feedback import FeedbackRow, feedback_of_mbid, feedback_of_msid, feedback_of_user, feedback_on
from webapi.db.heard_tracks import HeardTrack, tracks_by_mbid, tracks_by_msid
from webapi.db.versions import feedback_on_version, feedback_version, listens_version
from webapi.errors import BadRequestError, reply
from webapi.fresh import fresh
from webapi.openapi import parameters
from webapi.openapi.declare import Answer, Body, Parameter, describes
from webapi.openapi.schemas import COUNT, MAYBE_UUID, SECONDS, TEXT, closed, component, list_of
from webapi.openapi.schemas import UUID as UUID_SCHEMA
from webapi.parameters import MAX_ITEMS_PER_GET, page, true_or_false, user_known, user_of_path, uuids_of, whole
from webapi.services import services
from webapi.track_metadata import mbid_mapping

Tracks = Mapping[UUID, HeardTrack]
Ids = Sequence[UUID]
NAMELESS: Tracks = {}

NO_RECORDING = "No valid recording msid or recording mbid found."

blueprint = Blueprint("feedback", __name__, url_prefix="/1/feedback")

_GIVEN = Body(
    {
        "type": "object",
        "required": ["score"],
        "properties": {"recording_msid": MAYBE_UUID, "recording_mbid": MAYBE_UUID, "score": {"enum": [1, -1, 0]}},
        "anyOf": [
            {"required": [name], "properties": {name: UUID_SCHEMA}} for name in ("recording_msid", "recording_mbid")
        ],
        "additionalProperties": False,
    },
    {"recording_mbid": "d23f4719-9212-49f0-ad08-ddbfbfc50d6f", "score": 1},
    "1: love, -1: hate, 0: neither. With both ids it is of the recording under either.",
)
_TRACK = closed(
    {
        "artist_name": TEXT,
        "track_name": TEXT,
        "release_name": TEXT,
        "additional_info": closed({"recording_msid": UUID_SCHEMA}),
        "mbid_mapping": component("MbidMapping"),
    },
    optional=("release_name", "mbid_mapping"),
)
_ITEM = closed(
    {
        "created": {**SECONDS, "type": ["integer", "null"]},
        "recording_mbid": MAYBE_UUID,
        "recording_msid": MAYBE_UUID,
        "score": {"enum": [1, -1, 0]},
        "track_metadata": {"anyOf": [_TRACK, {"type": "null"}]},
        "user_id": TEXT,
    }
)
_PAGE = closed({"feedback": list_of(_ITEM), "count": COUNT, "total_count": COUNT, "offset": COUNT})
_LIST = closed({"feedback": list_of(_ITEM, 2 * MAX_ITEMS_PER_GET)})
_SCORE = Parameter(
    "score", {"anyOf": [{"type": "integer", "enum": [1, -1]}, parameters.EMPTY]}, "1: only love, -1: only hate."
)
_METADATA = Parameter(
    "metadata",
    {"enum": ["true", "false", ""], "default": "false"},
    "true: with the names that the user's own listens have; null where there is none.",
)
_MSIDS = Parameter("recording_msids", TEXT, "MSIDs with commas between them.")
_MBIDS = Parameter(
    "recording_mbids",
    TEXT,
    "MBIDs with commas between them.",
    example="d23f4719-9212-49f0-ad08-ddbfbfc50d6f",
)
_OLD_MSIDS = Parameter("recordings", TEXT, "The former name of recording_msids.")


@blueprint.post("/recording-feedback")
@describes(
    "Love or hate a recording",
    group="Feedback",
    auth="required",
    body=_GIVEN,
    answers={200: Answer("It is said.", component("Ok"))},
)
def submit_feedback() -> Response:
    """What was said before is replaced. The same again changes nothing, not even when it was said."""
    owner = require_owner()
    document = read_object(read_body())
    msid, mbid = _ids(document)
    score = _submitted_score(document)
    with services().pool.transaction() as cursor:
        put_score(cursor, owner.user_id, msid, mbid, score)
    return reply({"status": "ok"})


@blueprint.get("/user/<path:user_name>/get-feedback")
@describes(
    "What a user loves and hates",
    group="Feedback",
    parameters=(_SCORE, _METADATA, parameters.COUNT, parameters.OFFSET),
    answers={200: Answer("A page, the newest first; `total_count` is of this score.", _PAGE)},
    conditional=True,
)
def get_of_user(user_name: str) -> Response:
    """All of it, or only love or hate."""
    with services().pool.transaction() as cursor:
        user = user_of_path(cursor, user_name)
        score, metadata, (count, offset) = _score(), true_or_false("metadata"), page()
        # Read before what they are versions of.
        version = (user.name, feedback_version(cursor, user.id))
        named = user_known(listens_version(cursor, user.name), user.name).version if metadata else ()

        def document() -> dict[str, Any]:
            rows, total = feedback_of_user(cursor, user.id, score, count, offset)
            return _page(rows, total, offset, _tracks(cursor, user.id, rows) if metadata else NAMELESS)

        return fresh(services().answers, (version, named), document)


@blueprint.get("/recording/<recording_mbid>/get-feedback-mbid")
@describes(
    "Who loves and hates a recording, by its MBID",
    group="Feedback",
    parameters=(_SCORE, parameters.COUNT, parameters.OFFSET),
    answers={200: Answer("A page, the newest first; `total_count` is of any score.", _PAGE)},
    conditional=True,
)
def get_of_mbid(recording_mbid: str) -> Response:
    """Of everybody who said so of this MBID."""
    mbid = _path_id(recording_mbid, "mbid")
    score, (count, offset) = _score(), page()
    with services().pool.transaction() as cursor:
        version = feedback_on_version(cursor, None, mbid)
        return fresh(
            services().answers,
            version,
            lambda: _page(*feedback_of_mbid(cursor, mbid, score, count, offset), offset),
        )


@blueprint.get("/recording/<recording_msid>/get-feedback")
@describes(
    "Who loves and hates a recording, by its MSID",
    group="Feedback",
    parameters=(_SCORE, parameters.COUNT, parameters.OFFSET),
    answers={200: Answer("A page, the newest first; `total_count` is of any score.", _PAGE)},
    conditional=True,
)
def get_of_msid(recording_msid: str) -> Response:
    """Of everybody who said so of this MSID."""
    msid = _path_id(recording_msid, "msid")
    score, (count, offset) = _score(), page()
    with services().pool.transaction() as cursor:
        version = feedback_on_version(cursor, msid, None)
        return fresh(
            services().answers,
            version,
            lambda: _page(*feedback_of_msid(cursor, msid, score, count, offset), offset),
        )


@blueprint.get("/user/<path:user_name>/get-feedback-for-recordings")
@describes(
    "What a user says of given recordings",
    group="Feedback",
    parameters=(_MSIDS, _MBIDS, _OLD_MSIDS),
    answers={200: Answer("One item for each, of score 0 where nothing was said.", _LIST)},
    conditional=True,
)
def get_for_recordings(user_name: str) -> Response:
    """Ids that are no UUID are passed over. For more of them than fit a line, POST."""
    msids = request.args.get("recording_msids") or request.args.get("recordings") or ""
    mbids = request.args.get("recording_mbids") or ""
    with services().pool.transaction() as cursor:
        user, wanted = _asked(cursor, user_name, uuids_of(msids.split(",")), uuids_of(mbids.split(",")))
        version = (user.name, feedback_version(cursor, user.id))
        return fresh(services().answers, version, lambda: _said(cursor, user, *wanted))


@blueprint.post("/user/<path:user_name>/get-feedback-for-recordings")
@describes(
    "What a user says of many recordings",
    group="Feedback",
    body=Body(
        {
            "type": "object",
            "properties": {
                name: {"type": "array", "items": TEXT, "maxItems": MAX_ITEMS_PER_GET}
                for name in ("recording_msids", "recording_mbids")
            },
        },
        {"recording_mbids": ["d23f4719-9212-49f0-ad08-ddbfbfc50d6f"]},
        f"At most {MAX_ITEMS_PER_GET} of each; what is no UUID is passed over, but one must be one.",
    ),
    answers={200: Answer("One item for each, of score 0 where nothing was said.", _LIST)},
)
def post_for_recordings(user_name: str) -> Response:
    """As GET, with the ids in the body."""
    document = read_object(read_body())
    sent = (_sent_ids(document, name) for name in ("recording_msids", "recording_mbids"))
    with services().pool.transaction() as cursor:
        user, wanted = _asked(cursor, user_name, *sent)
        return reply(_said(cursor, user, *wanted))


def _asked(cursor: Cursor, user_name: str, msids: Ids, mbids: Ids) -> tuple[User, tuple[Ids, Ids]]:
    """The user, and recordings of which there must be one."""
    user = user_of_path(cursor, user_name)
    if not msids and not mbids:
        raise BadRequestError(NO_RECORDING)
    return user, (msids, mbids)


def _said(cursor: Cursor, user: User, msids: Ids, mbids: Ids) -> dict[str, Any]:
    return {"feedback": [_item(row) for row in feedback_on(cursor, user.id, user.name, msids, mbids)]}


def _page(rows: Sequence[FeedbackRow], total: int, offset: int, tracks: Tracks = NAMELESS) -> dict[str, Any]:
    items = [_item(row, tracks) for row in rows]
    return {"feedback": items, "count": len(items), "total_count": total, "offset": offset}


def _item(row: FeedbackRow, tracks: Tracks = NAMELESS) -> dict[str, Any]:
    ids = (one for one in (row.recording_msid, row.recording_mbid) if one is not None)
    track = next((tracks[one] for one in ids if one in tracks), None)
    return {
        "created": row.created and int(row.created.timestamp()),
        "recording_mbid": row.recording_mbid and str(row.recording_mbid),
        "recording_msid": row.recording_msid and str(row.recording_msid),
        "score": row.score,
        "track_metadata": None if track is None else _metadata(track),
        "user_id": row.user_name,
    }


def _tracks(cursor: Cursor, user_id: int, rows: Sequence[FeedbackRow]) -> Tracks:
    """What a user's listens name these rows, by either id."""
    found = tracks_by_msid(cursor, user_id, [row.recording_msid for row in rows if row.recording_msid])
    nameless = [row.recording_mbid for row in rows if row.recording_mbid and row.recording_msid not in found]
    return {**found, **tracks_by_mbid(cursor, user_id, nameless)}


def _metadata(track: HeardTrack) -> dict[str, Any]:
    metadata: dict[str, Any] = {"artist_name": track.artist_name, "track_name": track.track_name}
    if track.release_name is not None:
        metadata["release_name"] = track.release_name
    metadata["additional_info"] = {"recording_msid": str(track.recording_msid)}
    if track.about.recording_mbid is not None:
        metadata["mbid_mapping"] = mbid_mapping(track.about)
    return metadata


def _ids(document: Mapping[str, Any]) -> tuple[UUID | None, UUID | None]:
    refuse_other_keys(document, "recording_msid", "recording_mbid", "score")
    given = {name: document.get(name) for name in ("recording_msid", "recording_mbid")}
    msid, mbid = (None if value is None else sent_uuid(name, value) for name, value in given.items())
    if msid is None and mbid is None:
        raise BadRequestError(f"{INVALID_DOCUMENT}expected recording_msid or recording_mbid.")
    return msid, mbid


def _submitted_score(document: Mapping[str, Any]) -> Literal[1, -1] | None:
    score = document.get("score")
    if type(score) is not int or score not in (LOVE, HATE, 0):
        raise BadRequestError(f"{INVALID_DOCUMENT}expected a score of 1, -1 or 0.")
    return cast(Literal[1, -1], score) if score else None


def _score() -> int | None:
    text = request.args.get("score")
    if not text:
        return None
    score = whole(text)
    if score not in (LOVE, HATE):
        raise BadRequestError("Score can have a value of 1 or -1.")
    return score


def _path_id(text: str, kind: str) -> UUID:
    found = canonical_uuid(text)
    if found is None:
        raise BadRequestError(f"{text} {kind} format invalid.")
    return UUID(found)


def _sent_ids(document: Mapping[str, Any], name: str) -> list[UUID]:
    sent = document.get(name, [])
    if not isinstance(sent, list) or not all(isinstance(one, str) for one in sent):
        raise BadRequestError(f"{name}: expected a list of UUIDs.")
    if len(sent) > MAX_ITEMS_PER_GET:
        raise BadRequestError(f"{name}: at most {MAX_ITEMS_PER_GET} ids are taken at once.")
    return uuids_of(sent)
