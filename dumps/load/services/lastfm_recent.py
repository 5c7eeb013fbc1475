"""Pages of Last.fm's user.getRecentTracks, as many tools save them: a page, a list of pages, or a list of tracks.

What is playing has no time yet, so it is left out.
"""

import re
from collections.abc import Iterator
from typing import Any

from dumps.load.arrays import array_elements
from dumps.load.format import Format, epoch_seconds, mbid, part, play, understood
from dumps.load.source import Source
from jobs.listens.items import Brings, Item, LeftOut
from jobs.listens.rows import body_of

_PAGE = re.compile(
    rb'\A(?:\xef\xbb\xbf)?[\s\[]*\{\s*(?:"recenttracks"\s*:\s*\{\s*)?(?:"@attr"\s*:\s*\{[^{}]*\}\s*,\s*)?"track"\s*:\s*\['
)
_TRACK = re.compile(rb'\A(?:\xef\xbb\xbf)?[\s\[]*\{[^\[]*"artist"\s*:\s*\{[^{}]*"#text"')


def _recognises(source: Source) -> bool:
    return source.archive is None and bool(_PAGE.match(source.head) or _TRACK.match(source.head))


def _read(source: Source) -> Iterator[Item]:
    number = 0
    for member, text in source.texts(lambda name: name.lower().endswith(".json")):
        for element in array_elements(text):
            for track in _tracks(element.value):
                number += 1
                yield Item(number, body_of(track), understood(_understand, track), member, "track")


def _tracks(value: Any) -> list[Any]:
    """Of a page, of a page with its frame, of a list of either; one track alone."""
    if isinstance(value, list):
        return [track for one in value for track in _tracks(one)]
    page = value.get("recenttracks", value) if isinstance(value, dict) else value
    if isinstance(page, dict) and "track" in page:
        tracks = page["track"]
        return tracks if isinstance(tracks, list) else [tracks]
    return [value]


def _understand(row: dict[str, Any]) -> Brings:
    if part(row, "@attr", "nowplaying") == "true" or "date" not in row:
        return LeftOut("playing when the page was fetched")
    artist = mbid(part(row, "artist", "mbid"))
    return play(
        epoch_seconds("date", part(row, "date", "uts") or part(row, "date", "#text")),
        part(row, "artist", "#text") or part(row, "artist", "name"),
        row.get("name"),
        part(row, "album", "#text"),
        submission_client="Last.fm Archive Importer",
        artist_mbids=[artist] if artist else None,
        release_mbid=mbid(part(row, "album", "mbid")),
        lastfm_track_mbid=mbid(row.get("mbid")),
    )


FORMAT = Format("lastfm_recent", "pages of Last.fm's recent tracks (.json)", _recognises, _read)
