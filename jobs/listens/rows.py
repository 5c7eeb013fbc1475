"""From a submission's listens to rows of `listen`, each judged alone: one bad listen never costs its neighbours."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from jobs.listens.listen import Submission
from jobs.listens.msid import msid_of
from jobs.tables.listens import LISTENS

REFUSED = "refused"
"""Key of a listen that its protocol cannot send back: the reason for which it is to be set aside, not written."""
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class UnwritableListenError(ValueError):
    """A listen that cannot be stored: its text is the reason kept beside it."""


class Row(NamedTuple):
    """One row of `listen` to be, and where it came from."""

    user_id: int
    listened_at: int
    recording_msid: str
    artist_name: str
    track_name: str
    release_name: str | None
    additional_info: str
    """JSON text, keys in the order submitted."""
    source: str | None
    dump_id: int | None
    submission: int
    """Index of its submission in the batch."""
    item: int
    """Index of the listen in its submission."""

    @property
    def key(self) -> tuple[int, int, str]:
        """(user, second, MSID): one row each."""
        return self[:3]


class Refused(NamedTuple):
    """One listen that is kept aside with its reason."""

    submission: int
    item: int
    reason: str


def rows_of(submission: Submission, index: int) -> tuple[list[Row], list[Refused]]:
    """Every listen of the submission, as a row or as refused; `index` is the submission's place in its batch."""
    rows: list[Row] = []
    refused: list[Refused] = []
    for item, listen in enumerate(submission.listens):
        try:
            rows.append(_row(submission, index, item, listen))
        except UnwritableListenError as problem:
            refused.append(Refused(index, item, str(problem)))
    return rows, refused


def body_of(listen: object) -> bytes:
    """A listen as JSON bytes for `rejected_listen`; also of what orjson cannot write (depth, huge numbers)."""
    try:
        return orjson.dumps(listen)
    except TypeError:
        pass
    try:
        return json.dumps(listen, default=str).encode()
    except (RecursionError, ValueError):
        return b'"nested too deeply to be kept"'


def _row(submission: Submission, index: int, item: int, listen: object) -> Row:
    if not isinstance(listen, Mapping):
        raise UnwritableListenError(f"a listen is an object, this is {_kind(listen)}")
    if REFUSED in listen:
        raise UnwritableListenError(str(listen[REFUSED]))
    metadata = listen.get("track_metadata")
    if not isinstance(metadata, Mapping):
        raise UnwritableListenError(f"track_metadata: expected an object, got {_kind(metadata)}")
    listened_at = listen.get("listened_at")
    if type(listened_at) is not int:
        raise UnwritableListenError(f"listened_at: expected a whole number, got {_kind(listened_at)}")
    row = Row(
        submission.user_id,
        listened_at,
        _msid(listen, metadata),
        metadata["artist_name"],
        metadata["track_name"],
        metadata.get("release_name") or None,
        _info_text(metadata),
        submission.source,
        submission.dump_id,
        index,
        item,
    )
    broken = LISTENS.broken_rule(row._asdict())
    if broken is not None:
        raise UnwritableListenError(f"{broken.name}: {broken.reason}")
    return row


def _msid(listen: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    for name in ("artist_name", "track_name"):
        if not isinstance(metadata.get(name), str):
            raise UnwritableListenError(f"{name}: expected text, got {_kind(metadata.get(name))}")
    if not isinstance(metadata.get("release_name"), str | None):
        raise UnwritableListenError(f"release_name: expected text, got {_kind(metadata['release_name'])}")
    if not isinstance(metadata.get("additional_info"), Mapping | None):
        raise UnwritableListenError(f"additional_info: expected an object, got {_kind(metadata['additional_info'])}")
    kept = listen.get("recording_msid")
    if kept is not None:
        return str(kept)
    try:
        return str(msid_of(metadata))
    except (TypeError, ValueError):
        raise UnwritableListenError("the listen's text or duration cannot be written as JSON") from None


def _info_text(metadata: Mapping[str, Any]) -> str:
    info = metadata.get("additional_info")
    if not info:
        return "{}"
    try:
        text = orjson.dumps(info).decode()
    except TypeError as problem:
        raise UnwritableListenError(f"additional_info cannot be written as JSON: {problem}") from None
    if "\\u0000" in text and _ESCAPED_NUL.search(text):
        raise UnwritableListenError("additional_info holds the character U+0000")
    return text


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
