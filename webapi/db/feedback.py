"""Love and hate as answered: pages of a user's, of a recording's, and what a user said of given recordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812


@dataclass(frozen=True)
class FeedbackRow:
    """A row of `recording_feedback`, and whose it is."""

    user_name: str
    """As she writes it."""
    recording_msid: UUID | None
    recording_mbid: UUID | None
    score: int
    """1: loved, -1: hated, 0: neither was said."""
    created: datetime | None
    """None: nothing was said."""


_OF_USER = """
SELECT u.name, f.recording_msid, f.recording_mbid, f.score, f.created
  FROM recording_feedback f JOIN users u ON u.id = f.user_id
 WHERE f.user_id = %(user)s AND (%(score)s IS NULL OR f.score = %(score)s)
 ORDER BY f.created DESC, f.id DESC LIMIT %(count)s OFFSET %(offset)s
"""
_COUNT_OF_USER = """
SELECT count(*) FROM recording_feedback WHERE user_id = %(user)s AND (%(score)s IS NULL OR score = %(score)s)
"""
_OF_MSID = """
SELECT u.name, f.recording_msid, f.recording_mbid, f.score, f.created
  FROM recording_feedback f JOIN users u ON u.id = f.user_id
 WHERE f.recording_msid = %(recording)s AND (%(score)s IS NULL OR f.score = %(score)s)
 ORDER BY f.created DESC, f.id DESC LIMIT %(count)s OFFSET %(offset)s
"""
_OF_MBID = """
SELECT u.name, f.recording_msid, f.recording_mbid, f.score, f.created
  FROM recording_feedback f JOIN users u ON u.id = f.user_id
 WHERE f.recording_mbid = %(recording)s AND (%(score)s IS NULL OR f.score = %(score)s)
 ORDER BY f.created DESC, f.id DESC LIMIT %(count)s OFFSET %(offset)s
"""
_SAID = """
SELECT u.name, f.recording_msid, f.recording_mbid, f.score, f.created
  FROM recording_feedback f JOIN users u ON u.id = f.user_id
 WHERE f.user_id = %(user)s AND (f.recording_msid = ANY(%(msids)s) OR f.recording_mbid = ANY(%(mbids)s))
"""


def feedback_of_user(
    cursor: Cursor, user_id: int, score: int | None, count: int, offset: int
) -> tuple[list[FeedbackRow], int]:
    """(a page, newest first; how many there are). `score`: only those."""
    values = {"user": user_id, "score": score, "count": count, "offset": offset}
    cursor.execute(_OF_USER, values)
    rows = [FeedbackRow(*row) for row in cursor.fetchall()]
    cursor.execute(_COUNT_OF_USER, values)
    return rows, _number(cursor)


def feedback_of_mbid(
    cursor: Cursor, recording_mbid: UUID, score: int | None, count: int, offset: int
) -> tuple[list[FeedbackRow], int]:
    """(a page of everybody's, newest first; how many there are of any score)."""
    cursor.execute(_OF_MBID, {"recording": recording_mbid, "score": score, "count": count, "offset": offset})
    rows = [FeedbackRow(*row) for row in cursor.fetchall()]
    cursor.execute("SELECT count(*) FROM recording_feedback WHERE recording_mbid = %s", (recording_mbid,))
    return rows, _number(cursor)


def feedback_of_msid(
    cursor: Cursor, recording_msid: UUID, score: int | None, count: int, offset: int
) -> tuple[list[FeedbackRow], int]:
    """As feedback_of_mbid, of an MSID."""
    cursor.execute(_OF_MSID, {"recording": recording_msid, "score": score, "count": count, "offset": offset})
    rows = [FeedbackRow(*row) for row in cursor.fetchall()]
    cursor.execute("SELECT count(*) FROM recording_feedback WHERE recording_msid = %s", (recording_msid,))
    return rows, _number(cursor)


def feedback_on(
    cursor: Cursor, user_id: int, user_name: str, msids: Sequence[UUID], mbids: Sequence[UUID]
) -> list[FeedbackRow]:
    """What a user said of each of these, MSIDs first, in order; a score of 0 for nothing.

    A row that is known by two of them is given once, at the first.
    """
    cursor.execute(_SAID, {"user": user_id, "msids": list(msids), "mbids": list(mbids)})
    said = [FeedbackRow(*row) for row in cursor.fetchall()]
    by_msid, by_mbid = {row.recording_msid: row for row in said}, {row.recording_mbid: row for row in said}
    found = [by_msid.get(msid) or FeedbackRow(user_name, msid, None, 0, None) for msid in msids]
    found += [by_mbid.get(mbid) or FeedbackRow(user_name, None, mbid, 0, None) for mbid in mbids]
    return list(dict.fromkeys(found))


def _number(cursor: Cursor) -> int:
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])
