"""Pano Scrobbler's local file: JSON lines {timeMs, track, artist, album, durationMs, mediaPlayerName, ...}."""

from collections.abc import Iterator
from typing import Any

import orjson

from dumps.load.format import Format, RefusedItemError, epoch_seconds, play, understood
from dumps.load.source import Source
from jobs.listens.items import Brings, Item, LeftOut
from jobs.listens.lines import read_objects
from jobs.listens.validator import MAX_DURATION_MS

_LOOKED_AT = 20


def _recognises(source: Source) -> bool:
    return source.archive is None and any(map(_is_scrobble, source.head.splitlines()[:_LOOKED_AT]))


def _is_scrobble(line: bytes) -> bool:
    try:
        document = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and {"timeMs", "track", "artist"} <= document.keys()


def _read(source: Source) -> Iterator[Item]:
    for member, text in source.texts(lambda name: name.lower().endswith(".jsonl")):
        yield from read_objects(text, lambda row: understood(_understand, row), member=member)


def _understand(row: dict[str, Any]) -> Brings:
    if row.get("event", "scrobble") != "scrobble":
        return LeftOut("not a play but love, hate or the like")
    time, duration = row.get("timeMs"), row.get("durationMs")
    if isinstance(time, bool) or not isinstance(time, int):
        raise RefusedItemError(f"timeMs: expected milliseconds, got {str(time)[:40]}")
    known = isinstance(duration, int) and not isinstance(duration, bool) and 0 < duration <= MAX_DURATION_MS
    return play(
        epoch_seconds("timeMs", time),
        row.get("artist"),
        row.get("track"),
        row.get("album"),
        submission_client="Pano Scrobbler Archive Importer",
        media_player=row.get("mediaPlayerName") or row.get("mediaPlayerPackage"),
        media_player_version=row.get("mediaPlayerVersion"),
        release_artist_name=row.get("albumArtist"),
        duration_ms=duration if known else None,
    )


FORMAT = Format("panoscrobbler", "Pano Scrobbler's file (.jsonl)", _recognises, _read)
