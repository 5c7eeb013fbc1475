"""Playlists: made by users, and for them; read one by one and as lists (api.md 4)."""

from collections.abc import Sequence
from uuid import UUID

from flask import Blueprint, Response
from werkzeug.exceptions import MethodNotAllowed

from jobs.jspf import (
    PLAYLIST_EXTENSION,
    RECORDING,
    TRACK_EXTENSION,
    Playlist,
    bare_track,
    playlist_document,
)
from jobs.listens.playlists import create_playlist, entries_of, find_playlist, playlists_by, playlists_for
from jobs.listens.validator import canonical_uuid
from webapi.auth import optional_owner, require_owner
from webapi.bodies import read_body, read_object
from webapi.errors import BadRequestError, NotFoundError, reply
from webapi.named_tracks import named_tracks
from webapi.openapi import parameters
from webapi.openapi.declare import Answer, Body, Parameter, describes
from webapi.openapi.schemas import COUNT, TEXT, closed, component
from webapi.openapi.schemas import UUID as UUID_SCHEMA
from webapi.parameters import DEFAULT_ITEMS_PER_GET, non_negative, true_or_false, user_of_path
from webapi.playlists import new_playlist
from webapi.services import services

blueprint = Blueprint("playlists", __name__, url_prefix="/1")

_URI = {"type": "string", "format": "uri"}
_RECORDING = {"type": "string", "pattern": f"^{RECORDING}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$"}
_MOMENT = {"type": "string", "format": "date-time"}
_TRACK = closed(
    {
        "identifier": {"type": "array", "items": _URI, "minItems": 1, "maxItems": 1},
        "title": {**TEXT, "description": "Empty where nobody here knows the recording."},
        "creator": TEXT,
        "album": TEXT,
        "extension": closed(
            {
                TRACK_EXTENSION: closed(
                    {
                        "added_by": TEXT,
                        "added_at": _MOMENT,
                        "artist_identifiers": {"type": "array", "items": _URI},
                        "release_identifier": _URI,
                        "additional_metadata": {"type": "object"},
                    },
                    optional=("artist_identifiers", "release_identifier", "additional_metadata"),
                )
            }
        ),
    },
    optional=("title", "creator", "album"),
)
_SAID = closed(
    {
        "public": {"type": "boolean"},
        "creator": TEXT,
        "last_modified_at": _MOMENT,
        "copied_from_mbid": _URI,
        "copied_from_deleted": {"const": True},
        "created_for": TEXT,
        "collaborators": {"type": "array", "items": TEXT},
        "additional_metadata": {"type": "object"},
    },
    optional=("copied_from_mbid", "copied_from_deleted", "created_for", "collaborators", "additional_metadata"),
)
_PLAYLIST = closed(
    {
        "playlist": closed(
            {
                "creator": TEXT,
                "title": TEXT,
                "identifier": _URI,
                "date": _MOMENT,
                "annotation": {**TEXT, "description": "HTML."},
                "extension": closed({PLAYLIST_EXTENSION: _SAID}),
                "track": {"type": "array", "items": _TRACK},
            },
            optional=("annotation",),
        )
    }
)
_LIST = closed(
    {
        "playlists": {"type": "array", "items": _PLAYLIST},
        "playlist_count": {**COUNT, "description": "How many there are in all."},
        "count": {**COUNT, "description": "As it was asked for."},
        "offset": COUNT,
    }
)
_COUNT = Parameter(
    "count", parameters.COUNT.schema, "How many playlists are wanted, without a limit; 0: all of them.", example=2
)
_FETCH = Parameter(
    "fetch_metadata", {"enum": ["true", "false", ""], "default": "true"}, "false: tracks by their identifiers alone."
)
_SENT = Body(
    {
        "type": "object",
        "required": ["playlist"],
        "properties": {
            "playlist": {
                "type": "object",
                "required": ["title", "extension"],
                "properties": {
                    "title": {"type": "string", "pattern": r"\S", "description": "Not blank."},
                    "annotation": {"type": ["string", "null"], "description": "HTML; what only looks stays of it."},
                    "extension": {
                        "type": "object",
                        "required": [PLAYLIST_EXTENSION],
                        "properties": {
                            PLAYLIST_EXTENSION: {
                                "type": "object",
                                "required": ["public"],
                                "properties": {
                                    "public": {"type": "boolean"},
                                    "collaborators": {
                                        "anyOf": [
                                            {"type": "array", "items": {"type": "string", "minLength": 1}},
                                            {"type": "null"},
                                        ],
                                        "description": "Names of users; of yourself, or twice, is passed over.",
                                    },
                                    "created_for": {
                                        "type": ["string", "null"],
                                        "description": "A user; of approved bots only.",
                                    },
                                    "additional_metadata": {
                                        "type": ["object", "null"],
                                        "description": "Of approved bots; passed over of others. With "
                                        "algorithm_metadata.source_patch it replaces the bot's last for that user.",
                                    },
                                },
                            }
                        },
                    },
                    "track": {
                        "type": ["array", "null"],
                        "items": {
                            "type": "object",
                            "required": ["identifier"],
                            "properties": {
                                "identifier": {
                                    "anyOf": [_RECORDING, {"type": "array", "contains": _RECORDING}],
                                    "description": "Of several the first that is a recording's counts.",
                                }
                            },
                        },
                    },
                },
            }
        },
    },
    {
        "playlist": {
            "title": "Sunday morning",
            "extension": {PLAYLIST_EXTENSION: {"public": True}},
            "track": [{"identifier": "https://musicbrainz.org/recording/d23f4719-9212-49f0-ad08-ddbfbfc50d6f"}],
        }
    },
    "JSPF; what else is in it is passed over.",
)


