"""Love and hate of recordings: one row per user and id, score 1 or -1; none is no row."""

from collections.abc import Iterable, Iterator
from typing import Literal
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.msid import fold

LOVE: Literal[1] = 1
HATE: Literal[-1] = -1
LOOK_BACK = 200_000
"""Listens that are searched for a track by its names: names have no index, and the search must end."""
_STEP = 2000


def set_score(cursor: Cursor, user_id: int, recording_msid: UUID, score: Literal[1, -1]) -> None:
    """Love or hate a recording by its MSID. The same again changes nothing, not even the time."""
    cursor.execute(
        "INSERT INTO recording_feedback AS f (user_id, recording_msid, score) VALUES (%s, %s, %s)"
        " ON CONFLICT (user_id, recording_msid) WHERE recording_msid IS NOT NULL"
        " DO UPDATE SET score = EXCLUDED.score, created = now() WHERE f.score <> EXCLUDED.score",
        (user_id, recording_msid, score),
    )


def remove_score(cursor: Cursor, user_id: int, recording_msids: Iterable[UUID], score: Literal[1, -1]) -> int:
    """Take back what had this score, so that who unloves does not forget a hate; how many."""
    cursor.execute(
        "DELETE FROM recording_feedback WHERE user_id = %s AND recording_msid = ANY(%s) AND score = %s",
        (user_id, list(recording_msids), score),
    )
    return cursor.rowcount


def loved_of(cursor: Cursor, user_id: int, recording_msids: Iterable[UUID]) -> set[UUID]:
    """Those of these MSIDs that the user loves."""
    cursor.execute(
        "SELECT recording_msid FROM recording_feedback WHERE user_id = %s AND recording_msid = ANY(%s) AND score = %s",
        (user_id, list(recording_msids), LOVE),
    )
    return {msid for (msid,) in cursor.fetchall()}


def msids_named(cursor: Cursor, user_id: int, artist_name: str, track_name: str) -> Iterator[UUID]:
    """MSIDs of the user's listens with these names in any case, newest listen first, each once.

    It reads on only as long as it is asked for more, and LOOK_BACK listens at most. Names are compared here, as MSIDs
    compare them: what a database takes for lower case depends on how it was set up.
    """
    wanted = (fold(artist_name), fold(track_name))
    seen: set[UUID] = set()
    below = (2**62, UUID(int=2**128 - 1))
    for _ in range(LOOK_BACK // _STEP):
        cursor.execute(
            "SELECT listened_at, recording_msid, artist_name, track_name FROM listen"
            " WHERE user_id = %s AND (listened_at, recording_msid) < (%s, %s)"
            " ORDER BY listened_at DESC, recording_msid DESC LIMIT %s",
            (user_id, *below, _STEP),
        )
        rows = cursor.fetchall()
        for _, msid, artist, track in rows:
            if msid not in seen and (fold(artist), fold(track)) == wanted:
                seen.add(msid)
                yield msid
        if len(rows) < _STEP:
            return
        below = (rows[-1][0], rows[-1][1])
