"""Listens as JSON lines, as people keep and export them: one object a line, in one of two forms.

API form: {listened_at, track_metadata}, as submitted. Dump form, also of user exports: `timestamp` or `ts_since_epoch`
for the time, `recording_msid` and `mbid_mapping` of the other server, `user_id`, `inserted_at`. The mapping is read
beside the listen; what else only that server knows is left out (its MSID stays in additional_info where it was); then
the one validator judges.
"""

from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple

import orjson

from jobs.listens.items import LISTEN_LIMIT, Brings, DamagedFileError, Found, Item, Refused
from jobs.listens.validator import InvalidListenError, check_numbers

LINE_LIMIT = 1 << 18
"""Bytes of a line that are read at all."""
_TIMES = ("listened_at", "timestamp", "ts_since_epoch")
_METADATA = ("artist_name", "track_name", "release_name", "additional_info")

Understand = Callable[[dict[str, Any]], Brings]


class Line(NamedTuple):
    """One line that is not blank."""

    number: int
    """From 1, as an editor counts."""
    content: bytes
    """Without the line's end; cut at one byte more than the limit."""


def read_lines(file: IO[bytes], limit: int = LINE_LIMIT) -> Iterator[Line]:
    """The lines of a file that are not blank. `limit`: bytes of a line that are kept. Raises DamagedFileError."""
    number = 0
    try:
        while content := file.readline(limit + 1):
            number += 1
            _skip_rest(file, content, limit)
            stripped = content.removeprefix(b"\xef\xbb\xbf").strip()
            if stripped:
                yield Line(number, stripped)
    except DamagedFileError as problem:
        raise DamagedFileError(f"damaged after line {number}: {problem}") from None


def read_objects(
    file: IO[bytes], understand: Understand, *, member: str = "", limit: int = LINE_LIMIT
) -> Iterator[Item]:
    """An item for each line; `understand` says what the JSON object on it brings. Raises DamagedFileError."""
    for number, content in read_lines(file, limit):
        brings = _understood(content, understand, limit)
        yield Item(number, content if len(content) <= limit else content[:LINE_LIMIT], brings, member)


def listen_of(document: dict[str, Any], limit: int = LISTEN_LIMIT) -> Found:
    """What an object in API or dump form brings."""
    metadata, name = document.get("track_metadata"), document.get("user_name")
    said = metadata.get("mbid_mapping") if isinstance(metadata, dict) else None
    return Found(_api_form(document), said, name if isinstance(name, str) else None, limit)


def _understood(content: bytes, understand: Understand, limit: int) -> Brings:
    if len(content) > limit:
        return Refused(f"the line is longer than {limit} bytes")
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as problem:
        return Refused(f"not JSON: {problem}")
    if not isinstance(document, dict):
        return Refused("expected one JSON object a line (a list becomes lines with `jq -c '.[]'`)")
    try:
        check_numbers(content)
    except InvalidListenError as problem:
        return Refused(problem.message)
    return understand(document)


def _api_form(document: dict[str, Any]) -> dict[str, Any]:
    listened_at = next((document[name] for name in _TIMES if name in document), None)
    listen = {} if listened_at is None else {"listened_at": listened_at}
    if "track_metadata" not in document:
        return listen
    metadata = document["track_metadata"]
    if isinstance(metadata, dict):
        metadata = {key: metadata[key] for key in _METADATA if key in metadata and not _absent(key, metadata[key])}
    return {**listen, "track_metadata": metadata}


def _absent(key: str, value: object) -> bool:
    """Exports write null for what there is not."""
    return value is None and key in ("release_name", "additional_info")


def _skip_rest(file: IO[bytes], content: bytes, limit: int) -> None:
    """Of an overlong line: up to its end."""
    while len(content) > limit and not content.endswith(b"\n"):
        content = file.readline(limit + 1)
        if len(content) <= limit:
            return
