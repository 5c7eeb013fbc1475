"""From the indexed fields of a form to listens in API form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from jobs.listens.rows import REFUSED
from jobs.listens.validator import MAX_DURATION, InvalidListenError, canonical_uuid, validate_listen
from webapi.audioscrobbler.answers import INVALID, failed
from webapi.bodies import MAX_LISTEN_SIZE
from webapi.parameters import whole

MAX_ENTRIES = 50
MAX_FIELDS = 1000
"""Fields of a form: 50 entries have 450."""
NO_ALBUM = "The album b is missing; it may be empty."

_KEY = re.compile(r"([atiorlbnm])\[([0-9]{1,4})\]", re.ASCII)
_INFO = {"o": "source", "r": "rating", "n": "track_number", "l": "track_length"}

Fields = Mapping[str, str]
"""A form, or the fields of one entry by their letter."""


@dataclass(frozen=True)
class Entries:
    """The listens of a submission, in the order of their indices."""

    listens: tuple[dict[str, Any], ...]
    """Valid ones in normal form; the others as they came, with the reason under REFUSED."""
    accepted: int
    """How many are valid."""


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form body; blank ones are kept. Raises RefusedError."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MAX_FIELDS
        )
    except UnicodeDecodeError:
        raise failed(f"{INVALID}: expected a form in UTF-8") from None
    except ValueError:
        raise failed(f"{INVALID}: expected at most {MAX_FIELDS} fields") from None
    return dict(pairs)


def read_entries(form: Fields, now: int) -> Entries:
    """Every entry of the form. Raises RefusedError for none, more than MAX_ENTRIES, or more text than listens may have.

    The protocol's first server reads until the first entry that is missing or invalid and drops all later ones without
    a word. Here a gap ends nothing, and an invalid entry costs only itself: players send a batch that has FAILED again
    as it was, for ever, and forget one that is OK. So the batch is taken, and the writer sets the invalid entries aside
    in `rejected_listen` with their reason, where `listens rejected` shows them.
    """
    entries = _entries(form)
    if not entries:
        raise failed()
    if len(entries) > MAX_ENTRIES:
        raise failed(f"{INVALID}: {len(entries)} listens, expected at most {MAX_ENTRIES}")
    listens, accepted = [], 0
    for fields in entries:
        listen = _listen(fields)
        try:
            listens.append(_valid(fields, listen, now))
            accepted += 1
        except InvalidListenError as problem:
            listens.append({**listen, REFUSED: problem.message})
    if len(orjson.dumps(listens)) > len(listens) * MAX_LISTEN_SIZE:
        raise failed(f"{INVALID}: a listen may not be larger than {MAX_LISTEN_SIZE} bytes")
    return Entries(tuple(listens), accepted)


def read_playing_now(form: Fields, now: int) -> dict[str, Any]:
    """The track_metadata of what plays now. Raises RefusedError."""
    if not {"a", "t", "b"} <= form.keys():
        raise failed()
    try:
        listen = validate_listen({"track_metadata": _track_metadata(form)}, "playing_now", now)
    except InvalidListenError:
        raise failed() from None
    if len(orjson.dumps(listen)) > MAX_LISTEN_SIZE:
        raise failed(f"{INVALID}: a listen may not be larger than {MAX_LISTEN_SIZE} bytes")
    track: dict[str, Any] = listen["track_metadata"]
    return track


def _entries(form: Fields) -> list[dict[str, str]]:
    entries: dict[int, dict[str, str]] = {}
    for name, value in form.items():
        if key := _KEY.fullmatch(name):
            entries.setdefault(int(key[2]), {})[key[1]] = value
    return [entries[index] for index in sorted(entries)]


def _valid(fields: Fields, listen: dict[str, Any], now: int) -> dict[str, Any]:
    """The listen in normal form; the protocol wants an album too, be it empty, and players send one."""
    valid = validate_listen(listen, "import", now)
    if "b" not in fields:
        raise InvalidListenError(NO_ALBUM)
    return valid


def _listen(fields: Fields) -> dict[str, Any]:
    """As submitted: a time that is no number stays text, for the validator to judge and for people to see."""
    listen: dict[str, Any] = {"track_metadata": _track_metadata(fields)}
    if "i" in fields:
        listen["listened_at"] = fields["i"]
    return listen


def _track_metadata(fields: Fields) -> dict[str, Any]:
    names = (("artist_name", "a"), ("track_name", "t"), ("release_name", "b"))
    track: dict[str, Any] = {name: fields[letter] for name, letter in names if letter in fields}
    track["additional_info"] = _additional_info(fields)
    return track


def _additional_info(fields: Fields) -> dict[str, Any]:
    """Players send m, n and r empty: what is empty is left out, and so is an MBID that is none.

    The length is also given as `duration`, where it can be one: the contract's `track_length` is not read by anything,
    and the same recording scrobbled over another protocol comes with its duration.
    """
    info: dict[str, Any] = {name: fields[letter] for letter, name in _INFO.items() if fields.get(letter)}
    seconds = whole(fields.get("l", ""))
    if seconds is not None and 0 < seconds <= MAX_DURATION:
        info["duration"] = seconds
    mbid = canonical_uuid(fields.get("m"))
    if mbid is not None:
        info["recording_mbid"] = mbid
    return info
