"""Which recordings the mapping knows now."""

from collections.abc import Sequence

from psycopg2.extensions import cursor as Cursor  # noqa: N812

_MAPPED = """
SELECT DISTINCT recording_msid::text FROM mapping
 WHERE recording_msid = ANY(%s::uuid[]) AND (user_id IS NULL OR user_id = %s) AND recording_mbid IS NOT NULL
"""


def mapped_msids(cursor: Cursor, user_id: int, msids: Sequence[str]) -> set[str]:
    """Those of these MSIDs that have a recording MBID, for everybody or for this user."""
    cursor.execute(_MAPPED, (list(msids), user_id))
    return {msid for (msid,) in cursor.fetchall()}
