"""Scrobbles: from parameters, plain or indexed, to listens the one validator has seen, and how each is answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from jobs.listens.validator import (
    EMPTY_FIELD,
    LISTENED_AT_TOO_HIGH,
    LISTENED_AT_TOO_LOW,
    InvalidListenError,
    ListenType,
    canonical_uuid,
    validate_listen,
)
from webapi.bodies import LISTEN_TOO_LARGE, MAX_LISTEN_SIZE
from webapi.lastfm.errors import INVALID_PARAMETERS, LastfmError, missing, unusable
from webapi.lastfm.parameters import Parameters
from webapi.lastfm.render import Element

MAX_SCROBBLES = 50
CLIENT = "ListenBrainz lastfm API"
"""What additional_info names as the submitting client: the contract's text."""
IGNORED = {
    EMPTY_FIELD.format("artist_name"): 1,
    EMPTY_FIELD.format("track_name"): 2,
    LISTENED_AT_TOO_LOW: 3,
    LISTENED_AT_TOO_HIGH: 4,
}
"""The faults for which the protocol knows a code to ignore one scrobble and take the others."""

_PLAIN = -1
_INDEXED = re.compile(r"([a-zA-Z]+)\[([^\]]*)\]?")
_INDEX = re.compile(r"[0-9]{1,18}", re.ASCII)
_INFO = {
    "tracknumber": "tracknumber",
    "duration": "duration",
    "context": "context",
    "streamid": "stream_id",
    "albumartist": "release_artist_name",
}
"""What goes into additional_info, by the parameter's name in lower case: players disagree about streamId's."""
_FIELDS = frozenset(("artist", "track", "timestamp", "album", "mbid", "chosenbyuser", "choosenbyuser", *_INFO))
_MAKING = frozenset(("artist", "track", "timestamp"))
"""A plain parameter beside indexed ones is a scrobble of its own only with one of these: some players send the
context of a whole batch plain."""


@dataclass(frozen=True)
class Scrobble:
    """One track of a call, as sent."""

    index: int
    """_PLAIN: its parameters have no index."""
    fields: Mapping[str, str]
    """By the parameter's name in lower case; an empty one is there."""

    def named(self, name: str) -> str:
        """A parameter of it as the client called it."""
        return name if self.index == _PLAIN else f"{name}[{self.index}]"

    def get(self, name: str) -> str:
        """A field, empty when it was not sent."""
        return self.fields.get(name, "")


@dataclass(frozen=True)
class Outcome:
    """What became of a scrobble."""

    scrobble: Scrobble
    listen: dict[str, Any] | None
    """In normal form; None: it is ignored."""
    ignored: int = 0
    reason: str = ""
    stored: Mapping[str, str] = field(default_factory=dict)
    """Names as they are kept."""


def read_scrobbles(parameters: Parameters, *required: str) -> list[Scrobble]:
    """1 to 50 of them in the order of their indices, in whatever order they were sent; gaps are fine.

    Raises LastfmError, naming the parameter, where one of `required` is not there at all.
    """
    found: dict[int, dict[str, str]] = {}
    for name, value in parameters.items():
        key, index = _place(name)
        if key in _FIELDS:
            found.setdefault(index, {}).setdefault(key, value)
    if len(found) > 1 and _PLAIN in found and not _MAKING & found[_PLAIN].keys():
        del found[_PLAIN]
    if len(found) > MAX_SCROBBLES:
        raise LastfmError(
            INVALID_PARAMETERS, f"Invalid parameters - {len(found)} scrobbles, at most {MAX_SCROBBLES} in one call"
        )
    scrobbles = [Scrobble(index, fields) for index, fields in sorted(found.items())] or [Scrobble(_PLAIN, {})]
    for scrobble in scrobbles:
        for name in required:
            if name not in scrobble.fields:
                raise missing(scrobble.named(name))
    return scrobbles


def _place(name: str) -> tuple[str, int]:
    match = _INDEXED.fullmatch(name)
    if match is None or match[1].lower() not in _FIELDS:
        return name.lower(), _PLAIN
    if not name.endswith("]") or not _INDEX.fullmatch(match[2]):
        raise unusable(name[:100], "a whole number from 0 on as index")
    return match[1].lower(), int(match[2])


