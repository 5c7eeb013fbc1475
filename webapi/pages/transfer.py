"""Taking everything out as one file, and bringing listens in from files of other services."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from conf.postgres import dsn
from dumps.load.services import AUTO, formats
from dumps.load.uploads import UPLOAD_LIMIT, drop_upload
from dumps.user_export import export_name, export_pieces
from jobs.listens.history import moment
from jobs.listens.user_imports import UserImport, Wish, cancel_import, imports_of
from jobs.listens.users import User
from webapi.db.listens import totals
from webapi.errors import ApiError, UnavailableError, reply
from webapi.pages.frame import kept_by_nobody, takes_bytes
from webapi.services import services
from webapi.sessions import logged_in, require_login
from webapi.uploads import MOST_BYTES, RefusedFileError, file_name, take_file

EXPORTS = 5
"""Of one user in one rate-limit window: each reads a whole history."""
UPLOADS = 10
AT_ONCE = 3
"""Exports that a worker sends at the same time: its other threads serve."""
STALL_SECONDS = 30.0
"""Within which a client takes the next piece of an export."""
BUSY = "Too many exports are on their way just now. Please try again in a minute."
TOO_MANY = "Too many of these at once. Please wait a moment."

_turns = threading.BoundedSemaphore(AT_ONCE)

Page = str | WerkzeugResponse

blueprint = Blueprint("transfer", __name__, url_prefix="/profile")
blueprint.after_request(kept_by_nobody)


@blueprint.get("/export")
@require_login
def export_page() -> Page:
    """What the export holds, and the button."""
    with services().pool.transaction() as cursor:
        held = totals(cursor, logged_in().id)
    return render_template("export.html", held=held)


@blueprint.post("/export")
@require_login
def export() -> Page:
    """The zip, made while it is sent, as of now."""
    user, now = logged_in(), time.time()
    _count("export", user, EXPORTS)
    opened = ExitStack()
    _take_turn(opened)
    with opened.pop_all() as opening:
        # Opened here, so that a store that is down is a 503 and no broken download.
        connection = opening.enter_context(moment(dsn(services().settings)))
        opened = opening.pop_all()
    _hurry_the_client()

    def pieces() -> Iterator[bytes]:
        with opened:
            yield from export_pieces(connection, user.id, user.name, now)

    response = Response(pieces(), mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{export_name(user.name, now)}"'
    response.call_on_close(opened.close)
    return response


@blueprint.get("/import")
@require_login
def import_page() -> Page:
    """The form, and the user's imports."""
    with services().pool.transaction() as cursor:
        found = imports_of(cursor, logged_in().id)
    return render_template(
        "import.html",
        imports=[shown_import(one) for one in found],
        formats=list(formats().values()),
        auto=AUTO,
        limit=UPLOAD_LIMIT // 1_000_000,
    )


@blueprint.post("/import")
@takes_bytes(MOST_BYTES)
@require_login
def import_file() -> Page:
    """Take a file; it is worked off by the history importer."""
    user = logged_in()
    _count("import", user, UPLOADS)
    file = request.files.get("file")
    if file is None or not file.filename:
        return _refused("choose a file")
    wish = Wish(request.form.get("format", AUTO), request.form.get("timezone", "").strip() or "UTC")
    try:
        take_file(user.id, file.stream, file_name(file.filename), wish)
    except RefusedFileError as problem:
        return _refused(str(problem))
    flash("The file is here. It is being brought in; you can leave this page.", "done")
    return redirect("/profile/import", 303)


@blueprint.post("/import/<uuid:import_id>/cancel")
@require_login
def cancel(import_id: UUID) -> Page:
    """Take back a file that still waits."""
    with services().pool.transaction() as cursor:
        done = cancel_import(cursor, logged_in().id, import_id)
    if not done:
        abort(404, "There is no such import that still waits.")
    drop_upload(services().settings.data_dir, import_id)
    flash("Cancelled. Nothing of the file was brought in.", "done")
    return redirect("/profile/import", 303)


@blueprint.get("/imports")
@require_login
def imports() -> Page:
    """The user's imports as the page's script reads them."""
    with services().pool.transaction() as cursor:
        found = imports_of(cursor, logged_in().id)
    return reply({"imports": [shown_import(one) for one in found], "open": any(one.is_open for one in found)})


STATES = {
    "waiting": "Waiting",
    "running": "Being brought in",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


def shown_import(one: UserImport) -> dict[str, Any]:
    """One import as the page shows it: texts, and how far it is in percent."""
    counts = one.totals
    parts = [
        (counts.new, "new"),
        (counts.duplicate, "already here"),
        (counts.feedback, "loved or hated"),
        (counts.rejected, "refused"),
        (counts.left_out, "left out"),
        (counts.deleted, "deleted meanwhile"),
    ]
    told = (
        STATES[one.state]
        if not counts.read
        else f"{STATES[one.state]}: "
        + ", ".join(f"{number:,} {what}" for number, what in parts if number or what == "new")
    )
    return {
        "id": str(one.id),
        "name": one.file_name,
        "format": one.format,
        "state": one.state,
        "created": f"{one.created:%Y-%m-%d %H:%M}",
        "percent": 100 if one.state == "done" else min(99, 100 * one.bytes_read // max(1, one.bytes)),
        "told": told,
        "left_out": [f"{number:,} left out: {reason}" for reason, number in counts.why.items()],
        "problems": [f"{problem['item']}: {problem['reason']}" for problem in one.problems],
        "more_problems": max(0, counts.rejected - len(one.problems)),
        "error": one.error or "",
    }


def _take_turn(turn: ExitStack) -> None:
    """One of the exports that this worker sends at a time, until the stack is closed. Raises UnavailableError."""
    if not _turns.acquire(blocking=False):
        raise UnavailableError(BUSY)
    turn.callback(_turns.release)


def _hurry_the_client() -> None:
    """A client that takes nothing for a while is cut off: it holds a thread and a moment of the database."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(STALL_SECONDS)


def _refused(why: str) -> WerkzeugResponse:
    flash(f"Not taken: {why}.", "problem")
    return redirect("/profile/import", 303)


def _count(what: str, user: User, most: int) -> None:
    if not services().limiter.take(f"{what}:{user.id}", most).allowed:
        raise ApiError(429, TOO_MANY)
