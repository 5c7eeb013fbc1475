"""Files of other services handed in by a program: the same imports as on the page /profile/import."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from dumps.load.services import AUTO, formats
from dumps.load.uploads import UPLOAD_LIMIT, drop_upload
from jobs.listens.user_imports import UserImport, Wish, cancel_import, find_import, imports_of
from webapi.auth import require_owner
from webapi.errors import BadRequestError, NotFoundError, reply
from webapi.openapi.declare import Answer, Body, describes
from webapi.openapi.schemas import COUNT, SECONDS, TEXT, closed, component, list_of
from webapi.openapi.schemas import UUID as UUID_SCHEMA
from webapi.services import services
from webapi.uploads import MOST_BYTES, RefusedFileError, file_name, take_file, wanted_date

MOST_LISTED = 100
UNKNOWN = "Import not found."

blueprint = Blueprint("imports", __name__, url_prefix="/1/import-listens")

_WHEN = {**SECONDS, "type": ["integer", "null"]}
_DAY = {"type": "string", "format": "date"}
_WANTED_DAY = {"anyOf": [_DAY, {"const": ""}]}
_IMPORT = closed(
    {
        "import_id": UUID_SCHEMA,
        "file_name": TEXT,
        "service": {"type": "string", "enum": list(formats())},
        "timezone": TEXT,
        "from_date": {**_DAY, "type": ["string", "null"]},
        "to_date": {**_DAY, "type": ["string", "null"]},
        "state": {"type": "string", "enum": ["waiting", "running", "done", "failed", "cancelled"]},
        "bytes": COUNT,
        "bytes_read": COUNT,
        "counts": {"type": "object", "description": "Items so far, by what became of them."},
        "problems": list_of(closed({"item": TEXT, "reason": TEXT})),
        "error": {"type": ["string", "null"]},
        "created": SECONDS,
        "started": _WHEN,
        "finished": _WHEN,
    }
)
_FILE = Body(
    {
        "type": "object",
        "properties": {
            "file": {"type": "string", "contentMediaType": "application/octet-stream"},
            "service": {"type": "string", "enum": [AUTO, *formats()], "default": AUTO},
            "timezone": {"type": "string", "default": "UTC"},
            "from_date": _WANTED_DAY,
            "to_date": _WANTED_DAY,
        },
        "required": ["file"],
    },
    {"file": '{"listened_at": 1443521965, "track_metadata": {"artist_name": "A", "track_name": "t"}}'},
    f"A file of at most {UPLOAD_LIMIT} bytes; `timezone` is of times that it gives without one. With `from_date` "
    "or `to_date` only the listens of these days, both included, are brought in; days are those of `timezone`.",
    media_type="multipart/form-data",
)


@blueprint.post("")
@describes(
    "Import a file",
    group="Imports",
    auth="required",
    body=_FILE,
    answers={
        200: Answer("It waits for its turn.", _IMPORT),
        400: Answer("Not a file that can be brought in; nothing was kept.", component("Error")),
        413: Answer("The file is too large.", component("Error")),
    },
)
def hand_in() -> Response:
    """A file of another service. It is brought in soon; asking again with its import_id says how far it is."""
    owner = require_owner()
    request.max_content_length = MOST_BYTES
    file = request.files.get("file")
    if file is None or not file.filename:
        raise BadRequestError("file: expected a file in a form of the type multipart/form-data.")
    try:
        import_id = take_file(owner.user_id, file.stream, file_name(file.filename), _wish())
    except RefusedFileError as problem:
        raise BadRequestError(f"{problem}.") from None
    return reply(_document(_find(owner.user_id, import_id)))


def _wish() -> Wish:
    """What the form says of the file. Raises RefusedFileError."""
    form = request.form
    from_date, to_date = [wanted_date(name, form.get(name, "")) for name in ("from_date", "to_date")]
    if from_date is not None and to_date is not None and to_date < from_date:
        raise RefusedFileError("to_date: expected a day not before from_date")
    return Wish(form.get("service") or AUTO, form.get("timezone") or "UTC", from_date, to_date)


@blueprint.get("/<uuid:import_id>")
@describes(
    "How far an import of a file is",
    group="Imports",
    auth="required",
    answers={
        200: Answer("What has become of it so far.", _IMPORT),
        404: Answer("You have no such import.", component("Error")),
    },
)
def one(import_id: UUID) -> Response:
    """Its state, counts, and the first items that were refused, each with its place in the file and the reason."""
    return reply(_document(_find(require_owner().user_id, import_id)))


@blueprint.get("/list")
@describes(
    "Imports of files",
    group="Imports",
    auth="required",
    answers={200: Answer("The newest first.", closed({"imports": list_of(_IMPORT, MOST_LISTED)}))},
)
def listed() -> Response:
    """A hundred of your imports at most, whether they were handed in here or on the page."""
    owner = require_owner()
    with services().pool.transaction() as cursor:
        found = imports_of(cursor, owner.user_id, MOST_LISTED)
    return reply({"imports": [_document(row) for row in found]})


@blueprint.post("/cancel/<uuid:import_id>")
@describes(
    "Take back a file",
    group="Imports",
    auth="required",
    answers={
        200: Answer("Nothing of it is brought in.", closed({"status": {"const": "ok"}})),
        400: Answer("It is being brought in, or has been.", component("Error")),
        404: Answer("You have no such import.", component("Error")),
    },
)
def cancel(import_id: UUID) -> Response:
    """Only while it waits."""
    owner = require_owner()
    with services().pool.transaction() as cursor:
        done = cancel_import(cursor, owner.user_id, import_id)
    if not done:
        state = _find(owner.user_id, import_id).state
        raise BadRequestError(f"The import is {state}: only one that is waiting can be cancelled.")
    drop_upload(services().settings.data_dir, import_id)
    return reply({"status": "ok"})


def _find(user_id: int, import_id: UUID) -> UserImport:
    with services().pool.transaction() as cursor:
        found = find_import(cursor, user_id, import_id)
    if found is None:
        raise NotFoundError(UNKNOWN)
    return found


def _document(row: UserImport) -> dict[str, Any]:
    return {
        "import_id": str(row.id),
        "file_name": row.file_name,
        "service": row.format,
        "timezone": row.timezone,
        "from_date": row.from_date and row.from_date.isoformat(),
        "to_date": row.to_date and row.to_date.isoformat(),
        "state": row.state,
        "bytes": row.bytes,
        "bytes_read": row.bytes_read,
        "counts": row.counts,
        "problems": row.problems,
        "error": row.error,
        "created": int(row.created.timestamp()),
        "started": row.started and int(row.started.timestamp()),
        "finished": row.finished and int(row.finished.timestamp()),
    }
