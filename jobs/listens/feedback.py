"""Love and hate of recordings: one row per user and id, score 1 or -1; none is no row."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.msid import fold

LOVE: Literal[1] = 1
HATE: Literal[-1] = -1
LOOK_BACK = 10_000
"""Newest listens that are looked through for other spellings of a track's name than the index finds."""
_STEP = 2000
_SAID = """
SELECT id, recording_msid, recording_mbid, score FROM recording_feedback
 WHERE user_id = %s AND (recording_msid = %s OR recording_mbid = %s) FOR UPDATE
"""
_SAME_NAME = """
SELECT recording_msid, artist_name, track_name FROM listen
 WHERE user_id = %(user)s AND hashtext(lower(track_name COLLATE "C")) = hashtext(lower(%(track)s COLLATE "C"))
 ORDER BY listened_at DESC, recording_msid DESC
"""
_BEFORE = """
SELECT listened_at, recording_msid, artist_name, track_name FROM listen
 WHERE user_id = %s AND (listened_at, recording_msid) < (%s, %s)
 ORDER BY listened_at DESC, recording_msid DESC LIMIT %s
"""


def put_score(
    cursor: Cursor,
    user_id: int,
    recording_msid: UUID | None,
    recording_mbid: UUID | None,
    score: Literal[1, -1] | None,
) -> None:
    """Love, hate, or (None) neither, of a recording known by either id or both: what was said of it is replaced.

    Kept under all the ids that are known of it, so that it shows on every listen of the recording, whatever names it
    came with. The same again changes nothing, not even the time.
    """
    cursor.execute(_SAID, (user_id, recording_msid, recording_mbid))
    said = [_Said(*row) for row in cursor.fetchall()]
    ids = [(one.recording_msid, one.recording_mbid) for one in said]
    msid, mbid = recording_msid or _only(msid for msid, _ in ids), recording_mbid or _only(mbid for _, mbid in ids)
    if [(one.recording_msid, one.recording_mbid, one.score) for one in said] == [(msid, mbid, score)]:
        return
    cursor.execute("DELETE FROM recording_feedback WHERE id = ANY(%s)", ([one.id for one in said],))
    if score is None:
        return
    # A conflict: the same user has just said so, or otherwise, in another window. Either is as good.
    cursor.execute(
        "INSERT INTO recording_feedback (user_id, recording_msid, recording_mbid, score)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (user_id, msid, mbid, score),
    )


def remove_love(cursor: Cursor, user_id: int, recordings: Iterable[tuple[UUID | None, str | None]]) -> None:
    """Take love back that was said under any of these MSIDs and MBIDs. A hate is no love, and stays."""
    known = list(recordings)
    cursor.execute(
        "DELETE FROM recording_feedback WHERE user_id = %s AND score = %s"
        " AND (recording_msid = ANY(%s) OR recording_mbid = ANY(%s::uuid[]))",
        (
            user_id,
            LOVE,
            [msid for msid, _ in known if msid is not None],
            [mbid for _, mbid in known if mbid is not None],
        ),
    )


class _Said(NamedTuple):
    id: int
    recording_msid: UUID | None
    recording_mbid: UUID | None
    score: int


def _only(ids: Iterable[UUID | None]) -> UUID | None:
    """The id, where there is one and no other."""
    found = {one for one in ids if one is not None}
    return found.pop() if len(found) == 1 else None


def scores_of(cursor: Cursor, user_id: int, recordings: Sequence[tuple[UUID | None, str | None]]) -> list[int]:
    """1, -1, or 0 for neither, of each (MSID, MBID), one of them perhaps None. What was said last of either holds."""
    cursor.execute(
        "SELECT recording_msid, recording_mbid::text, score FROM recording_feedback WHERE user_id = %s"
        " AND (recording_msid = ANY(%s) OR recording_mbid = ANY(%s::uuid[])) ORDER BY created, id",
        (
            user_id,
            [msid for msid, _ in recordings if msid is not None],
            [mbid for _, mbid in recordings if mbid is not None],
        ),
    )
    said = list(enumerate(cursor.fetchall()))
    by_msid = {msid: (place, score) for place, (msid, _, score) in said if msid is not None}
    by_mbid = {mbid: (place, score) for place, (_, mbid, score) in said if mbid is not None}
    nothing = (-1, 0)
    found = ((msid and by_msid.get(msid), mbid and by_mbid.get(mbid)) for msid, mbid in recordings)
    return [max(by_one or nothing, by_other or nothing)[1] for by_one, by_other in found]


def msids_named(cursor: Cursor, user_id: int, artist_name: str, track_name: str) -> Iterator[UUID]:
    """MSIDs of the user's listens with these names in any case, each once.

    First those found by an index, newest listen first: whatever the case of ASCII letters. Then, only if more is asked
    for, those among the LOOK_BACK newest listens whose other letters differ in case. Names are compared here, as MSIDs
    compare them: what a database takes for lower case depends on how it was set up.
    """
    wanted = (fold(artist_name), fold(track_name))
    seen: set[UUID] = set()
    for msid, artist, track in _candidates(cursor, user_id, track_name):
        if msid not in seen and (fold(artist), fold(track)) == wanted:
            seen.add(msid)
            yield msid


def _candidates(cursor: Cursor, user_id: int, track_name: str) -> Iterator[tuple[UUID, str, str]]:
    cursor.execute(_SAME_NAME, {"user": user_id, "track": track_name})
    yield from cursor.fetchall()
    below = (2**62, UUID(int=2**128 - 1))
    for _ in range(LOOK_BACK // _STEP):
        cursor.execute(_BEFORE, (user_id, *below, _STEP))
        rows = cursor.fetchall()
        yield from (row[1:] for row in rows)
        if len(rows) < _STEP:
            return
        below = (rows[-1][0], rows[-1][1])
