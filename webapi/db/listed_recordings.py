"""Names of recordings, as the stored lists of statistics tell them: of a user, or of everybody."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from webapi.db.recent_tracks import MAX_INFO

LOOK = 5_000
"""The most heard recordings of a list that are looked through, in 20 to 60 ms: there is no index of their MBIDs."""
# A slice of ids is read without the rest of them, however long the list is.
_LISTED = """
SELECT DISTINCT ON (mbid) mbid, doc
  FROM (SELECT e.doc::json ->> 'recording_mbid' AS mbid, e.doc, s.place
          FROM result_list l
         CROSS JOIN unnest(l.ids[1:%(look)s]) WITH ORDINALITY AS s (id, place)
          JOIN result_entity e ON e.id = s.id
         WHERE l.statistic = %(statistic)s AND l.stats_range = 'all_time' AND l.key = %(key)s
           AND octet_length(e.doc) <= %(longest)s) listed
 WHERE mbid = ANY(%(mbids)s)
 ORDER BY mbid, place
"""


def recordings_of_list(cursor: Cursor, statistic: str, key: int, mbids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    """By MBID the struct of jobs/stats/recordings.py, of those among the LOOK most heard over all time of that list."""
    wanted = [str(mbid) for mbid in mbids]
    if not wanted:
        return {}
    values = {"statistic": statistic, "key": key, "mbids": wanted, "look": LOOK, "longest": MAX_INFO}
    cursor.execute(_LISTED, values)
    return {UUID(mbid): orjson.loads(doc) for mbid, doc in cursor.fetchall()}
