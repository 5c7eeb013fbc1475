"""user.*: who a user is, and what she listened to last. Anybody may read both, as with the native API."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.feedback import LOVE, scores_of
from jobs.listens.mapping import Resolved, resolve
from jobs.listens.msid import msid_of
from jobs.listens.users import User, find_user
from webapi.db.listens import totals
from webapi.db.playing_now import get_playing_now
from webapi.db.recent_tracks import END, RecentTrack, count_listens, recent_tracks
from webapi.lastfm.errors import UNKNOWN_USER, LastfmError, missing
from webapi.lastfm.method import Call, Method
from webapi.lastfm.render import Element
from webapi.parameters import MAX_NAME
from webapi.services import services

DEFAULT_LIMIT, MAX_LIMIT = 50, 1000
"""Listens of a page. Last.fm's documents say 200 at most, players ask for up to 1000; more is clamped."""
_SIZES = ("small", "medium", "large", "extralarge")


def get_info(call: Call) -> tuple[Element, ...]:
    """The user named, else the user of the session."""
    name = _whose(call)
    with services().pool.transaction() as cursor:
        user = _user(cursor, name)
        count = totals(cursor, user.id).listen_count
    registered = {"unixtime": str(int(user.created.timestamp()))}
    children = (
        Element("name", user.name),
        Element("realname", ""),
        Element("url", f"{services().settings.url}/user/{quote(user.name, safe='')}"),
        Element("country", ""),
        *_not_known(),
        Element("playcount", str(count)),
        Element("registered", f"{user.created.astimezone(UTC):%Y-%m-%d %H:%M}", registered),
        *_images(),
    )
    return (Element("user", children=children),)


def get_recent_tracks(call: Call) -> tuple[Element, ...]:
    """A page of listens, newest first: from `from` on, before `to`. What plays now goes before the first page."""
    name, given = _whose(call), call.parameters
    limit = min(given.number("limit", DEFAULT_LIMIT, least=1), MAX_LIMIT)
    page = given.number("page", 1, least=1)
    from_ts, to_ts = given.number("from", 0), given.number("to", END)
    extended = given.get("extended") == "1"
    with services().pool.transaction() as cursor:
        user = _user(cursor, name)
        total = count_listens(cursor, user.id, from_ts=from_ts, to_ts=to_ts)
        offset = (page - 1) * limit
        bounds = {"from_ts": from_ts, "to_ts": to_ts}
        rows = recent_tracks(cursor, user.id, **bounds, limit=limit, offset=offset) if offset < total else []
        playing = get_playing_now(cursor, user.id) if page == 1 and to_ts == END else None
        shown = [_listened(row) for row in rows] if playing is None else [_playing(playing), *map(_listened, rows)]
        tracks = _tracks(cursor, user.id, shown, extended)
    attributes = {
        "user": user.name,
        "page": str(page),
        "perPage": str(limit),
        "totalPages": str(-(-total // limit)),
        "total": str(total),
    }
    # Last.fm itself always sends a list, and the attributes below @attr: what web pages show of a user reads them.
    return (Element("recenttracks", None, attributes, tracks, listed=("track",), grouped=True),)


def _not_known() -> tuple[Element, ...]:
    """What Last.fm says of a user and is not asked for here: clients that read all of it fail without."""
    said = {"age": "0", "gender": "n", "subscriber": "0", "playlists": "0", "bootstrap": "0", "type": "user"}
    return tuple(Element(name, text) for name, text in said.items())


def _whose(call: Call) -> str:
    """A session that comes along must be good, also where the call would do without."""
    owner = call.owner().name if call.parameters.get("sk") else None
    name = call.parameters.get("user") or owner
    if name is None:
        raise missing("user")
    return name


def _user(cursor: Cursor, name: str) -> User:
    user = find_user(cursor, name) if len(name) <= MAX_NAME else None
    if user is None:
        raise LastfmError(UNKNOWN_USER)
    return user


@dataclass(frozen=True)
class _Shown:
    """A track of the answer."""

    msid: UUID
    artist: str
    track: str
    release: str | None
    listened_at: int | None
    """None: it plays now."""
    info: dict[str, Any]


def _listened(row: RecentTrack) -> _Shown:
    info = orjson.loads(row.additional_info)
    return _Shown(row.recording_msid, row.artist_name, row.track_name, row.release_name, row.listened_at, info)


def _playing(track: dict[str, Any]) -> _Shown:
    release = track.get("release_name")
    return _Shown(msid_of(track), track["artist_name"], track["track_name"], release, None, track["additional_info"])


def _tracks(cursor: Cursor, user_id: int, shown: list[_Shown], extended: bool) -> tuple[Element, ...]:
    mapped = resolve(cursor, [(user_id, one.msid, one.info) for one in shown])
    if not extended:
        return tuple(_track(one, known, None) for one, known in zip(shown, mapped, strict=True))
    recordings = [(one.msid, known.recording_mbid) for one, known in zip(shown, mapped, strict=True)]
    scores = scores_of(cursor, user_id, recordings)
    return tuple(_track(one, known, score == LOVE) for one, known, score in zip(shown, mapped, scores, strict=True))


def _track(shown: _Shown, mapped: Resolved, loved: bool | None) -> Element:
    """`loved` None: the short form."""
    recording = mapped.recording_mbid or ""
    artist_mbid = mapped.artist_mbids[0] if mapped.artist_mbids else ""
    children = [
        _artist(shown.artist, artist_mbid, loved is not None),
        Element("name", shown.track),
        Element("streamable", "0"),
        Element("mbid", recording),
        Element("album", shown.release or "", {"mbid": mapped.release_mbid or ""}),
        Element("url", f"https://musicbrainz.org/recording/{recording}" if recording else ""),
        *_images(),
    ]
    if loved is not None:
        children.append(Element("loved", str(int(loved))))
    if shown.listened_at is None:
        return Element("track", None, {"nowplaying": "true"}, tuple(children), grouped=True)
    date = f"{datetime.fromtimestamp(shown.listened_at, UTC):%d %b %Y, %H:%M}"
    children.append(Element("date", date, {"uts": str(shown.listened_at)}))
    return Element("track", children=tuple(children))


def _artist(name: str, mbid: str, extended: bool) -> Element:
    if not extended:
        return Element("artist", name, {"mbid": mbid})
    return Element("artist", children=(Element("name", name), Element("mbid", mbid), Element("url", ""), *_images()))


def _images() -> tuple[Element, ...]:
    """We have none; what shows a user's tracks on a web page takes the third without asking."""
    return tuple(Element("image", "", {"size": size}) for size in _SIZES)


METHODS = {
    "user.getinfo": Method(get_info),
    "user.getrecenttracks": Method(get_recent_tracks),
}
