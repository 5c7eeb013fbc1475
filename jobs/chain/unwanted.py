"""What users do not want to hear of: what they hate, rate as bad, or leave out; as positions of the catalogue."""

from collections.abc import Sequence

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.chain.catalogue import Catalogue, together
from jobs.engines.interactions import Ints
from jobs.listens.feedback import HATE
from jobs.listens.recommendation_feedback import UNWANTED

BLOCK = 256
"""Users of whom all feedback is in memory at a time; of all others only what is in the catalogue."""
_HATED = """
SELECT DISTINCT f.user_id, said.id::text
  FROM (SELECT user_id, recording_msid, recording_mbid FROM recording_feedback WHERE score = %(hate)s
         UNION ALL
        SELECT user_id, CASE WHEN msid THEN recording_id END, CASE WHEN NOT msid THEN recording_id END
          FROM recommendation_feedback WHERE rating = ANY(%(ratings)s)) f
  LEFT JOIN mapping m ON m.recording_msid = f.recording_msid AND coalesce(m.user_id, f.user_id) = f.user_id
 CROSS JOIN unnest(ARRAY[f.recording_msid, f.recording_mbid, m.recording_mbid]) AS said(id)
 WHERE f.user_id = ANY(%(users)s) AND said.id IS NOT NULL
"""


def unwanted_by(connection: Connection, catalogue: Catalogue, users: Sequence[int]) -> dict[int, Ints]:
    """By user id, of each of these users, ascending."""
    found = {}
    for first in range(0, len(users), BLOCK):
        block = users[first : first + BLOCK]
        with transaction(connection) as cursor:
            hated = _hated(cursor, block)
        places = catalogue.places({one for ids in hated.values() for one in ids})
        for user_id in block:
            own = (places[one] for one in hated.get(user_id, ()) if one in places)
            found[user_id] = together((catalogue.left_out(user_id), *own))
    return found


def _hated(cursor: Cursor, users: Sequence[int]) -> dict[int, set[str]]:
    """By user the ids of what she hates, or rated so: as she named it, and as the mapping knows it."""
    cursor.execute(_HATED, {"hate": HATE, "ratings": list(UNWANTED), "users": list(users)})
    found: dict[int, set[str]] = {}
    for user_id, recording in cursor.fetchall():
        found.setdefault(user_id, set()).add(recording)
    return found
