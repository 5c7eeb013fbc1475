"""Names of recordings, as the newest listen that a user has of each gives them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.feedback import LOOK_BACK
from jobs.listens.mapping import Resolved, resolve
from webapi.db.recent_tracks import MAX_INFO, MAX_TEXT


@dataclass(frozen=True)
class HeardTrack:
    """A recording as a listen names it."""

    recording_msid: UUID
    artist_name: str
    track_name: str
    release_name: str | None
    about: Resolved
    """Which MusicBrainz recording, release and artists it is, if that is known."""


# Both ids are in the primary key's index, which is walked over this user's listens alone.
_BY_MSID = """
SELECT DISTINCT ON (recording_msid) recording_msid, left(artist_name, %(text)s), left(track_name, %(text)s),
       left(release_name, %(text)s),
       CASE WHEN octet_length(additional_info) <= %(info)s THEN additional_info ELSE '{}' END
  FROM listen WHERE user_id = %(user)s AND recording_msid = ANY(%(msids)s)
 ORDER BY recording_msid, listened_at DESC
"""
_BY_MBID = """
WITH newest AS MATERIALIZED (
    SELECT listened_at, recording_msid, left(artist_name, %(text)s) AS artist_name,
           left(track_name, %(text)s) AS track_name, left(release_name, %(text)s) AS release_name,
           CASE WHEN octet_length(additional_info) <= %(info)s THEN additional_info ELSE '{}' END AS additional_info
      FROM listen WHERE user_id = %(user)s ORDER BY listened_at DESC LIMIT %(look_back)s
)
SELECT DISTINCT ON (recording_msid) recording_msid, artist_name, track_name, release_name, additional_info
  FROM newest
 WHERE substring(additional_info FROM '"recording_mbid":"([0-9a-f-]{36})"') = ANY(%(mbids)s)
    OR EXISTS (SELECT FROM mapping m WHERE m.recording_msid = newest.recording_msid
                  AND m.recording_mbid = ANY(%(mbids)s::uuid[]) AND coalesce(m.user_id, %(user)s) = %(user)s)
 ORDER BY recording_msid, listened_at DESC
"""
_KNOWN_AS = """
SELECT DISTINCT recording_msid, CASE WHEN octet_length(additional_info) <= %(info)s THEN additional_info ELSE '{}' END
  FROM listen WHERE user_id = %(user)s AND recording_msid = ANY(%(msids)s)
"""
_LIMITS = {"text": MAX_TEXT, "info": MAX_INFO, "look_back": LOOK_BACK}


def tracks_by_msid(cursor: Cursor, user_id: int, msids: Iterable[UUID]) -> dict[UUID, HeardTrack]:
    """By MSID, of those that the user has a listen of."""
    wanted = list(msids)
    if not wanted:
        return {}
    cursor.execute(_BY_MSID, {**_LIMITS, "user": user_id, "msids": wanted})
    return {track.recording_msid: track for track in _resolved(cursor, user_id, cursor.fetchall())}


def tracks_by_mbid(cursor: Cursor, user_id: int, mbids: Iterable[UUID]) -> dict[UUID, HeardTrack]:
    """By the MBID that the identity rule gives, of those among the user's LOOK_BACK newest listens."""
    wanted = [str(mbid) for mbid in mbids]
    if not wanted:
        return {}
    cursor.execute(_BY_MBID, {**_LIMITS, "user": user_id, "mbids": wanted})
    found = _resolved(cursor, user_id, cursor.fetchall())
    return {UUID(track.about.recording_mbid): track for track in found if track.about.recording_mbid in wanted}


def ids_of(cursor: Cursor, user_id: int, msids: Iterable[UUID]) -> set[tuple[UUID, str | None]]:
    """(MSID, MBID) of every listen that the user has of these: listens of one MSID may say different MBIDs."""
    wanted = list(msids)
    if not wanted:
        return set()
    cursor.execute(_KNOWN_AS, {"user": user_id, "msids": wanted, "info": MAX_INFO})
    listens = [(user_id, msid, orjson.loads(info)) for msid, info in cursor.fetchall()]
    abouts = resolve(cursor, listens)
    return {(msid, about.recording_mbid) for (_, msid, _), about in zip(listens, abouts, strict=True)}


def _resolved(cursor: Cursor, user_id: int, rows: Sequence[tuple[UUID, str, str, str | None, str]]) -> list[HeardTrack]:
    abouts = resolve(cursor, [(user_id, msid, orjson.loads(info)) for msid, *_, info in rows])
    return [HeardTrack(*row[:4], about) for row, about in zip(rows, abouts, strict=True)]