@blueprint.post("/playlist/create")
@describes(
    "Make a playlist",
    group="Playlists",
    auth="required",
    body=_SENT,
    answers={
        200: Answer("It is made.", closed({"status": {"const": "ok"}, "playlist_mbid": UUID_SCHEMA})),
        403: Answer("It is for another user, and yours is no approved bot.", component("Error")),
    },
)
def create() -> Response:
    """Each time another one, of as many recordings as there are, any of them more than once."""
    owner = require_owner()
    document, here = read_object(read_body()), services()
    with here.pool.transaction() as cursor:
        new = new_playlist(cursor, owner, document, here.settings.playlist_bot_names)
        mbid = create_playlist(cursor, owner.user_id, new)
    return reply({"status": "ok", "playlist_mbid": str(mbid)})


@blueprint.get("/playlist/<playlist_mbid>")
@describes(
    "A playlist with its recordings",
    group="Playlists",
    auth="optional",
    parameters=(_FETCH,),
    answers={
        200: Answer("JSPF.", _PLAYLIST),
        400: Answer("That is no MBID.", component("Error")),
        404: Answer("There is none, or it is private and not yours.", component("Error")),
    },
)
def get_playlist(playlist_mbid: str) -> Response:
    """A private one is told its creator and collaborators; to all others it is not there.

    Names are those of the job that made it, else as its creator, or whom it was made for, has heard the recording.
    """
    if playlist_mbid == "create":
        raise MethodNotAllowed(["OPTIONS", "POST"])
    owner, named = optional_owner(), true_or_false("fetch_metadata", default=True)
    found_mbid = canonical_uuid(playlist_mbid)
    if found_mbid is None:
        raise BadRequestError("Provided playlist ID is invalid.")
    with services().pool.transaction() as cursor:
        found = find_playlist(cursor, UUID(found_mbid), None if owner is None else owner.user_id)
        if found is None:
            raise NotFoundError(f"Cannot find playlist: {playlist_mbid}")
        entries = entries_of(cursor, found.id)
        tracks = named_tracks(cursor, found, entries) if named else [bare_track(entry) for entry in entries]
    return reply(playlist_document(found, tracks))


@blueprint.get("/user/<path:user_name>/playlists")
@describes(
    "Playlists of a user",
    group="Playlists",
    auth="optional",
    parameters=(_COUNT, parameters.OFFSET),
    answers={200: Answer("A page, the newest first; without tracks.", _LIST)},
)
def of_user(user_name: str) -> Response:
    """Those that she made; private ones only to herself."""
    owner, count, offset = optional_owner(), _count(), non_negative("offset", 0)
    with services().pool.transaction() as cursor:
        user = user_of_path(cursor, user_name)
        viewer = None if owner is None else owner.user_id
        found, total = playlists_by(cursor, user.id, viewer, count or None, offset)
    return _page(found, total, count, offset)


@blueprint.get("/user/<path:user_name>/playlists/createdfor")
@describes(
    "Playlists made for a user",
    group="Playlists",
    parameters=(_COUNT, parameters.OFFSET),
    answers={200: Answer("A page, the newest first; without tracks.", _LIST)},
)
def for_user(user_name: str) -> Response:
    """By approved bots, and here: weekly jams, weekly exploration, daily jams."""
    count, offset = _count(), non_negative("offset", 0)
    with services().pool.transaction() as cursor:
        user = user_of_path(cursor, user_name)
        found, total = playlists_for(cursor, user.id, count or None, offset)
    return _page(found, total, count, offset)


def _count() -> int:
    """0: all."""
    return non_negative("count", DEFAULT_ITEMS_PER_GET)


def _page(found: Sequence[Playlist], total: int, count: int, offset: int) -> Response:
    playlists = [playlist_document(one, []) for one in found]
    return reply({"playlists": playlists, "playlist_count": total, "count": count, "offset": offset})
