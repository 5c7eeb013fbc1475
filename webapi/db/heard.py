"""When a user last heard what a stored document tells her of: she may have deleted listens since it was computed."""

from collections.abc import Mapping

from psycopg2.extensions import cursor as Cursor  # noqa: N812

_STANDING = """
SELECT given.recording_msid::text, given.listened_at
  FROM unnest(%s::uuid[], %s::bigint[]) AS given (recording_msid, listened_at)
  JOIN listen l USING (listened_at, recording_msid) WHERE l.user_id = %s
"""
_LEFT = """
SELECT recording_msid::text, max(listened_at) FROM listen
 WHERE user_id = %s AND recording_msid = ANY(%s::uuid[]) GROUP BY recording_msid
"""


def last_heard(cursor: Cursor, user_id: int, told: Mapping[str, int]) -> dict[str, int]:
    """By MSID, of which she has a listen still, when that was (epoch seconds). `told`: when it was, as computed.

    Those listens are found by their keys. The whole history is looked through only where one of them is gone.
    """
    cursor.execute(_STANDING, ([*told], [*told.values()], user_id))
    heard: dict[str, int] = dict(cursor.fetchall())
    gone = [msid for msid in told if msid not in heard]
    if gone:
        cursor.execute(_LEFT, (user_id, gone))
        heard |= dict(cursor.fetchall())
    return heard
