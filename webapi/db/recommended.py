"""Versions of what is recommended and of who is similar, and similar users by name."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.msid import fold
from jobs.listens.users import NAME_LIMIT, UNUSABLE


@dataclass(frozen=True)
class Known:
    """A user, and the version of what is shown of her."""

    user_id: int
    version: tuple[Any, ...]


# What is hated by its MSID goes by what the mapping says of it, and a row of anybody may be for everybody.
# Of rows that are only replaced or removed, their number with the greatest id and time says whether any was.
_RECOMMENDATIONS = """
SELECT u.id, r.run_id::text,
       (SELECT concat_ws(' ', count(*), max(f.id), max(f.created)) FROM recording_feedback f WHERE f.user_id = u.id),
       (SELECT concat_ws(' ', count(*), max(f.id), max(f.created)) FROM recommendation_feedback f
         WHERE f.user_id = u.id),
       (SELECT max(e.position) FROM exclusion e WHERE e.user_id = u.id),
       (SELECT max(e.position) FROM exclusion_delete e WHERE e.user_id = u.id),
       (SELECT max(position) FROM mapping), (SELECT max(position) FROM mapping_delete)
  FROM users u LEFT JOIN run r ON r.statistic = %(statistic)s AND r.stats_range = 'all_time'
 WHERE u.name_key = %(name)s
"""
_SIMILAR_USERS = """
SELECT u.id, r.run_id::text, (SELECT max(position) FROM user_delete)
  FROM users u LEFT JOIN run r ON r.statistic = %(statistic)s AND r.stats_range = 'all_time'
 WHERE u.name_key = %(name)s
"""


def recommendations_version(cursor: Cursor, statistic: str, name: str) -> Known | None:
    """Of what is recommended to the user of that name: the run, and all that she does not want."""
    row = _row(cursor, _RECOMMENDATIONS, statistic, name)
    return None if row is None else Known(row[0], row[1:])


def similar_users_version(cursor: Cursor, statistic: str, name: str) -> Known | None:
    """Of who is similar to the user of that name: the run, and who has gone since."""
    row = _row(cursor, _SIMILAR_USERS, statistic, name)
    return None if row is None else Known(row[0], row[1:])


def load_entity_documents(cursor: Cursor, statistic: str, entities: list[UUID]) -> dict[UUID, str]:
    """JSON texts by entity, of those of which something is stored; of a merged one that of what it was merged into."""
    cursor.execute(
        "SELECT d.entity, coalesce(t.doc, d.doc) FROM result_entity_document d"
        " LEFT JOIN result_entity_document t ON t.statistic = d.statistic AND t.stats_range = d.stats_range"
        " AND t.entity = (d.doc::json ->> 'merged_into')::uuid"
        " WHERE d.statistic = %s AND d.stats_range = 'all_time' AND d.entity = ANY(%s)",
        (statistic, entities),
    )
    return dict(cursor.fetchall())


def algorithm_of(cursor: Cursor, statistic: str) -> str | None:
    """What the stored documents of a similarity index say that it was made by: all of them the same."""
    cursor.execute(
        "SELECT doc::json ->> 'algorithm' FROM result_entity_document"
        " WHERE statistic = %s AND stats_range = 'all_time' LIMIT 1",
        (statistic,),
    )
    row = cursor.fetchone()
    return None if row is None else row[0]


def _row(cursor: Cursor, query: str, statistic: str, name: str) -> tuple[Any, ...] | None:
    if len(name) > 8 * NAME_LIMIT or UNUSABLE.search(name):
        return None
    cursor.execute(query, {"statistic": statistic, "name": fold(name)})
    return cursor.fetchone()
