"""Maloja's export: {"maloja": ..., "scrobbles": [{time, duration, origin, track {title, artists, length, album}}]}."""

from collections.abc import Iterator
from typing import Any

from dumps.load.format import Format, RefusedItemError, epoch_seconds, part, play, read_array, whole_seconds
from dumps.load.heads import first_object
from dumps.load.source import Source
from jobs.listens.items import Brings, Item


def _recognises(source: Source) -> bool:
    return any(part(first_object(head, "scrobbles"), "track", "artists") for head in source.heads(lambda _: False))


def _read(source: Source) -> Iterator[Item]:
    return read_array(source, "scrobbles", _understand)


def _understand(row: dict[str, Any]) -> Brings:
    artists = part(row, "track", "artists")
    if not isinstance(artists, list) or not all(isinstance(artist, str) for artist in artists):
        raise RefusedItemError("track.artists: expected a list of names")
    origin = row.get("origin")
    return play(
        epoch_seconds("time", row.get("time")),
        ", ".join(artists),
        part(row, "track", "title"),
        part(row, "track", "album", "albumtitle"),
        submission_client="Maloja Archive Importer",
        media_player=origin.removeprefix("client:") if isinstance(origin, str) and _says(origin) else None,
        duration=whole_seconds(part(row, "track", "length")),
        duration_played=whole_seconds(row.get("duration")),
    )


def _says(origin: str) -> bool:
    """A client with a name; Maloja calls those without one `default`."""
    return origin.startswith("client:") and origin not in ("client:default", "client:")


FORMAT = Format("maloja", "Maloja export (.json)", _recognises, _read)
