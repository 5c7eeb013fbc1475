"""Which version of a report an answer would show, and of which year there is one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.msid import fold
from jobs.listens.users import NAME_LIMIT, UNUSABLE

# Whoever goes is no longer named as a similar user.
_VERSION = """
SELECT u.id, (SELECT array_agg(r.statistic || ' ' || r.run_id ORDER BY r.statistic) FROM run r
               WHERE r.statistic = ANY(%s) AND r.stats_range = %s), (SELECT max(position) FROM user_delete),
       u.name
  FROM users u WHERE u.name_key = %s
"""
_YEARS = """
SELECT DISTINCT r.stats_range::integer AS year
  FROM run r JOIN result_document d ON d.statistic = r.statistic AND d.stats_range = r.stats_range AND d.key = %s
 WHERE r.statistic = ANY(%s)
 ORDER BY year DESC
"""
_NEWEST = "SELECT max(stats_range::integer) FROM run WHERE statistic = ANY(%s)"


class Reported(NamedTuple):
    """A user, and the version of her report."""

    user_id: int
    user_name: str
    version: tuple[Any, ...]

    @property
    def computed(self) -> bool:
        """Whether anything of the year was computed, whoever has results of it."""
        return self.version[0] is not None


def report_version(cursor: Cursor, statistics: Sequence[str], stats_range: str, name: str) -> Reported | None:
    """Of the report of the user of that name, whatever its case; None when there is no such user."""
    if len(name) > 8 * NAME_LIMIT or UNUSABLE.search(name):
        return None
    cursor.execute(_VERSION, (list(statistics), stats_range, fold(name)))
    row = cursor.fetchone()
    return None if row is None else Reported(row[0], row[3], tuple(row[1:]))


def newest_year(cursor: Cursor, statistics: Sequence[str]) -> int | None:
    """The last year of which a section was computed; None: of none."""
    cursor.execute(_NEWEST, (list(statistics),))
    row = cursor.fetchone()
    return None if row is None else row[0]


def years_of(cursor: Cursor, statistics: Sequence[str], user_id: int) -> list[int]:
    """The years of which a user has a report, the newest first."""
    cursor.execute(_YEARS, (user_id, list(statistics)))
    return [row[0] for row in cursor.fetchall()]
