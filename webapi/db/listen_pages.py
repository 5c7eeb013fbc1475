"""A user's listens in pages, each beginning where another ended. Times in epoch seconds UTC.

A page is bounded by the whole key of a listen: listens that share a second are neither skipped nor shown twice.
"""

from dataclasses import dataclass
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from webapi.db.recent_tracks import MAX_INFO, MAX_TEXT, RecentTrack

LEAST_MSID, GREATEST_MSID = UUID(int=0), UUID(int=2**128 - 1)
_END = (2**62, GREATEST_MSID)


@dataclass(frozen=True)
class ListenKey:
    """One listen of a user, or a place between two."""

    listened_at: int
    recording_msid: UUID


@dataclass(frozen=True)
class ListenPage:
    """Listens, newest first."""

    listens: list[RecentTrack]
    newer: bool
    """Whether there are listens newer than these."""
    older: bool


_BELOW = """
SELECT listened_at, recording_msid, left(artist_name, %(text)s), left(track_name, %(text)s),
       left(release_name, %(text)s),
       CASE WHEN octet_length(additional_info) <= %(info)s THEN additional_info ELSE '{}' END
  FROM listen
 WHERE user_id = %(user)s AND (listened_at, recording_msid) < (%(at)s, %(msid)s)
 ORDER BY listened_at DESC, recording_msid DESC LIMIT %(limit)s
"""
_ABOVE = """
SELECT listened_at, recording_msid, left(artist_name, %(text)s), left(track_name, %(text)s),
       left(release_name, %(text)s),
       CASE WHEN octet_length(additional_info) <= %(info)s THEN additional_info ELSE '{}' END
  FROM listen
 WHERE user_id = %(user)s AND (listened_at, recording_msid) > (%(at)s, %(msid)s)
 ORDER BY listened_at, recording_msid LIMIT %(limit)s
"""


def listens_below(cursor: Cursor, user_id: int, key: ListenKey | None, count: int) -> ListenPage:
    """The newest listens before a key; without one the newest of all."""
    found = _read(cursor, _BELOW, user_id, key, count + 1)
    rows = found[:count]
    newer = key is not None and _any_above(cursor, user_id, _key(rows[0]) if rows else None)
    return ListenPage(rows, newer, len(found) > count)


def listens_above(cursor: Cursor, user_id: int, key: ListenKey, count: int) -> ListenPage:
    """The listens that follow a key in time, those closest to it."""
    found = _read(cursor, _ABOVE, user_id, key, count + 1)
    rows = found[:count][::-1]
    older = bool(rows) and bool(_read(cursor, _BELOW, user_id, _key(rows[-1]), 1))
    return ListenPage(rows, len(found) > count, older)


def counts_since(cursor: Cursor, user_id: int, month: int, week: int) -> tuple[int, int]:
    """How many listens there are from the first of these times on, and from the second, later one: one look at both."""
    cursor.execute(
        "SELECT count(*), count(*) FILTER (WHERE listened_at >= %s) FROM listen"
        " WHERE user_id = %s AND listened_at >= %s",
        (week, user_id, month),
    )
    row = cursor.fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def first_since(cursor: Cursor, user_id: int, month: int, week: int) -> tuple[int | None, int | None]:
    """The first listens from these times on: of the same listens, they say what counts_since does, without counting."""
    cursor.execute(
        "SELECT (SELECT min(listened_at) FROM listen WHERE user_id = %(user)s AND listened_at >= %(month)s),"
        " (SELECT min(listened_at) FROM listen WHERE user_id = %(user)s AND listened_at >= %(week)s)",
        {"user": user_id, "month": month, "week": week},
    )
    row = cursor.fetchone()
    assert row is not None
    return row[0], row[1]


def find_listen(cursor: Cursor, user_id: int, key: ListenKey) -> RecentTrack | None:
    """The user's listen of this key; None when there is none."""
    cursor.execute(
        "SELECT listened_at, recording_msid, left(artist_name, %(text)s), left(track_name, %(text)s),"
        " left(release_name, %(text)s),"
        " CASE WHEN octet_length(additional_info) <= %(info)s THEN additional_info ELSE '{}' END"
        " FROM listen WHERE user_id = %(user)s AND listened_at = %(at)s AND recording_msid = %(msid)s",
        {
            "user": user_id,
            "at": key.listened_at,
            "msid": key.recording_msid,
            "text": MAX_TEXT,
            "info": MAX_INFO,
        },
    )
    row = cursor.fetchone()
    return RecentTrack(*row) if row else None


def _key(listen: RecentTrack) -> ListenKey:
    return ListenKey(listen.listened_at, listen.recording_msid)


def _any_above(cursor: Cursor, user_id: int, key: ListenKey | None) -> bool:
    """Without a key: any at all."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM listen WHERE user_id = %s AND (listened_at, recording_msid) > (%s, %s))",
        (user_id, key.listened_at if key else -_END[0], key.recording_msid if key else LEAST_MSID),
    )
    return cursor.fetchone() == (True,)


def _read(cursor: Cursor, query: str, user_id: int, key: ListenKey | None, limit: int) -> list[RecentTrack]:
    at, msid = (key.listened_at, key.recording_msid) if key else _END
    given = {"user": user_id, "at": at, "msid": msid, "limit": limit, "text": MAX_TEXT, "info": MAX_INFO}
    cursor.execute(query, given)
    return [RecentTrack(*row) for row in cursor.fetchall()]
