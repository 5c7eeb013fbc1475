"""Playlists as they are kept. A private one is there for its creator and collaborators alone; one that has expired for
nobody, though its rows go later. A private one of a job, which has no creator, is there for nobody either: it stands
for a day on which the job had nothing to make.

Users' playlists are in PostgreSQL only: a backup has them, and an export, but not the lake.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection
from jobs.jspf import Entry, Playlist
from jobs.listens.msid import fold
from jobs.listens.users import UNUSABLE

_PLAYLIST = """
SELECT p.id, p.mbid, p.creator_id, c.name, p.title, p.annotation, p.public, p.created, p.last_modified,
       p.created_for_id, f.name, p.additional_metadata, p.copied_from,
       EXISTS (SELECT FROM playlist s WHERE s.mbid = p.copied_from),
       ARRAY(SELECT u.name FROM playlist_collaborator k JOIN users u ON u.id = k.user_id
              WHERE k.playlist_id = p.id ORDER BY u.name COLLATE "C")
  FROM playlist p LEFT JOIN users c ON c.id = p.creator_id LEFT JOIN users f ON f.id = p.created_for_id
 WHERE (p.expires IS NULL OR p.expires > now())
"""
_FIND = (
    _PLAYLIST
    + """
   AND p.mbid = %(mbid)s
   AND (p.public OR p.creator_id = %(viewer)s
        OR EXISTS (SELECT FROM playlist_collaborator k WHERE k.playlist_id = p.id AND k.user_id = %(viewer)s))
"""
)
_ENTRIES = """
SELECT r.recording_mbid, u.name, r.added_at, r.known
  FROM playlist_recording r LEFT JOIN users u ON u.id = r.added_by_id WHERE r.playlist_id = %s ORDER BY r.position
"""
_PAGE = " ORDER BY p.created DESC, p.id DESC LIMIT %(count)s OFFSET %(offset)s"
_BY = " AND p.creator_id = %(user)s AND (p.public OR p.creator_id = %(viewer)s)"
_FOR = " AND p.created_for_id = %(user)s AND p.public"
_OF = """
   AND (p.creator_id = %(user)s OR p.created_for_id = %(user)s) AND (p.public OR p.creator_id IS NOT NULL)
 ORDER BY p.created, p.id
"""
_COUNT = "SELECT count(*) FROM playlist p WHERE (p.expires IS NULL OR p.expires > now())"

_REPLACE = "DELETE FROM playlist WHERE creator_id = %s AND created_for_id = %s AND source_patch = %s"
_CREATE = """
INSERT INTO playlist (creator_id, title, annotation, public, created_for_id, source_patch, additional_metadata)
VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id, mbid
"""
_FILL = """
INSERT INTO playlist_recording (playlist_id, position, recording_mbid, added_by_id)
SELECT %s, place - 1, mbid, %s FROM unnest(%s::uuid[]) WITH ORDINALITY AS given (mbid, place)
"""
_COLLABORATE = "INSERT INTO playlist_collaborator (playlist_id, user_id) SELECT %s, unnest(%s::integer[])"


@dataclass(frozen=True)
class NewPlaylist:
    """A playlist that a user makes; people by id."""

    title: str
    public: bool
    recordings: Sequence[UUID] = ()
    """In order; one may be there more than once."""
    annotation: str | None = None
    """HTML, cleaned."""
    collaborators: Sequence[int] = ()
    """Each once; not the creator."""
    created_for: int | None = None
    additional_metadata: str | None = None
    """JSON object."""
    source_patch: str | None = None
    """What made it: of one creator, user and source_patch the newest stays."""


def create_playlist(cursor: Cursor, creator_id: int, new: NewPlaylist) -> UUID:
    """Keep it; gives back its MBID."""
    if new.source_patch is not None and new.created_for is not None:
        cursor.execute(_REPLACE, (creator_id, new.created_for, new.source_patch))
    facts = (new.title, new.annotation, new.public, new.created_for, new.source_patch, new.additional_metadata)
    cursor.execute(_CREATE, (creator_id, *facts))
    row = cursor.fetchone()
    assert row is not None
    cursor.execute(_FILL, (row[0], creator_id, list(new.recordings)))
    cursor.execute(_COLLABORATE, (row[0], list(new.collaborators)))
    mbid: UUID = row[1]
    return mbid


def held_users(cursor: Cursor, names: Sequence[str]) -> dict[str, int]:
    """Ids by folded name, of those that there are; they stay until the transaction ends."""
    cursor.execute(
        "SELECT name_key, id FROM users WHERE name_key = ANY(%s) ORDER BY id FOR KEY SHARE",
        ([fold(name) for name in names if not UNUSABLE.search(name)],),
    )
    return dict(cursor.fetchall())


def find_playlist(cursor: Cursor, mbid: UUID, viewer_id: int | None) -> Playlist | None:
    """The playlist, if this user (None: nobody who is known) may read it."""
    cursor.execute(_FIND, {"mbid": mbid, "viewer": viewer_id})
    row = cursor.fetchone()
    return None if row is None else Playlist(*row)


def entries_of(cursor: Cursor, playlist_id: int) -> list[Entry]:
    """Its recordings, in order."""
    cursor.execute(_ENTRIES, (playlist_id,))
    return [
        Entry(mbid, adder, added_at, None if known is None else orjson.loads(known))
        for mbid, adder, added_at, known in cursor.fetchall()
    ]


def playlists_by(
    cursor: Cursor, user_id: int, viewer_id: int | None, count: int | None, offset: int
) -> tuple[list[Playlist], int]:
    """(a page of what a user made, newest first; how many there are), private ones for herself only.

    `count` None: all of them.
    """
    values = {"user": user_id, "viewer": viewer_id, "count": count, "offset": offset}
    cursor.execute(_PLAYLIST + _BY + _PAGE, values)
    found = [Playlist(*row) for row in cursor.fetchall()]
    cursor.execute(_COUNT + _BY, values)
    return found, _number(cursor)


def playlists_for(cursor: Cursor, user_id: int, count: int | None, offset: int) -> tuple[list[Playlist], int]:
    """As playlists_by, of the public ones that bots and jobs made for a user."""
    values = {"user": user_id, "count": count, "offset": offset}
    cursor.execute(_PLAYLIST + _FOR + _PAGE, values)
    found = [Playlist(*row) for row in cursor.fetchall()]
    cursor.execute(_COUNT + _FOR, values)
    return found, _number(cursor)


def kept_playlists(connection: Connection, user_id: int) -> Iterator[tuple[Playlist, list[Entry]]]:
    """All that a user made, and all that was made for her, oldest first: for an export."""
    with connection.cursor() as cursor:
        cursor.execute(_PLAYLIST + _OF, {"user": user_id})
        for row in cursor.fetchall():
            playlist = Playlist(*row)
            yield playlist, entries_of(cursor, playlist.id)


def _number(cursor: Cursor) -> int:
    row: Any = cursor.fetchone()
    return int(row[0])
