"""A user's listens, in pages by time, and their totals. Times in epoch seconds UTC."""

from dataclasses import dataclass
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812


@dataclass(frozen=True)
class ListenRow:
    """A row of `listen` as served."""

    listened_at: int
    recording_msid: UUID
    inserted_at: int
    artist_name: str
    track_name: str
    release_name: str | None
    additional_info: str
    """The JSON text as stored."""


@dataclass(frozen=True)
class Totals:
    """What a user's history holds in all; zeroes when it is empty."""

    listen_count: int
    oldest_listened_at: int
    newest_listened_at: int


# Long values lie beside their row until they are sent, so counting the bytes of a page costs no memory.
_NEWEST = """
SELECT listened_at, recording_msid, extract(epoch FROM inserted_at)::bigint,
       artist_name, track_name, release_name, additional_info
  FROM (
    SELECT *, row_number() OVER pages AS nth,
           sum(octet_length(artist_name) + octet_length(track_name) + coalesce(octet_length(release_name), 0)
               + octet_length(additional_info)) OVER pages AS bytes
      FROM (
        SELECT * FROM listen WHERE user_id = %(user)s AND listened_at < %(max_ts)s
         ORDER BY listened_at DESC, recording_msid DESC LIMIT %(count)s
      ) AS wanted
    WINDOW pages AS (ORDER BY listened_at DESC, recording_msid DESC)
  ) AS sized
 WHERE bytes <= %(bytes)s OR nth = 1
 ORDER BY nth
"""
_OLDEST_ABOVE = """
SELECT listened_at, recording_msid, extract(epoch FROM inserted_at)::bigint,
       artist_name, track_name, release_name, additional_info
  FROM (
    SELECT *, row_number() OVER pages AS nth,
           sum(octet_length(artist_name) + octet_length(track_name) + coalesce(octet_length(release_name), 0)
               + octet_length(additional_info)) OVER pages AS bytes
      FROM (
        SELECT * FROM listen
         WHERE user_id = %(user)s AND listened_at > %(min_ts)s AND listened_at < %(max_ts)s
         ORDER BY listened_at, recording_msid LIMIT %(count)s
      ) AS wanted
    WINDOW pages AS (ORDER BY listened_at, recording_msid)
  ) AS sized
 WHERE bytes <= %(bytes)s OR nth = 1
 ORDER BY nth
"""
_NO_BOUND = 2**62
PAGE_BYTES = 10_000_000
"""Most bytes of listen text of one page; one listen may be bigger, as big as the API takes them."""


def page_of_listens(
    cursor: Cursor, user_id: int, *, min_ts: int | None, max_ts: int | None, count: int
) -> list[ListenRow]:
    """Up to `count` listens, newest first, both bounds exclusive; fewer where they hold more than PAGE_BYTES.

    With min_ts they are those closest above it, so that clients can page forward; else the newest below max_ts.
    """
    below = _NO_BOUND if max_ts is None else max_ts
    given = {"user": user_id, "count": count, "max_ts": below, "min_ts": min_ts, "bytes": PAGE_BYTES}
    cursor.execute(_NEWEST if min_ts is None else _OLDEST_ABOVE, given)
    rows = [ListenRow(*row) for row in cursor.fetchall()]
    return rows if min_ts is None else rows[::-1]


def totals(cursor: Cursor, user_id: int) -> Totals:
    """How many listens a user has, and the first and last of them."""
    cursor.execute(
        "SELECT listen_count, coalesce(oldest_listened_at, 0), coalesce(newest_listened_at, 0)"
        " FROM listen_totals WHERE user_id = %s",
        (user_id,),
    )
    row = cursor.fetchone()
    return Totals(*row) if row else Totals(0, 0, 0)
