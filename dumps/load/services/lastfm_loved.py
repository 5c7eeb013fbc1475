"""Pages of Last.fm's user.getLovedTracks, as tools save them: a page, or a list of pages.

Tracks are known by their names: Last.fm's track MBIDs are often of something else.
"""

import re
from collections.abc import Iterator
from typing import Any

from dumps.load.arrays import array_elements
from dumps.load.format import Format, epoch_seconds, part, understood
from dumps.load.source import Source
from jobs.listens.items import Brings, Item, LovedTrack
from jobs.listens.rows import body_of

_PAGE = re.compile(rb'\A(?:\xef\xbb\xbf)?[\s\[]*\{\s*"lovedtracks"\s*:')


def _recognises(source: Source) -> bool:
    return source.archive is None and _PAGE.match(source.head) is not None


def _read(source: Source) -> Iterator[Item]:
    number = 0
    for member, text in source.texts(lambda name: name.lower().endswith(".json")):
        for element in array_elements(text):
            for track in _tracks(element.value):
                number += 1
                yield Item(number, body_of(track), understood(_understand, track), member, "track")


def _tracks(value: Any) -> list[Any]:
    """Of a page, or of a list of them. A page of one track may have it without a list."""
    if isinstance(value, list):
        return [track for page in value for track in _tracks(page)]
    tracks = part(value, "lovedtracks", "track")
    if tracks is None:
        return [value]
    return tracks if isinstance(tracks, list) else [tracks]


def _understand(row: dict[str, Any]) -> Brings:
    loved_at = part(row, "date", "uts")
    return LovedTrack(
        part(row, "artist", "name") or part(row, "artist", "#text"),
        row.get("name"),
        None if loved_at is None else epoch_seconds("date", loved_at),
    )


FORMAT = Format("lastfm_loved", "pages of Last.fm's loved tracks (.json)", _recognises, _read)
