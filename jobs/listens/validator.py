"""What a listen must look like: one validator for every way in, all or nothing, always InvalidListenError.

Rules, limits and texts: reference api.md section 2. It gives back new objects in normal form: names stripped, blank
optional fields dropped, MBIDs in lower-case canonical form, durations whole. Valid listens are storable: PostgreSQL
takes every string of them, and every number fits 64 bits.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal
from unicodedata import category

import orjson

from jobs.tables.json_limits import MAX_JSON_ALIKE, MAX_JSON_NAME, keys_collide

ListenType = Literal["single", "playing_now", "import"]
LISTEN_TYPES: tuple[ListenType, ...] = ("single", "playing_now", "import")

LISTEN_MINIMUM_TS = 1033430400
MAX_CLOCK_SKEW = 3600
MAX_TAGS_PER_LISTEN = 50
MAX_TAG_SIZE = 64
MAX_DURATION = 2073600
"""Seconds."""
MAX_DURATION_MS = 2073600000
LISTENED_AT_TOO_HIGH = "Value for key listened_at is too high."
LISTENED_AT_TOO_LOW = (
    "Value for key listened_at is too low. listened_at timestamp should be greater than "
    "1033410600 (2002-10-01 00:00:00 UTC)."
)
"""The number in the text is the contract's; it is not the limit."""
EMPTY_FIELD = "field track_metadata.{} is empty."
MAX_DEPTH = 100
"""Objects and lists inside each other within a listen; the message around it must stay encodable."""

_UUID = re.compile(
    r"(?:urn:uuid:)?\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?",
    re.IGNORECASE | re.ASCII,
)
_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
INVISIBLE = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))
"""Unicode categories of what nobody sees: controls, zero-width marks, spaces, separators."""
_NUMBER_RANGE = range(-(2**63), 2**64)
_TOO_DEEP = f"JSON document may not be nested deeper than {MAX_DEPTH} levels."
_BEYOND_64_BITS = "JSON document contains a number beyond 64 bits."
_MANY_DIGITS = re.compile(rb"(?<![0-9])[0-9]{19}")


