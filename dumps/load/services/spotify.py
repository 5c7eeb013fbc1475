"""Spotify's extended streaming history: Streaming_History_Audio_*.json or endsong_*.json, alone or in the zip.

`ts` is taken as the time of the listen, although Spotify writes it when a play ends: so do the importers of other
servers, and the same play brought in here and there stays one.
"""

import re
from collections.abc import Iterator
from typing import Any

from dumps.load.format import Format, epoch_seconds, json_file, play, read_array, whole_seconds
from dumps.load.heads import first_object
from dumps.load.source import Source
from jobs.listens.items import Brings, Item, LeftOut

SHORT_MS = 30_000
_SKIPS = frozenset(("fwdbtn", "backbtn", "clickrow", "playbtn", "endplay"))
"""Why a play ended: its listener chose another one."""
_TRACK = re.compile(r"spotify:track:([0-9A-Za-z]{10,40})", re.ASCII)


def _audio(name: str) -> bool:
    file = name.rsplit("/", 1)[-1].lower()
    return json_file(name) and ("audio" in file or "endsong" in file)


def _recognises(source: Source) -> bool:
    return any("ms_played" in first_object(head) and "ts" in first_object(head) for head in source.heads(_audio))


def _read(source: Source) -> Iterator[Item]:
    return read_array(source, None, _understand, _audio)


def _understand(row: dict[str, Any]) -> Brings:
    if row.get("incognito_mode") is True:
        return LeftOut("played in a private session")
    if row.get("master_metadata_track_name") is None:
        return LeftOut("a podcast, an audiobook, or a track without a name")
    if _is_skipped(row):
        return LeftOut("skipped within 30 seconds")
    match = _TRACK.fullmatch(str(row.get("spotify_track_uri")))
    address = f"https://open.spotify.com/track/{match[1]}" if match else None
    return play(
        epoch_seconds("ts", row.get("ts")),
        row.get("master_metadata_album_artist_name"),
        row.get("master_metadata_track_name"),
        row.get("master_metadata_album_album_name") or row.get("master_metadata_album_name"),
        submission_client="Spotify Archive Importer",
        music_service="spotify.com",
        origin_url=address,
        spotify_id=address,
        duration_played=whole_seconds(row.get("ms_played"), 1000),
    )


def _is_skipped(row: dict[str, Any]) -> bool:
    played = row.get("ms_played")
    short = isinstance(played, int | float) and played < SHORT_MS
    return short and (row.get("skipped") is True or row.get("reason_end") in _SKIPS)


FORMAT = Format("spotify", "Spotify extended streaming history (.zip or one .json)", _recognises, _read)
