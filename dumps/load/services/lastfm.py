"""The official export of Last.fm: arrays of {timestamp, track, uncorrectedTrack, album}, one file or the zip.

The names are those Last.fm shows (`track`), as in its pages of recent tracks: a play brought in both ways stays one.
Its track MBIDs are often of something else, so they are kept under a name of their own.
"""

from collections.abc import Iterator
from typing import Any

from dumps.load.format import Format, epoch_seconds, json_file, mbid, part, play, read_array
from dumps.load.heads import first_object
from dumps.load.source import Source
from jobs.listens.items import Brings, Item


def _recognises(source: Source) -> bool:
    firsts = [first_object(head) for head in source.heads(json_file)]
    return any(part(first, "timestamp", "unixtimestamp") is not None and "track" in first for first in firsts)


def _read(source: Source) -> Iterator[Item]:
    return read_array(source, None, _understand)


def _understand(row: dict[str, Any]) -> Brings:
    artist = mbid(part(row, "track", "artist", "mbid"))
    return play(
        epoch_seconds("timestamp", part(row, "timestamp", "unixtimestamp") or part(row, "timestamp", "iso")),
        part(row, "track", "artist", "name"),
        part(row, "track", "name"),
        part(row, "album", "name"),
        submission_client="Last.fm Archive Importer",
        artist_mbids=[artist] if artist else None,
        release_mbid=mbid(part(row, "album", "mbid")),
        lastfm_track_mbid=mbid(part(row, "track", "mbid")),
    )


FORMAT = Format("lastfm", "official export of Last.fm (.json or the .zip)", _recognises, _read)
