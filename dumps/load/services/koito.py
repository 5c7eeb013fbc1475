"""Koito's export: {"version", "user", "listens": [{listened_at, client, track, album, artists}]}, names as aliases."""

from collections.abc import Iterator
from typing import Any

from dumps.load.format import (
    Format,
    RefusedItemError,
    epoch_seconds,
    mbid,
    part,
    play,
    read_array,
    whole_seconds,
)
from dumps.load.heads import first_object
from dumps.load.source import Source
from jobs.listens.items import Brings, Item


def _recognises(source: Source) -> bool:
    firsts = (first_object(head, "listens") for head in source.heads(lambda _: False))
    return any(isinstance(part(first, "track", "aliases"), list) and "artists" in first for first in firsts)


def _read(source: Source) -> Iterator[Item]:
    return read_array(source, "listens", _understand)


def _understand(row: dict[str, Any]) -> Brings:
    artists = row.get("artists")
    if not isinstance(artists, list) or not artists:
        raise RefusedItemError("artists: expected a list of artists")
    names = [_name("artists", artist) for artist in artists]
    mbids = [mbid(part(artist, "mbid")) for artist in artists]
    client = row.get("client")
    album = row.get("album")
    return play(
        epoch_seconds("listened_at", row.get("listened_at")),
        ", ".join(names),
        _name("track", row.get("track")),
        _name("album", album) if part(album, "aliases") else None,
        submission_client="Koito Archive Importer",
        media_player=client if isinstance(client, str) else None,
        duration=whole_seconds(part(row, "track", "duration")),
        recording_mbid=mbid(part(row, "track", "mbid")),
        release_mbid=mbid(part(album, "mbid")),
        # Ids of some artists only would stand for all of them.
        artist_mbids=mbids if all(mbids) else None,
    )


def _name(what: str, thing: object) -> str:
    """The primary alias, else the first one."""
    aliases = part(thing, "aliases")
    given = [a for a in aliases if isinstance(part(a, "alias"), str)] if isinstance(aliases, list) else []
    if not given:
        raise RefusedItemError(f"{what}: expected aliases with a name")
    chosen = next((alias for alias in given if alias.get("is_primary") is True), given[0])
    return str(chosen["alias"])


FORMAT = Format("koito", "Koito export (.json)", _recognises, _read)
