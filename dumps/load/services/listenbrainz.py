"""A user's export of ListenBrainz or of this server: a zip of listens/YEAR/MONTH.jsonl, feedback.jsonl and more.

Feedback names recordings by the MSIDs of the server that wrote it. Where that server is another one, a listen of the
same file says which recording it is, and the feedback gets the MSID which that listen has here.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any
from uuid import UUID

import orjson

from dumps.load.format import Format
from dumps.load.source import Source
from jobs.listens.items import Brings, DamagedFileError, Item, LeftOut, Loved, Rated, Refused
from jobs.listens.lines import LINE_LIMIT, listen_of, read_lines, read_objects
from jobs.listens.msid import msid_of

LISTEN_LIMIT = 10_240_000
"""Bytes of a listen: as large as one submission may be, so that everything exported comes back."""
MOST_TRANSLATED = 100_000
"""Feedback whose MSIDs are looked for among the listens; what is beyond keeps its MSID."""
_FEEDBACK = "feedback.jsonl"
_RATINGS = "recommendation_feedback.jsonl"
_LEFT_OUT = {
    "pinned_recording.jsonl": "pinned recordings are not kept yet",
    "playlists.jsonl": "playlists are not read back: POST /1/playlist/create takes each",
}
"""Members of which nothing is kept, and why; each of their lines is counted."""
_SETTINGS = "settings.json"
_SETTINGS_LEFT_OUT = "settings are not read back: choose the time zone and what does not count on the profile page"
_PART = re.compile(r"-[0-9]+(?=\.[a-z]+$)")
"""In the name of a member that continues another one."""


def _lines(name: str) -> bool:
    return name.lower().endswith((".jsonl", ".listens")) and not name.startswith("__MACOSX/")


def _kind(name: str) -> str:
    return _PART.sub("", PurePosixPath(name).name)


def _is(name: str, kind: str) -> bool:
    return _kind(name) == kind


def _recognises(source: Source) -> bool:
    if source.archive is None:
        return False
    return any(_is(name, "user.json") for name in source.members(lambda name: True)) or any(
        b'"track_metadata"' in head for head in source.heads(_lines)
    )


def _read(source: Source) -> Iterator[Item]:
    if source.archive is None:
        raise DamagedFileError("a ListenBrainz export is a zip file; its single .jsonl files are of the format jsonl")
    known = dict.fromkeys(_wanted(source))
    kept: list[str] = []
    for member, text in source.texts(_lines):
        if _is(member, _FEEDBACK) or _is(member, _RATINGS):
            kept.append(member)  # read last, when the listens have been seen
            continue
        yield from _read_member(member, text, known)
    for member, text in source.texts(lambda name: name in kept):
        understand = _rating if _is(member, _RATINGS) else _feedback
        yield from read_objects(text, partial(understand, known=known), member=member)
    for member in source.members(lambda name: _is(name, _SETTINGS)):
        yield Item(1, b"", LeftOut(_SETTINGS_LEFT_OUT), member)


def _wanted(source: Source) -> Iterator[str]:
    """MSIDs of the feedback, as far as they are looked for."""
    left = MOST_TRANSLATED
    for _, text in source.texts(lambda name: _is(name, _FEEDBACK) or _is(name, _RATINGS)):
        for _, content in read_lines(text):
            msid = _msid_in(content)
            if msid is not None:
                yield msid
                left -= 1
            if not left:
                return


def _msid_in(line: bytes) -> str | None:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    msid = document.get("recording_msid") if isinstance(document, dict) else None
    return msid if isinstance(msid, str) else None


def _read_member(member: str, text: IO[bytes], known: dict[str, UUID | None]) -> Iterator[Item]:
    reason = _LEFT_OUT.get(_kind(member))

    def understand(document: dict[str, Any]) -> Brings:
        if reason is not None:
            return LeftOut(reason)
        if "track_metadata" not in document:
            return Refused("expected a listen: an object with listened_at and track_metadata")
        _remember(document["track_metadata"], known)
        return listen_of(document, LISTEN_LIMIT)

    # Beside the listen a line has what the other server knows of it.
    yield from read_objects(text, understand, member=member, limit=LISTEN_LIMIT + LINE_LIMIT)


def _remember(metadata: object, known: dict[str, UUID | None]) -> None:
    """The MSID here of a listen that feedback is about."""
    if not isinstance(metadata, dict) or not known:
        return
    info = metadata.get("additional_info")
    foreign = metadata.get("recording_msid") or (info.get("recording_msid") if isinstance(info, dict) else None)
    if not isinstance(foreign, str) or foreign not in known or known[foreign] is not None:
        return
    try:
        known[foreign] = msid_of(metadata)
    except (KeyError, TypeError, ValueError, AttributeError):
        return  # no listen: it is refused where it is judged


def _feedback(document: dict[str, Any], known: dict[str, UUID | None]) -> Brings:
    return Loved(*_ids(document, known), document.get("score"), document.get("created"))


def _rating(document: dict[str, Any], known: dict[str, UUID | None]) -> Brings:
    return Rated(*_ids(document, known), document.get("rating"), document.get("created"))


def _ids(document: dict[str, Any], known: dict[str, UUID | None]) -> tuple[Any, Any]:
    """(MSID here, MBID) as far as they are given."""
    msid = document.get("recording_msid")
    translated = known.get(msid) if isinstance(msid, str) else None
    return str(translated) if translated is not None else msid, document.get("recording_mbid")


FORMAT = Format("listenbrainz", "user export of ListenBrainz, or of this server (.zip)", _recognises, _read)
