"""Listens as JSON lines, as people keep and export them: one object a line, in one of two forms.

API form: {listened_at, track_metadata}, as submitted. Dump form, also of user exports: `timestamp` or `ts_since_epoch`
for the time, `recording_msid` and `mbid_mapping` of the other server, `user_id`, `inserted_at`. The mapping is read
beside the listen; what else only that server knows is left out (its MSID stays in additional_info where it was); then
the one validator judges. Lines may be gzip.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

import orjson

from jobs.listens.dump_mapping import Said, said_of
from jobs.listens.validator import InvalidListenError, check_numbers, validate_listen

LINE_LIMIT = 1 << 18
"""Bytes of a line that are read at all."""
LISTEN_LIMIT = 10240
"""Bytes of a listen, as the API takes it."""
_TIMES = ("listened_at", "timestamp", "ts_since_epoch")
_METADATA = ("artist_name", "track_name", "release_name", "additional_info")
_GZIP = b"\x1f\x8b"


class DamagedFileError(ValueError):
    """The compressed file ends too early or is damaged: says after which line. What came before it was read."""


class RejectedLineError(ValueError):
    """A line that is no listen: the reason."""


@dataclass(frozen=True)
class Line:
    """One line that is not blank."""

    number: int
    """From 1, as an editor counts."""
    content: bytes
    """Without the line's end; cut at LINE_LIMIT + 1."""


@dataclass(frozen=True)
class LineListen:
    """What a line brings."""

    listen: dict[str, Any]
    """In normal form."""
    user_name: str | None
    """As the line carries it."""
    said: Said | None
    """What its `mbid_mapping` says beyond the listen's own MBIDs."""


def read_lines(file: IO[bytes]) -> Iterator[Line]:
    """The lines of a buffered file (one that can peek) that are not blank. Raises DamagedFileError."""
    unpacked = _unpacked(file)
    number = 0
    try:
        while content := unpacked.readline(LINE_LIMIT + 1):
            number += 1
            _skip_rest(unpacked, content)
            stripped = content.removeprefix(b"\xef\xbb\xbf").strip()
            if stripped:
                yield Line(number, stripped)
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise DamagedFileError(f"damaged after line {number}: {problem}") from None


def listen_of(line: Line, now: int) -> LineListen:
    """The listen of a line and what comes with it. `now`: epoch seconds. Raises RejectedLineError."""
    if len(line.content) > LINE_LIMIT:
        raise RejectedLineError(f"the line is longer than {LINE_LIMIT} bytes")
    try:
        document = orjson.loads(line.content)
    except orjson.JSONDecodeError as problem:
        raise RejectedLineError(f"not JSON: {problem}") from None
    if not isinstance(document, dict):
        raise RejectedLineError("expected one JSON object a line (a list becomes lines with `jq -c '.[]'`)")
    try:
        check_numbers(line.content)
        listen = validate_listen(_api_form(document), "import", now)
    except InvalidListenError as problem:
        raise RejectedLineError(problem.message) from None
    # Only what is kept counts: an export carries more than the listen.
    if len(line.content) > LISTEN_LIMIT and len(orjson.dumps(listen)) > LISTEN_LIMIT:
        raise RejectedLineError(f"the listen is larger than {LISTEN_LIMIT} bytes")
    name = document.get("user_name")
    said = said_of(listen, document["track_metadata"].get("mbid_mapping"))
    return LineListen(listen, name if isinstance(name, str) else None, said)


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


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    beginning = cast(Any, file).peek(2)[:2]
    return cast(IO[bytes], gzip.GzipFile(fileobj=file)) if beginning == _GZIP else file


def _skip_rest(file: IO[bytes], content: bytes) -> None:
    """Of an overlong line: up to its end."""
    while len(content) > LINE_LIMIT and not content.endswith(b"\n"):
        content = file.readline(LINE_LIMIT + 1)
        if len(content) <= LINE_LIMIT:
            return
