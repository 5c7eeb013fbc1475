"""A playlist as it is sent: the JSPF of create, judged and made one that can be kept."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.jspf import PLAYLIST_EXTENSION, RECORDING
from jobs.listens.msid import fold
from jobs.listens.playlists import NewPlaylist, held_users
from jobs.listens.validator import canonical_uuid
from webapi.annotations import cleaned
from webapi.db.tokens import Owner
from webapi.errors import BadRequestError, ForbiddenError

NO_PLAYLIST = "JSPF playlist requires 'playlist' element."
NO_TITLE = "JSPF playlist must contain a title element with the title of the playlist."
NO_PUBLIC = f"JSPF playlist.extension.{PLAYLIST_EXTENSION}.public field must be given."
NOT_PUBLIC = f"JSPF playlist.extension.{PLAYLIST_EXTENSION}.public field must contain a boolean."
NO_NAMES = f"JSPF playlist.extension.{PLAYLIST_EXTENSION}.collaborators must be a list of names."
NO_BOT = "Only approved playlist bots may make playlists for other users."
_EXAMPLE = f"{RECORDING}8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"

Sent = Mapping[str, Any]


def new_playlist(cursor: Cursor, owner: Owner, document: Sent, bots: Sequence[str]) -> NewPlaylist:
    """What `owner` may make of a JSPF document. `bots`: names of those who may make playlists for others.

    Raises BadRequestError with the contract's texts, ForbiddenError for `created_for` of somebody else.
    """
    playlist = _object("playlist", document.get("playlist"))
    if playlist is None:
        raise BadRequestError(NO_PLAYLIST)
    title = playlist.get("title")
    if not isinstance(title, str) or not title.strip():
        raise BadRequestError(NO_TITLE)
    extensions = _object("extension", playlist.get("extension")) or {}
    said = _object(PLAYLIST_EXTENSION, extensions.get(PLAYLIST_EXTENSION)) or {}
    bot = fold(owner.name) in map(fold, bots)
    asked_for = said.get("created_for")
    created_for = _name("created_for", playlist.get("created_for") if asked_for is None else asked_for)
    if created_for is not None and not bot:
        raise ForbiddenError(NO_BOT)
    given = _object("additional_metadata", said.get("additional_metadata"))
    metadata = given if bot else None
    names = _names(said.get("collaborators"))
    found = held_users(cursor, [*names, *([] if created_for is None else [created_for])])
    return NewPlaylist(
        title=_storable("title", title),
        public=_public(said),
        recordings=list(_recordings(playlist.get("track"))),
        annotation=_annotation(playlist.get("annotation"), bot),
        collaborators=_collaborators(names, found, owner),
        created_for=None if created_for is None else _there(found, created_for, "User"),
        additional_metadata=None if metadata is None else orjson.dumps(metadata).decode(),
        source_patch=None if metadata is None else _source_patch(metadata),
    )


def _public(said: Sent) -> bool:
    public = said.get("public")
    if public is None:
        raise BadRequestError(NO_PUBLIC)
    if not isinstance(public, bool):
        raise BadRequestError(NOT_PUBLIC)
    return public


def _recordings(tracks: object) -> Iterator[UUID]:
    if tracks is None:
        return
    if not isinstance(tracks, list):
        raise BadRequestError("JSPF playlist.track must be a list of tracks.")
    for place, track in enumerate(tracks):
        mbid = _recording(track.get("identifier")) if isinstance(track, dict) else None
        if mbid is None:
            raise BadRequestError(
                f"JSPF playlist track {place} must contain a identifier field having a fully qualified URI to a "
                f"recording_mbid. (e.g. {_EXAMPLE})"
            )
        yield UUID(mbid)


def _recording(identifier: object) -> str | None:
    """Of an identifier, or of the first that is a recording's among several."""
    several = identifier if isinstance(identifier, list) else [identifier]
    uris = (one.removeprefix(RECORDING) for one in several if isinstance(one, str) and one.startswith(RECORDING))
    return next((mbid for mbid in map(canonical_uuid, uris) if mbid is not None), None)


def _annotation(html: object, bot: bool) -> str | None:
    if html is None:
        return None
    if not isinstance(html, str):
        raise BadRequestError("JSPF playlist.annotation must be a string.")
    return _storable("annotation", html if bot else cleaned(html)) or None


def _names(names: object) -> list[str]:
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise BadRequestError(NO_NAMES)
    return names


def _collaborators(names: Sequence[str], found: Mapping[str, int], owner: Owner) -> list[int]:
    ids = [_there(found, name, "Collaborator") for name in names]
    return [one for one in dict.fromkeys(ids) if one != owner.user_id]


def _there(found: Mapping[str, int], name: str, who: str) -> int:
    user_id = found.get(fold(name))
    if user_id is None:
        raise BadRequestError(f"{who} {name} doesn't exist")
    return user_id


def _name(key: str, name: object) -> str | None:
    if name is None or name == "":
        return None
    if not isinstance(name, str):
        raise BadRequestError(f"JSPF playlist {key} must be the name of a user.")
    return name


def _source_patch(metadata: Sent) -> str | None:
    algorithm = metadata.get("algorithm_metadata")
    patch = algorithm.get("source_patch") if isinstance(algorithm, dict) else None
    return _storable("source_patch", patch) if isinstance(patch, str) else None


def _object(name: str, value: object) -> Sent | None:
    """An object, or None where there is none."""
    if value is not None and not isinstance(value, dict):
        raise BadRequestError(f"JSPF {name} must be a json object.")
    return value


def _storable(name: str, text: str) -> str:
    """No text of the database can have U+0000."""
    if "\0" in text:
        raise BadRequestError(f"JSPF playlist {name} contains a unicode null")
    return text
