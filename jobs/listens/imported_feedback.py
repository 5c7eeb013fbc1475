"""Love and hate of an imported file. The newer word counts, so that an old file takes nothing back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.items import Loved
from jobs.listens.validator import canonical_uuid

_EARLIEST = datetime(2002, 10, 1, tzinfo=UTC)


class InvalidFeedbackError(ValueError):
    """Feedback that cannot be kept: the field and why."""


class Feedback(NamedTuple):
    """One row of `recording_feedback` to be; one id at least."""

    recording_msid: UUID | None
    recording_mbid: UUID | None
    score: int
    """1: loved, -1: hated."""
    created: datetime


def judged_feedback(loved: Loved, now: float) -> Feedback:
    """What can be kept; without a time, or with one to come, it is of `now` (epoch seconds).

    Raises InvalidFeedbackError.
    """
    if loved.score not in (1, -1) or isinstance(loved.score, bool):
        raise InvalidFeedbackError(f"score: expected 1 or -1, got {str(loved.score)[:40]}")
    msid, mbid = _id("recording_msid", loved.recording_msid), _id("recording_mbid", loved.recording_mbid)
    if msid is None and mbid is None:
        raise InvalidFeedbackError("expected recording_msid or recording_mbid")
    return Feedback(msid, mbid, 1 if loved.score == 1 else -1, _created(loved.created, now))


def _id(name: str, value: object) -> UUID | None:
    if value in (None, ""):
        return None
    canonical = canonical_uuid(value)
    if canonical is None:
        raise InvalidFeedbackError(f"{name}: expected a UUID, got {str(value)[:40]}")
    return UUID(canonical)


def _created(value: object, now: float) -> datetime:
    today = datetime.fromtimestamp(now, UTC)
    if value is None:
        return today
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            when = datetime.fromtimestamp(value, UTC)
        else:
            when = datetime.fromisoformat(str(value))
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidFeedbackError(f"created: expected a date and time, got {str(value)[:40]}") from None
    return min(max(when, _EARLIEST), today)


def put_feedback(cursor: Cursor, user_id: int, given: Sequence[Feedback]) -> int:
    """Keep what is newer than what is there; how many that were. Nothing for a user who is gone."""
    if not given:
        return 0
    cursor.execute("SELECT FROM users WHERE id = %s FOR KEY SHARE", (user_id,))
    if cursor.rowcount == 0:
        return 0
    return sum(_put(cursor, user_id, one) for one in given)


def _put(cursor: Cursor, user_id: int, one: Feedback) -> int:
    cursor.execute(
        "DELETE FROM recording_feedback WHERE user_id = %s AND (recording_msid = %s OR recording_mbid = %s)"
        " AND created < %s",
        (user_id, one.recording_msid, one.recording_mbid, one.created),
    )
    cursor.execute(
        "INSERT INTO recording_feedback (user_id, recording_msid, recording_mbid, score, created)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (user_id, one.recording_msid, one.recording_mbid, one.score, one.created),
    )
    return cursor.rowcount
