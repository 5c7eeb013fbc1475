"""What a format of other services' files is, and what its module is made of."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from dumps.load.arrays import array_elements
from dumps.load.source import Source, Wanted
from jobs.listens.items import Brings, DamagedFileError, Found, Item, Refused
from jobs.listens.validator import MAX_DURATION, canonical_uuid


@dataclass(frozen=True)
class Format:
    """One kind of file. A module of dumps/load/services has one, called FORMAT."""

    name: str
    """As --format takes it."""
    title: str
    """For a person: whose file, and which ending it has."""
    recognises: Callable[[Source], bool]
    """Whether this is such a file, by its content. Reads only the beginning."""
    read: Callable[[Source], Iterator[Item]]
    """Its items in the order of the file, in flat memory. Raises DamagedFileError, after what came before."""


class RefusedItemError(ValueError):
    """An item that is not what the format holds: the reason."""


def json_file(name: str) -> bool:
    """Members of a zip that end in .json."""
    return name.lower().endswith(".json") and not name.startswith("__MACOSX/")


def read_array(
    source: Source, key: str | None, understand: Callable[[Any], Brings], wanted: Wanted = json_file
) -> Iterator[Item]:
    """An item for each element of a JSON array, of the file or of each member that is wanted."""
    for member, text in source.texts(wanted):
        try:
            for number, content, value in array_elements(text, key):
                yield Item(number, content.encode(), understood(understand, value), member, "item")
        except DamagedFileError as problem:
            raise DamagedFileError(f"{member}: {problem}" if member else str(problem)) from None


def understood(understand: Callable[[Any], Brings], value: Any) -> Brings:
    """What a JSON object brings; anything else is refused."""
    if not isinstance(value, dict):
        return Refused(f"expected a JSON object, found {type(value).__name__}")
    try:
        return understand(value)
    except RefusedItemError as problem:
        return Refused(str(problem))


def play(listened_at: object, artist: object, track: object, release: object = None, **info: object) -> Found:
    """A listen in API form; what of release and additional_info says nothing is left out."""
    metadata: dict[str, Any] = {"artist_name": artist, "track_name": track}
    if release:
        metadata["release_name"] = release
    metadata["additional_info"] = {key: value for key, value in info.items() if value not in (None, "", [], 0)}
    return Found({"listened_at": listened_at, "track_metadata": metadata})


def part(value: object, *path: str) -> Any:
    """What is at the end of a path of keys; None where an object on the way is missing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def mbid(value: object) -> str | None:
    """An MBID in canonical form. Services write what is none for a recording they do not know."""
    return canonical_uuid(value)


def whole_seconds(value: object, per_second: int = 1) -> int | None:
    """A length in seconds, of a number that counts `per_second` in each; None when it is no length: then unknown."""
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"[0-9]{1,15}", value.strip(), re.ASCII) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MAX_DURATION * per_second:
        return None
    return int(value // per_second)


LONGEST_MOMENT = 40
"""Characters of a date and time with its zone; Python would read on behind one."""
_EPOCH = re.compile(r"[0-9]{9,11}", re.ASCII)
_EPOCH_MS = re.compile(r"[0-9]{12,14}", re.ASCII)
_PATTERNS = (
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d %b %Y, %H:%M",
    "%d %b %Y %H:%M",
)


def epoch_seconds(name: str, value: object, zone: tzinfo = UTC) -> int:
    """When that was: epoch seconds or milliseconds, ISO, or a date and time. Raises RefusedItemError.

    `zone`: of a date and time that does not say its own.
    """
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if _EPOCH.fullmatch(text):
        return int(text)
    if _EPOCH_MS.fullmatch(text):
        return int(text) // 1000
    try:
        when = _moment(text)
        return int((when if when.tzinfo else when.replace(tzinfo=zone)).timestamp())
    except (ValueError, OverflowError):
        raise RefusedItemError(f"{name}: expected a date and time, got {str(value)[:60]!r}") from None


def _moment(text: str) -> datetime:
    if len(text) > LONGEST_MOMENT:
        raise ValueError
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for pattern in _PATTERNS:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    raise ValueError