def judge(scrobbles: list[Scrobble], listen_type: ListenType, now: int) -> list[Outcome]:
    """What becomes of each; at least one is taken. `now`: epoch seconds.

    A scrobble whose fault has a code in this protocol is ignored, and the others are taken. Where nothing is left to
    take, and for every other fault, the call fails with the validator's text and the place: the contract's answer.
    A player whose queue holds only such scrobbles gets rid of them with the first good one.
    """
    outcomes: list[Outcome] = []
    first: LastfmError | None = None
    for scrobble in scrobbles:
        try:
            listen = validate_listen(_listen(scrobble, listen_type), listen_type, now)
        except InvalidListenError as problem:
            refused = _refused(scrobble, problem.message)
            if problem.message not in IGNORED:
                raise refused from None
            first = first or refused
            outcomes.append(Outcome(scrobble, None, IGNORED[problem.message], problem.message))
            continue
        outcomes.append(Outcome(scrobble, listen, stored=_names(listen["track_metadata"])))
    taken = taken_of(outcomes)
    if first is not None and not taken:
        raise first
    if len(orjson.dumps(taken)) > MAX_LISTEN_SIZE * len(taken):
        raise LastfmError(INVALID_PARAMETERS, LISTEN_TOO_LARGE)
    return outcomes


def taken_of(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """The listens that are not ignored."""
    return [outcome.listen for outcome in outcomes if outcome.listen is not None]


def _refused(scrobble: Scrobble, message: str) -> LastfmError:
    place = "" if scrobble.index == _PLAIN else f" (scrobble [{scrobble.index}])"
    return LastfmError(INVALID_PARAMETERS, message + place)


def _names(track: Mapping[str, Any]) -> dict[str, str]:
    return {"artist": track["artist_name"], "track": track["track_name"], "album": track.get("release_name", "")}


def _listen(scrobble: Scrobble, listen_type: ListenType) -> dict[str, Any]:
    """In the native form. What players send for "not known", an empty text or a length of 0, is left out."""
    track: dict[str, Any] = {"artist_name": scrobble.get("artist"), "track_name": scrobble.get("track")}
    if scrobble.get("album"):
        track["release_name"] = scrobble.get("album")
    info: dict[str, Any] = {"submission_client": CLIENT}
    for name, key in _INFO.items():
        if scrobble.get(name).strip():
            info[key] = _plain_number(scrobble.get(name))
    if info.get("duration") == 0:
        del info["duration"]
    # Last.fm calls it the id of the track, and players send that of the recording or of the release's track: it stays
    # under the contract's name, and does not say which recording it was. Below additional_info, where the native form
    # has it. One that is no UUID says nothing and costs nobody a listen.
    mbid = canonical_uuid(scrobble.get("mbid"))
    if mbid is not None:
        info["track_mbid"] = mbid
    chosen = scrobble.get("chosenbyuser") or scrobble.get("choosenbyuser")
    info["choosen_by_user"] = _plain_number(chosen or "1")
    track["additional_info"] = info
    if listen_type == "playing_now":
        return {"track_metadata": track}
    return {"listened_at": scrobble.get("timestamp"), "track_metadata": track}


def _plain_number(text: str) -> int | str:
    return int(text) if _INDEX.fullmatch(text) else text


def element_of(outcome: Outcome, name: str, timestamp: str) -> Element:
    """How a scrobble is answered: `name` is scrobble or nowplaying, `timestamp` what is said of when it was."""
    scrobble = outcome.scrobble
    code = {"code": str(outcome.ignored)}
    children = (
        _corrected("track", scrobble.get("track"), outcome),
        _corrected("artist", scrobble.get("artist"), outcome),
        _corrected("album", scrobble.get("album"), outcome),
        Element("albumArtist", scrobble.get("albumartist") or scrobble.get("artist"), {"corrected": "0"}),
        Element("timestamp", timestamp),
        Element("ignoredMessage", outcome.reason or None, code),
    )
    return Element(name, children=children)


def _corrected(name: str, sent: str, outcome: Outcome) -> Element:
    stored = outcome.stored.get(name, sent)
    return Element(name, stored, {"corrected": str(int(stored != sent))})
