"""Love and hate of an imported file. The newer word counts, so that an old file takes nothing back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.items import Loved, LovedTrack
from jobs.listens.msid import fold, recording_msid
from jobs.listens.validator import canonical_uuid

_FORGET_OLDER = """
DELETE FROM recording_feedback f
 USING unnest(%(recording_msid)s::uuid[], %(recording_mbid)s::uuid[], %(created)s::timestamptz[])
       AS given (msid, mbid, created)
 WHERE f.user_id = %(user)s AND (f.recording_msid = given.msid OR f.recording_mbid = given.mbid)
   AND f.created < given.created
"""
_KEEP = """
INSERT INTO recording_feedback (user_id, recording_msid, recording_mbid, score, created)
SELECT %(user)s, msid, mbid, score, created
  FROM unnest(%(recording_msid)s::uuid[], %(recording_mbid)s::uuid[], %(score)s::smallint[],
              %(created)s::timestamptz[]) WITH ORDINALITY AS given (msid, mbid, score, created, place)
 ORDER BY place
    ON CONFLICT DO NOTHING
"""
# The index finds names whatever the case of their ASCII letters (conf/migrations/0007), others in the same case only.
_HEARD = """
SELECT wanted.place, l.recording_msid, l.artist_name, l.track_name
  FROM unnest(%(tracks)s::text[]) WITH ORDINALITY AS wanted (track_name, place)
  JOIN listen l ON l.user_id = %(user)s
   AND hashtext(lower(l.track_name COLLATE "C")) = hashtext(lower(wanted.track_name COLLATE "C"))
 GROUP BY wanted.place, l.recording_msid, l.artist_name, l.track_name
 ORDER BY wanted.place, max(l.listened_at) DESC
"""
MAX_NAME = 10_000
"""Characters of a name that can be loved."""
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


class LovedNames(NamedTuple):
    """Love of a track known by its names."""

    artist_name: str
    track_name: str
    created: datetime


def judged_feedback(loved: Loved, now: float) -> Feedback:
    """What can be kept; without a time, or with one to come, it is of `now` (epoch seconds).

    Raises InvalidFeedbackError.
    """
    if loved.score not in (1, -1) or isinstance(loved.score, bool):
        raise InvalidFeedbackError(f"score: expected 1 or -1, got {str(loved.score)[:40]}")
    msid, mbid = judged_id("recording_msid", loved.recording_msid), judged_id("recording_mbid", loved.recording_mbid)
    if msid is None and mbid is None:
        raise InvalidFeedbackError("expected recording_msid or recording_mbid")
    return Feedback(msid, mbid, 1 if loved.score == 1 else -1, judged_created(loved.created, now))


def judged_names(loved: LovedTrack, now: float) -> LovedNames:
    """What can be kept; as judged_feedback. Raises InvalidFeedbackError."""
    names = []
    for field, value in (("artist", loved.artist_name), ("track", loved.track_name)):
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME or "\0" in value:
            raise InvalidFeedbackError(f"{field}: expected a name, got {str(value)[:40]!r}")
        names.append(value.strip())
    return LovedNames(names[0], names[1], judged_created(loved.created, now))


def feedback_by_names(cursor: Cursor, user_id: int, given: Sequence[LovedNames]) -> list[Feedback]:
    """Love of the recording of the user's newest listen with these names, else of what such a listen would be."""
    if not given:
        return []
    cursor.execute(_HEARD, {"user": user_id, "tracks": [one.track_name for one in given]})
    heard: dict[tuple[int, str, str], UUID] = {}
    for place, msid, artist, track in cursor.fetchall():
        heard.setdefault((place, fold(artist), fold(track)), msid)
    return [
        Feedback(
            heard.get((place, fold(one.artist_name), fold(one.track_name)))
            or recording_msid(one.artist_name, one.track_name, None, None, None),
            None,
            1,
            one.created,
        )
        for place, one in enumerate(given, 1)
    ]


def judged_id(name: str, value: object) -> UUID | None:
    """The id of a recording that a file gives; None for none. Raises InvalidFeedbackError."""
    if value in (None, ""):
        return None
    canonical = canonical_uuid(value)
    if canonical is None:
        raise InvalidFeedbackError(f"{name}: expected a UUID, got {str(value)[:40]}")
    return UUID(canonical)


def judged_created(value: object, now: float) -> datetime:
    """When that was said: not before there were listens, nor after `now`. Raises InvalidFeedbackError."""
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
    """Keep what is newer than what is there; how many rows that were. Nothing for a user who is gone.

    Of what is given on the same recording the newest is kept.
    """
    if not given:
        return 0
    cursor.execute("SELECT FROM users WHERE id = %s FOR KEY SHARE", (user_id,))
    if cursor.rowcount == 0:
        return 0
    newest_first = sorted(given, key=lambda one: one.created, reverse=True)
    columns: list[Any] = [list(column) for column in zip(*newest_first, strict=True)]
    values = {"user": user_id, **dict(zip(Feedback._fields, columns, strict=True))}
    cursor.execute(_FORGET_OLDER, values)
    cursor.execute(_KEEP, values)
    return cursor.rowcount
