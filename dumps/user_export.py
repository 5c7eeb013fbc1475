"""Everything of one user as a zip in the form of ListenBrainz's user export, made while it is sent.

user.json; listens/YEAR/MONTH.jsonl in UTC, oldest first; feedback.jsonl; pinned_recording.jsonl (empty: pins are not
kept yet). ListenBrainz does not have recommendation_feedback.jsonl, what was said of recommendations, nor
settings.json: time zone and exclusions, nor playlists.jsonl: those of the user and those made for her, each line a JSPF
document as POST /1/playlist/create takes it. They are lines of one member, for there may be more of them than a zip of
members that anybody reads may have. Read by dumps/load/services/listenbrainz.py into an empty account it gives the same
listens, feedback and ratings; settings and playlists are not read back, and the import says so.
"""

import time
import zipfile
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import IO, Any, cast

import orjson

from conf.postgres import Connection
from jobs.jspf import Entry, Playlist, bare_track, named_track, playlist_document
from jobs.listens.exclusions import exclusions_of
from jobs.listens.history import KeptFeedback, KeptListen, kept_feedback, kept_listens, kept_ratings
from jobs.listens.mapping import Resolved
from jobs.listens.playlists import kept_playlists
from jobs.listens.recommendation_feedback import Rating
from jobs.listens.user_settings import zone_of

PIECE_BYTES = 1 << 16
"""About how much is handed on at a time."""
PART_BYTES = 1 << 30
"""A member that is longer is continued in another one: `9-2.jsonl`."""
_LEVEL = 5
"""Of deflate."""


def export_name(user_name: str, now: float) -> str:
    """A file name for the export: the user's name as far as every system can write it, and the epoch seconds."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in user_name)
    return f"listenbrainz_{plain[:60]}_{int(now)}.zip"


def export_pieces(connection: Connection, user_id: int, user_name: str, now: float) -> Iterator[bytes]:
    """The zip, piece by piece. `connection`: as of `moment`; `now`: epoch seconds, the time of its members."""
    outlet = _Outlet()
    archive = zipfile.ZipFile(cast(IO[bytes], outlet), "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
    owner = {"user_id": user_id, "username": user_name}
    members: Iterable[tuple[str, Iterable[Any]]] = chain(
        [("user.json", [owner])],
        _months(kept_listens(connection, user_id)),
        [("feedback.jsonl", map(_feedback, kept_feedback(connection, user_id))), ("pinned_recording.jsonl", [])],
        [("recommendation_feedback.jsonl", map(_rating, kept_ratings(connection, user_id)))],
        [("settings.json", [_settings(connection, user_id)])],
        [("playlists.jsonl", map(_playlist, kept_playlists(connection, user_id)))],
    )
    for name, documents in members:
        yield from _member(archive, outlet, name, documents, now)
    archive.close()
    yield outlet.taken()


def _months(listens: Iterator[KeptListen]) -> Iterator[tuple[str, Iterable[Any]]]:
    for (year, month), of_month in groupby(listens, lambda one: time.gmtime(one.listened_at)[:2]):
        yield f"listens/{year}/{month}.jsonl", map(_listen, of_month)


def _member(
    archive: zipfile.ZipFile, outlet: "_Outlet", name: str, documents: Iterable[Any], now: float
) -> Iterator[bytes]:
    """Lines of the documents, in as many members as PART_BYTES asks for."""
    waiting = iter(documents)
    part, line = 1, next(waiting, None)
    while line is not None or part == 1:
        stem, suffix = name.rsplit(".", 1)
        info = zipfile.ZipInfo(name if part == 1 else f"{stem}-{part}.{suffix}", time.gmtime(now)[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        written = 0
        with archive.open(info, "w") as member:
            while line is not None and written < PART_BYTES:
                written += member.write(orjson.dumps(line) + b"\n")
                line = next(waiting, None)
                if outlet.size > PIECE_BYTES:
                    yield outlet.taken()
        part += 1


def _listen(one: KeptListen) -> dict[str, Any]:
    metadata: dict[str, Any] = {"artist_name": one.artist_name, "track_name": one.track_name}
    if one.release_name is not None:
        metadata["release_name"] = one.release_name
    metadata["recording_msid"] = str(one.recording_msid)
    metadata["additional_info"] = orjson.Fragment(one.additional_info)
    metadata["mbid_mapping"] = None if one.about is None else _mapping(one.about)
    return {"listened_at": one.listened_at, "inserted_at": one.inserted_at, "track_metadata": metadata}


def _mapping(about: Resolved) -> dict[str, Any]:
    said = {
        "recording_mbid": about.recording_mbid,
        "release_mbid": about.release_mbid,
        "artist_mbids": list(about.artist_mbids),
    }
    return {name: value for name, value in said.items() if value}


def _feedback(one: KeptFeedback) -> dict[str, Any]:
    return {
        "recording_msid": one.recording_msid and str(one.recording_msid),
        "recording_mbid": one.recording_mbid and str(one.recording_mbid),
        "score": one.score,
        "created": one.created.isoformat(),
    }


def _rating(one: Rating) -> dict[str, Any]:
    return {
        "recording_msid": str(one.recording_id) if one.msid else None,
        "recording_mbid": None if one.msid else str(one.recording_id),
        "rating": one.rating,
        "created": one.created.isoformat(),
    }


def _playlist(kept: tuple[Playlist, list[Entry]]) -> dict[str, Any]:
    playlist, entries = kept
    tracks = [bare_track(one) if one.known is None else named_track(bare_track(one), one.known) for one in entries]
    return playlist_document(playlist, tracks)


def _settings(connection: Connection, user_id: int) -> dict[str, Any]:
    with connection.cursor() as cursor:
        exclusions, _ = exclusions_of(cursor, user_id)
        zone = zone_of(cursor, user_id)
    return {
        "timezone": zone,
        "exclusions": [{"kind": e.kind, "value": e.value, "created": e.created.isoformat()} for e in exclusions],
    }


class _Outlet:
    """What a zip is written to: it cannot go back, so what was written can be sent at once."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep it until it is taken."""
        self._pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing to do."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return taken