class InvalidListenError(ValueError):
    """A listen that cannot be accepted: the text, the listen to echo, its index in the payload.

    `free`: the contract has no text for this, so ours may name the item too.
    """

    def __init__(self, message: str, *, free: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.free = free
        self.listen: object = None
        self.item = 0


def validate_payload(payload: list[object], listen_type: ListenType, now: int) -> list[dict[str, Any]]:
    """Every listen in normal form, or InvalidListenError for the first bad one. `now`: epoch seconds."""
    valid = []
    for item, listen in enumerate(payload):
        try:
            valid.append(validate_listen(listen, listen_type, now))
        except InvalidListenError as problem:
            problem.item = item
            raise
    return valid


def validate_listen(listen: object, listen_type: ListenType, now: int) -> dict[str, Any]:
    """One listen in normal form: {listened_at (not for playing_now), track_metadata}. Raises InvalidListenError."""
    try:
        return _validate(listen, listen_type, now)
    except InvalidListenError as problem:
        problem.listen = listen
        raise


def check_numbers(document: bytes) -> None:
    """Refuse whole numbers beyond 64 bits in JSON text: reading makes floats of them, so afterwards it is too late.

    `document` has been read without error. Few texts hold as many digits in a row; those are read again with care.
    Raises InvalidListenError.
    """
    if _MANY_DIGITS.search(document) is None:
        return
    try:
        json.loads(document, parse_int=_number_of_64_bits)
    except RecursionError:
        raise InvalidListenError(_TOO_DEEP, free=True) from None


def _number_of_64_bits(digits: str) -> int:
    if len(digits) > len("-18446744073709551615") or int(digits) not in _NUMBER_RANGE:
        raise InvalidListenError(_BEYOND_64_BITS, free=True)
    return int(digits)


def canonical_uuid(value: object) -> str | None:
    """The lower-case hyphenated form of a UUID in any usual ASCII spelling; None when it is not one."""
    if not isinstance(value, str):
        return None
    if _CANONICAL_UUID.fullmatch(value):
        return value
    match = _UUID.fullmatch(value)
    return "-".join(match.groups()).lower() if match else None


def _validate(listen: object, listen_type: ListenType, now: int) -> dict[str, Any]:
    if listen is None:
        raise InvalidListenError("Listen is empty and cannot be validated.")
    if not isinstance(listen, dict):
        raise InvalidListenError("Listen should be a json object.", free=True)
    valid: dict[str, Any] = {}
    if listen_type == "playing_now":
        _check_playing_now_keys(listen)
    else:
        if len(listen) > 2:
            raise InvalidListenError("JSON document may only contain listened_at and track_metadata top level keys")
        valid["listened_at"] = _listened_at(listen, now)
    if "track_metadata" not in listen:
        raise InvalidListenError("JSON document must contain the key track_metadata at the top level.")
    valid["track_metadata"] = _track_metadata(listen["track_metadata"])
    _check_storable(listen)
    return valid


def _check_playing_now_keys(listen: dict[str, Any]) -> None:
    if "listened_at" in listen:
        raise InvalidListenError("JSON document must not contain listened_at while submitting playing_now.")
    if len(listen) > 1:
        raise InvalidListenError(
            "JSON document may only contain track_metadata as top level key when submitting playing_now."
        )


def _listened_at(listen: dict[str, Any], now: int) -> int:
    if "listened_at" not in listen:
        raise InvalidListenError("JSON document must contain the key listened_at at the top level.")
    value = listen["listened_at"]
    if type(value) is not int:
        value = _whole(value)
    if value >= now + MAX_CLOCK_SKEW:
        raise InvalidListenError(LISTENED_AT_TOO_HIGH)
    if value < LISTEN_MINIMUM_TS:
        raise InvalidListenError(LISTENED_AT_TOO_LOW)
    return value


def _whole(value: object) -> int:
    try:
        if isinstance(value, float | str):
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise InvalidListenError("JSON document must contain an int value for listened_at.")


def _track_metadata(metadata: object) -> dict[str, Any]:
    if metadata is None:
        raise InvalidListenError("JSON document may not have track_metadata with null value.")
    if not isinstance(metadata, dict):
        raise InvalidListenError("track_metadata should be a json object.", free=True)
    valid: dict[str, Any] = {
        "track_name": _required_name(metadata, "track_name"),
        "artist_name": _required_name(metadata, "artist_name"),
    }
    if "release_name" in metadata and (release := _text(metadata, "release_name")):
        valid["release_name"] = release
    valid["additional_info"] = _additional_info(metadata["additional_info"]) if "additional_info" in metadata else {}
    return valid


def _required_name(metadata: dict[str, Any], key: str) -> str:
    if key not in metadata:
        raise InvalidListenError(f"JSON document does not contain required field track_metadata.{key}.")
    name = _text(metadata, key)
    if not name:
        raise InvalidListenError(EMPTY_FIELD.format(key))
    return name


def _text(metadata: dict[str, Any], key: str) -> str:
    value = metadata[key]
    if not isinstance(value, str):
        raise InvalidListenError(f"track_metadata.{key} must be a single string.")
    text = value.strip()
    if text and not text[0].isalnum() and all(category(character) in INVISIBLE for character in text):
        if "\0" in text:
            raise InvalidListenError(f"{text} contains a unicode null")
        return ""
    return text


def _additional_info(info: object) -> dict[str, Any]:
    if not isinstance(info, dict):
        raise InvalidListenError("track_metadata.additional_info should be a json object.", free=True)
    if not info:
        return {}
    valid = dict(info)
    if "tags" in info:
        _check_tags(info["tags"])
    if "duration" in info and "duration_ms" in info:
        raise InvalidListenError("JSON document should not contain both duration and duration_ms.")
    for key, check in _INFO_FIELDS:
        if key in info:
            value = check(key, info[key])
            if value is None:
                del valid[key]
            else:
                valid[key] = value
    return valid


def _check_tags(tags: object) -> None:
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise InvalidListenError("track_metadata.additional_info.tags should be a list of strings.", free=True)
    if len(tags) > MAX_TAGS_PER_LISTEN:
        raise InvalidListenError(
            f"JSON document may not contain more than {MAX_TAGS_PER_LISTEN} items in "
            "track_metadata.additional_info.tags."
        )
    if any(len(tag) > MAX_TAG_SIZE for tag in tags):
        raise InvalidListenError(
            f"JSON document may not contain track_metadata.additional_info.tags longer than {MAX_TAG_SIZE} characters."
        )


def _duration(key: str, value: object, limit: int) -> int:
    try:
        number = value if type(value) is int else int(float(value))  # type: ignore[arg-type]
    except (ValueError, TypeError, OverflowError):
        number = 0
    if isinstance(value, bool) or number <= 0:
        raise InvalidListenError(f"Value for {key} is invalid, should be a positive integer.")
    if number > limit:
        raise InvalidListenError(f"Value for {key} is too large, max permitted value is {limit}")
    return number


def _seconds(key: str, value: object) -> int:
    return _duration(key, value, MAX_DURATION)


def _milliseconds(key: str, value: object) -> int:
    return _duration(key, value, MAX_DURATION_MS)


def _mbid(key: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    canonical = canonical_uuid(value)
    if canonical is None:
        raise InvalidListenError(f"{key} MBID format invalid.")
    return canonical


def _mbids(key: str, value: object) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise InvalidListenError(f"{key} MBID format invalid.")
    return [mbid for item in value if (mbid := _mbid(key, item)) is not None] or None


_INFO_FIELDS: tuple[tuple[str, Callable[[str, object], Any]], ...] = (
    ("duration", _seconds),
    ("duration_ms", _milliseconds),
    ("recording_mbid", _mbid),
    ("release_mbid", _mbid),
    ("release_group_mbid", _mbid),
    ("track_mbid", _mbid),
    ("artist_mbids", _mbids),
    ("work_mbids", _mbids),
)


def _check_storable(listen: dict[str, Any]) -> None:
    """Refuse what cannot be encoded or stored: one fast encoding clears nearly every listen, a walk names the rest."""
    try:
        encoded = orjson.dumps(listen)
    except TypeError:
        encoded = b""
    brackets = encoded.count(b"{") + encoded.count(b"[")
    short = len(encoded) <= MAX_JSON_NAME and encoded.count(b":") <= MAX_JSON_ALIKE
    if encoded and b"\\u0000" not in encoded and brackets <= MAX_DEPTH and short:
        return
    for value in _scalars(listen):
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, int) and value not in _NUMBER_RANGE:
            raise InvalidListenError(_BEYOND_64_BITS, free=True)
    if keys_collide(listen):
        raise InvalidListenError(f"JSON document contains more than {MAX_JSON_ALIKE} keys of the same hash.", free=True)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise InvalidListenError(f"{text} contains a unicode null")
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode("ascii", "backslashreplace").decode()
        raise InvalidListenError(f"{shown} contains a lone surrogate", free=True) from None


def _check_keys(value: dict[str, Any]) -> None:
    """The lake could not be read with a longer one."""
    if any(len(key.encode("utf-8", "surrogatepass")) > MAX_JSON_NAME for key in value):
        raise InvalidListenError(f"JSON document may not contain a key longer than {MAX_JSON_NAME} bytes.", free=True)


def _scalars(listen: dict[str, Any]) -> Iterator[object]:
    """Every key and value that is no container, in no order. Raises InvalidListenError below MAX_DEPTH."""
    waiting: list[tuple[object, int]] = [(listen, 1)]
    while waiting:
        value, depth = waiting.pop()
        if not isinstance(value, dict | list):
            yield value
            continue
        if depth > MAX_DEPTH:
            raise InvalidListenError(_TOO_DEEP, free=True)
        if isinstance(value, dict):
            _check_keys(value)
            yield from value
        waiting.extend((child, depth + 1) for child in (value.values() if isinstance(value, dict) else value))
