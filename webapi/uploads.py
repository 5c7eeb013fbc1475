"""Taking a file of listening history from a user: looked at, kept, and queued for the importer.

A file that no format recognises is refused while its owner is still there to do something about it.
"""

import logging
import re
from dataclasses import replace
from datetime import date
from typing import IO
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from conf.settings import Settings
from dumps.load.services import AUTO, UnknownFormatError, format_of
from dumps.load.source import BUFFER, UNREADABLE, open_source
from dumps.load.uploads import UPLOAD_LIMIT, drop_upload, keep_upload, upload_path
from jobs.listens.items import DamagedFileError
from jobs.listens.user_imports import FIRST_DATE, LAST_DATE, TooManyImportsError, Wish, add_import, plain
from webapi.errors import UnavailableError
from webapi.services import services

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

log = logging.getLogger(__name__)

MOST_BYTES = UPLOAD_LIMIT + 64 * 1024
"""Of a request with a file: the form around it too."""
NO_ROOM = "There is no room for the file just now. Please try again later."


class RefusedFileError(ValueError):
    """A file that is not taken: what is wrong with it, for its owner."""


def file_name(sent: str) -> str:
    """The last part of a name as browsers send it: some send whole paths."""
    return sent.replace("\\", "/").rsplit("/", 1)[-1]


def wanted_date(name: str, text: str) -> date | None:
    """A day of a form; None for an empty one. Raises RefusedFileError."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not FIRST_DATE <= day <= LAST_DATE:
        raise RefusedFileError(f"{name}: expected a date such as 2024-12-31")
    return day


def take_file(user_id: int, file: IO[bytes], name: str, wish: Wish) -> UUID:
    """Keep and queue a file; the id of its import. Raises RefusedFileError, UnavailableError (503)."""
    _check_zone(wish.timezone)
    settings, import_id = services().settings, uuid4()
    try:
        size = keep_upload(settings.data_dir, import_id, file)
    except OSError as problem:
        raise UnavailableError(NO_ROOM) from problem
    queued = False
    try:
        chosen = _looked_at(settings, import_id, size, name, wish.format)
        with services().pool.transaction() as cursor:
            add_import(cursor, import_id, user_id, name=name, size=size, wish=replace(wish, format=chosen))
        queued = True
    except TooManyImportsError as problem:
        raise RefusedFileError(str(problem)) from None
    finally:
        if not queued:
            drop_upload(settings.data_dir, import_id)
    return import_id


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RefusedFileError("the time zone is not known; expected a name such as Europe/Berlin") from None


def _looked_at(settings: Settings, import_id: UUID, size: int, name: str, format_name: str) -> str:
    """The name of the format, when the file is one of it as far as its beginning shows."""
    if size == 0:
        raise RefusedFileError("choose a file that is not empty")
    if size > UPLOAD_LIMIT:
        raise RefusedFileError(
            f"the file has {size} bytes, at most {UPLOAD_LIMIT} are taken: `listens import` takes more"
        )
    try:
        with upload_path(settings.data_dir, import_id).open("rb", buffering=BUFFER) as kept:
            return format_of(open_source(kept, plain(name, 60)), format_name or AUTO).name
    except (DamagedFileError, UnknownFormatError) as problem:
        raise RefusedFileError(str(problem)) from None
    except UNREADABLE as problem:
        log.warning("an upload cannot be read: %s", type(problem).__name__)
        raise RefusedFileError("the file cannot be read: it is damaged, or not what its name says") from None
