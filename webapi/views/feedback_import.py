"""Love and hate from a file. No other service is asked: whoever loves tracks there exports them first."""

import io
import time
from itertools import islice
from typing import Any

from flask import Blueprint, Response, request

from dumps.load.loved import MEMBER, read_loved
from dumps.load.source import UNREADABLE, open_source
from jobs.listens.imported_feedback import (
    Feedback,
    InvalidFeedbackError,
    LovedNames,
    feedback_by_names,
    judged_feedback,
    judged_names,
    put_feedback,
)
from jobs.listens.items import DamagedFileError, Item, Loved, LovedTrack, Refused
from jobs.listens.positions import lock_writes
from jobs.listens.user_imports import plain
from webapi.auth import require_owner
from webapi.bodies import INVALID_DOCUMENT, read_body, read_object
from webapi.db.latest_import import SERVICES
from webapi.errors import ApiError, BadRequestError, reply
from webapi.openapi.declare import Answer, Body, describes
from webapi.openapi.schemas import COUNT, TEXT, closed, component, list_of
from webapi.services import services
from webapi.uploads import file_name

MOST_BYTES = 10_240_000
"""Of a file of feedback."""
MOST_ITEMS = 100_000
MOST_PROBLEMS = 10
"""Refused items that are named in the answer."""
AT_ONCE = 2000
"""Rows of one transaction: other writers come between."""
_FORM_BYTES = 64 * 1024
"""Of the form around the file."""

blueprint = Blueprint("feedback_import", __name__, url_prefix="/1/feedback")


@blueprint.post("/import")
@describes(
    "Import love and hate from a file",
    group="Feedback",
    auth="required",
    body=Body(
        {
            "type": "object",
            "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
            "required": ["file"],
        },
        {"file": '{"recording_mbid": "d23f4719-9212-49f0-ad08-ddbfbfc50d6f", "score": 1}'},
        f"{MEMBER} of a user's export, by itself, as gzip or in the zip: a line is an object with recording_msid or "
        "recording_mbid, score and perhaps created. Or pages of Last.fm's user.getLovedTracks: of each track what the "
        f"newest listen of these names is. At most {MOST_BYTES} bytes and {MOST_ITEMS} items. The documented JSON body "
        "with service and user_name is answered 400: no other service is asked from here.",
        media_type="multipart/form-data",
    ),
    answers={
        200: Answer(
            "How many items there were, and how many of them say something newer than what was known.",
            closed(
                {
                    "total": COUNT,
                    "imported": COUNT,
                    "rejected": COUNT,
                    "problems": list_of(closed({"item": TEXT, "reason": TEXT}), MOST_PROBLEMS),
                }
            ),
        ),
        400: Answer("Nothing that can be brought in; nothing was changed.", component("Error")),
        413: Answer("The file is too large.", component("Error")),
    },
)
def import_feedback() -> Response:
    """The newer word on a recording holds, so an old file takes nothing back. The same file again changes nothing."""
    owner = require_owner()
    if request.mimetype != "multipart/form-data":
        raise BadRequestError(_why_not(read_object(read_body())))
    total, given, problems = _judged(_sent_file(), time.time())
    imported = 0
    for start in range(0, len(given), AT_ONCE):
        batch = given[start : start + AT_ONCE]
        names = [one for one in batch if isinstance(one, LovedNames)]
        with services().pool.transaction() as cursor:
            lock_writes(cursor)
            felt = [one for one in batch if isinstance(one, Feedback)]
            imported += put_feedback(cursor, owner.user_id, felt + feedback_by_names(cursor, owner.user_id, names))
    rejected = total - len(given)
    return reply({"total": total, "imported": imported, "rejected": rejected, "problems": problems[:MOST_PROBLEMS]})


def _why_not(document: dict[str, Any]) -> str:
    """What is said to who asks for an import from another service."""
    for key in ("service", "user_name"):
        if not isinstance(document.get(key), str) or not document[key].strip():
            raise BadRequestError(f"{INVALID_DOCUMENT}expected service and user_name, {key} is missing.")
    service = document["service"]
    if service not in SERVICES:
        return f"Service does not exist: {service[:100]}"
    return (
        f"This server does not ask {service} what a user loves there: send a file of it, as multipart/form-data with "
        f"the field `file`: {MEMBER} of an export, or pages of Last.fm's user.getLovedTracks."
    )


def _sent_file() -> io.BufferedReader:
    request.max_content_length = MOST_BYTES + _FORM_BYTES
    file = request.files.get("file")
    if file is None or not file.filename:
        raise BadRequestError("file: expected a file in a form of the type multipart/form-data.")
    content = file.stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ApiError(413, f"The file is too large: at most {MOST_BYTES} bytes are taken.")
    return io.BufferedReader(io.BytesIO(content))


def _judged(file: io.BufferedReader, now: float) -> tuple[int, list[Feedback | LovedNames], list[dict[str, str]]]:
    """(items, those that can be kept, the first problems). Raises BadRequestError."""
    name = file_name(request.files["file"].filename or "")
    given: list[Feedback | LovedNames] = []
    problems: list[dict[str, str]] = []
    total = 0
    try:
        for item in islice(read_loved(open_source(file, plain(name, 60))), MOST_ITEMS + 1):
            total += 1
            try:
                given.append(_feedback(item, now))
            except InvalidFeedbackError as problem:
                if len(problems) < MOST_PROBLEMS:
                    problems.append({"item": item.place, "reason": str(problem)})
    except DamagedFileError as problem:
        raise BadRequestError(f"The file cannot be read: {problem}.") from None
    except UNREADABLE:
        raise BadRequestError("The file cannot be read: it is damaged, or not what its name says.") from None
    if total > MOST_ITEMS:
        raise BadRequestError(f"The file has more than {MOST_ITEMS} items: send it in parts.")
    if total and not given:
        raise BadRequestError(f"Nothing in the file is love or hate. {problems[0]['item']}: {problems[0]['reason']}.")
    return total, given, problems


def _feedback(item: Item, now: float) -> Feedback | LovedNames:
    match item.brings:
        case Loved() as loved:
            return judged_feedback(loved, now)
        case LovedTrack() as track:
            return judged_names(track, now)
        case Refused(reason):
            raise InvalidFeedbackError(reason)
    raise InvalidFeedbackError("expected love or hate")
