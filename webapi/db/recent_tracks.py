"""A user's listens by page number, as Last.fm's players ask for them. Times in epoch seconds UTC.

A page is found by its number on the primary key's index alone, and only its own rows are fetched: a keyset needs the
page before, which this protocol does not tell. The whole history is counted in listen_totals, a part of it on the
index.
"""

from dataclasses import dataclass
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from webapi.db.listens import totals

MAX_TEXT = 2000
"""Characters of a name that are shown; a listen may hold a thousand times as much, and a page a thousand listens."""
MAX_INFO = 10240
"""Bytes of additional_info that are looked at for MBIDs."""
END = 2**62


@dataclass(frozen=True)
class RecentTrack:
    """One listen, its texts cut to MAX_TEXT."""

    listened_at: int
    recording_msid: UUID
    artist_name: str
    track_name: str
    release_name: str | None
    additional_info: str
    """The JSON text; of one longer than MAX_INFO an empty object."""


_PAGE = """
SELECT l.listened_at, l.recording_msid, left(l.artist_name, %(text)s), left(l.track_name, %(text)s),
       left(l.release_name, %(text)s),
       CASE WHEN octet_length(l.additional_info) <= %(info)s THEN l.additional_info ELSE '{}' END
  FROM (
    SELECT listened_at, recording_msid FROM listen
     WHERE user_id = %(user)s AND listened_at >= %(from)s AND listened_at < %(to)s
     ORDER BY listened_at DESC, recording_msid DESC LIMIT %(limit)s OFFSET %(offset)s
  ) AS wanted
  JOIN listen l ON l.user_id = %(user)s AND l.listened_at = wanted.listened_at
   AND l.recording_msid = wanted.recording_msid
 ORDER BY l.listened_at DESC, l.recording_msid DESC
"""


def recent_tracks(
    cursor: Cursor, user_id: int, *, from_ts: int, to_ts: int, limit: int, offset: int
) -> list[RecentTrack]:
    """Up to `limit` listens from from_ts on and before to_ts, newest first, after the first `offset` of them."""
    given = {"user": user_id, "from": from_ts, "to": to_ts, "limit": limit, "offset": offset}
    cursor.execute(_PAGE, {**given, "text": MAX_TEXT, "info": MAX_INFO})
    return [RecentTrack(*row) for row in cursor.fetchall()]


def count_listens(cursor: Cursor, user_id: int, *, from_ts: int, to_ts: int) -> int:
    """How many listens there are from from_ts on and before to_ts."""
    if from_ts <= 0 and to_ts >= END:
        return totals(cursor, user_id).listen_count
    cursor.execute(
        "SELECT count(*) FROM listen WHERE user_id = %s AND listened_at >= %s AND listened_at < %s",
        (user_id, from_ts, to_ts),
    )
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])
