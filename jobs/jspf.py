"""JSPF, the form in which playlists are told: with MusicBrainz's extensions, as ListenBrainz writes it (api.md 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

CREATOR = "listenlake"
"""Of playlists that no user made."""
DELETED = "deleted_lb_user"
"""Shown for whoever put a recording there and is gone."""
PLAYLIST_EXTENSION = "https://musicbrainz.org/doc/jspf#playlist"
TRACK_EXTENSION = "https://musicbrainz.org/doc/jspf#track"
MUSICBRAINZ = "https://musicbrainz.org"
RECORDING = f"{MUSICBRAINZ}/recording/"
PLAYLIST = "https://listenbrainz.org/playlist/"
"""On every server: clients parse it."""


@dataclass(frozen=True)
class Playlist:
    """A playlist that is kept, without its recordings; people by name."""

    id: int
    mbid: UUID
    creator_id: int | None
    creator: str | None
    """None: made here, by a job."""
    title: str
    annotation: str | None
    """HTML."""
    public: bool
    created: datetime
    last_modified: datetime
    created_for_id: int | None
    created_for: str | None
    additional_metadata: str | None
    """JSON object."""
    copied_from: UUID | None
    source_is_there: bool
    """Of a copy: whether the playlist it was made from still is."""
    collaborators: Sequence[str]
    """Sorted."""


@dataclass(frozen=True)
class Entry:
    """A recording in a playlist."""

    recording_mbid: UUID
    added_by: str | None
    """None: whoever did is gone, or it was a job."""
    added_at: datetime
    known: Mapping[str, Any] | None
    """What the job knew that put it there, as `named_track` takes it."""


def playlist_document(playlist: Playlist, tracks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The whole document. What there is none of has no key."""
    creator = playlist.creator or CREATOR
    document: dict[str, Any] = {
        "creator": creator,
        "title": playlist.title,
        "identifier": f"{PLAYLIST}{playlist.mbid}",
        "date": playlist.created.isoformat(),
        "extension": {PLAYLIST_EXTENSION: _extension(playlist, creator)},
        "track": list(tracks),
    }
    if playlist.annotation:
        document["annotation"] = playlist.annotation
    return {"playlist": document}


def _extension(playlist: Playlist, creator: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "public": playlist.public,
        "creator": creator,
        "last_modified_at": playlist.last_modified.isoformat(),
    }
    if playlist.copied_from is not None:
        copied = {"copied_from_mbid": f"{PLAYLIST}{playlist.copied_from}"}
        said |= copied if playlist.source_is_there else {"copied_from_deleted": True}
    if playlist.created_for is not None:
        said["created_for"] = playlist.created_for
    if playlist.collaborators:
        said["collaborators"] = list(playlist.collaborators)
    if playlist.additional_metadata is not None:
        said["additional_metadata"] = orjson.loads(playlist.additional_metadata)
    return said


def bare_track(entry: Entry) -> dict[str, Any]:
    """A track by its identifier alone."""
    adder = entry.added_by or (DELETED if entry.known is None else CREATOR)
    return {
        "identifier": [f"{RECORDING}{entry.recording_mbid}"],
        "extension": {TRACK_EXTENSION: {"added_by": adder, "added_at": entry.added_at.isoformat()}},
    }


def named_track(bare: Mapping[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The track with all that is known of its recording; of one that nothing is known of the title is empty.

    `known`: track_name, artist_name, artist_mbids; and where there are any release_name, release_mbid, artists,
    caa_id, caa_release_mbid.
    """
    if known is None:
        return {**bare, "title": ""}
    extension = {
        **bare["extension"][TRACK_EXTENSION],
        "artist_identifiers": [f"{MUSICBRAINZ}/artist/{mbid}" for mbid in known["artist_mbids"]],
        "additional_metadata": {
            name: known[name] for name in ("artists", "caa_id", "caa_release_mbid") if known.get(name)
        },
    }
    if known.get("release_mbid"):
        extension["release_identifier"] = f"{MUSICBRAINZ}/release/{known['release_mbid']}"
    album = {"album": known["release_name"]} if known.get("release_name") else {}
    return {
        "identifier": bare["identifier"],
        "title": known["track_name"],
        "creator": known["artist_name"],
        **album,
        "extension": {TRACK_EXTENSION: extension},
    }
