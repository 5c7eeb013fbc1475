"""What users say of recordings that were recommended to them: one rating per user and recording; none is no row.

A recording is named by its MBID, or by its MSID where it has no MBID here: as recommendations name it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.imported_feedback import InvalidFeedbackError, judged_created, judged_id
from jobs.listens.items import Rated

RATINGS = ("like", "love", "dislike", "hate", "bad_recommendation")
UNWANTED = ("hate", "bad_recommendation")
"""What is rated so is not recommended again."""

_RATE = """
INSERT INTO recommendation_feedback AS f (user_id, recording_id, msid, rating) VALUES (%s, %s, %s, %s)
    ON CONFLICT (user_id, recording_id, msid)
    DO UPDATE SET rating = EXCLUDED.rating, created = now() WHERE f.rating <> EXCLUDED.rating
"""
_PAGE = """
SELECT recording_id, msid, rating, created FROM recommendation_feedback
 WHERE user_id = %(user)s AND (%(rating)s IS NULL OR rating = %(rating)s)
 ORDER BY created DESC, id DESC LIMIT %(count)s OFFSET %(offset)s
"""
_KEEP = """
INSERT INTO recommendation_feedback AS f (user_id, recording_id, msid, rating, created)
SELECT DISTINCT ON (recording_id, msid) %(user)s, recording_id, msid, rating, created
  FROM unnest(%(recording_id)s::uuid[], %(msid)s::boolean[], %(rating)s::text[], %(created)s::timestamptz[])
       AS given (recording_id, msid, rating, created)
 WHERE EXISTS (SELECT FROM users WHERE id = %(user)s)
 ORDER BY recording_id, msid, created DESC
    ON CONFLICT (user_id, recording_id, msid)
    DO UPDATE SET rating = EXCLUDED.rating, created = EXCLUDED.created WHERE f.created < EXCLUDED.created
"""


class Rating(NamedTuple):
    """A row of `recommendation_feedback`, of one user."""

    recording_id: UUID
    msid: bool
    """Whether the id is an MSID."""
    rating: str
    created: datetime


def rate(cursor: Cursor, user_id: int, recording_id: UUID, msid: bool, rating: str) -> None:
    """Say, or say anew, what a recommendation was. The same again changes nothing, not even the time."""
    cursor.execute(_RATE, (user_id, recording_id, msid, rating))


def take_rating_back(cursor: Cursor, user_id: int, recording_id: UUID, msid: bool) -> None:
    """Nothing is said of it any more."""
    cursor.execute(
        "DELETE FROM recommendation_feedback WHERE user_id = %s AND recording_id = %s AND msid = %s",
        (user_id, recording_id, msid),
    )


def ratings_of(cursor: Cursor, user_id: int, rating: str | None, count: int, offset: int) -> tuple[list[Rating], int]:
    """(a page, newest first; how many there are of any rating). `rating`: only those."""
    cursor.execute(_PAGE, {"user": user_id, "rating": rating, "count": count, "offset": offset})
    found = [Rating(*row) for row in cursor.fetchall()]
    cursor.execute("SELECT count(*) FROM recommendation_feedback WHERE user_id = %s", (user_id,))
    row = cursor.fetchone()
    assert row is not None
    return found, int(row[0])


def ratings_on(cursor: Cursor, user_id: int, recording_ids: Sequence[UUID], msid: bool) -> list[Rating]:
    """What the user said of these, in their order; those of which nothing was said are left out."""
    cursor.execute(
        "SELECT recording_id, msid, rating, created FROM recommendation_feedback"
        " WHERE user_id = %s AND recording_id = ANY(%s) AND msid = %s ORDER BY array_position(%s, recording_id)",
        (user_id, list(recording_ids), msid, list(recording_ids)),
    )
    return [Rating(*row) for row in cursor.fetchall()]


def judged_rating(rated: Rated, now: float) -> Rating:
    """What can be kept of a rating of a file; as judged_feedback. Raises InvalidFeedbackError."""
    msid, mbid = judged_id("recording_msid", rated.recording_msid), judged_id("recording_mbid", rated.recording_mbid)
    recording_id = mbid or msid
    if recording_id is None:
        raise InvalidFeedbackError("expected recording_msid or recording_mbid")
    if rated.rating not in RATINGS:
        raise InvalidFeedbackError(f"rating: expected one of {', '.join(RATINGS)}, got {str(rated.rating)[:40]}")
    return Rating(recording_id, mbid is None, str(rated.rating), judged_created(rated.created, now))


def put_ratings(cursor: Cursor, user_id: int, given: Sequence[Rating]) -> None:
    """Keep what is newer than what is there. Nothing for a user who is gone."""
    if not given:
        return
    columns: list[Any] = [list(column) for column in zip(*given, strict=True)]
    cursor.execute(_KEEP, {"user": user_id, **dict(zip(Rating._fields, columns, strict=True))})
