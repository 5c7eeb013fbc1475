"""The MSID: one id for a recording as submitted, whatever the case, padding or Unicode form of its text.

UUIDv5, in a fixed namespace, of the JSON array [artist, track, release, track number, duration in ms]; absent is null.
"""

import hashlib
from collections.abc import Mapping
from typing import Any
from unicodedata import normalize
from uuid import UUID

import orjson

NAMESPACE = UUID("b1d8a2c4-6f0e-5c57-9a3d-2e7f4c1b8d90")
"""Never change it: every stored MSID is made with it."""

_NAMESPACE_BYTES = NAMESPACE.bytes


def fold(text: str) -> str:
    """The key of a text that people write in many ways: NFC, trimmed, case-folded (and composed again)."""
    if text.isascii():
        return text.strip().lower()
    return normalize("NFC", normalize("NFC", text).strip().casefold())


def recording_msid(
    artist_name: str,
    track_name: str,
    release_name: str | None,
    track_number: str | None,
    duration_ms: int | None,
) -> UUID:
    """The MSID of five fields; duration in milliseconds, blank text is the same as none."""
    fields = (
        fold(artist_name),
        fold(track_name),
        (fold(release_name) or None) if release_name else None,
        (fold(track_number) or None) if track_number else None,
        duration_ms,
    )
    digest = hashlib.sha1(_NAMESPACE_BYTES + orjson.dumps(fields), usedforsecurity=False).digest()
    return UUID(bytes=digest[:16], version=5)


def msid_of(track_metadata: Mapping[str, Any]) -> UUID:
    """The MSID of a validated listen's track_metadata: names, additional_info's track number and duration."""
    info = track_metadata.get("additional_info") or {}
    return recording_msid(
        track_metadata["artist_name"],
        track_metadata["track_name"],
        track_metadata.get("release_name"),
        _track_number(info),
        _duration_ms(info),
    )


def _track_number(info: Mapping[str, Any]) -> str | None:
    value = info.get("track_number")
    if value is None:
        value = info.get("tracknumber")
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _duration_ms(info: Mapping[str, Any]) -> int | None:
    milliseconds = info.get("duration_ms")
    if type(milliseconds) is int:
        return milliseconds
    seconds = info.get("duration")
    return seconds * 1000 if type(seconds) is int else None
