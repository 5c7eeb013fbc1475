"""Which version of its data an answer would show, in one statement: also whose it is, for every answer needs the user.

A version never comes back, so an answer made for it can be told again, and a client that has it needs no body at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.msid import fold
from jobs.listens.users import NAME_LIMIT, UNUSABLE


@dataclass(frozen=True)
class Versioned:
    """A user, and the version of what was asked for."""

    user_id: int
    version: tuple[Any, ...]
    lasts: float = inf
    """Seconds after which it is another one by itself."""


@dataclass(frozen=True)
class ListensVersion(Versioned):
    """Of a user's listens, with their totals; times in epoch seconds, 0 for an empty history."""

    listen_count: int = 0
    oldest_listened_at: int = 0
    newest_listened_at: int = 0


# A mapping row of anybody may be for everybody, so every one of them counts; both maxima are read from an index.
_LISTENS = """
SELECT u.id, coalesce(t.listen_count, 0), coalesce(t.oldest_listened_at, 0), coalesce(t.newest_listened_at, 0),
       t.version, (SELECT max(position) FROM mapping), (SELECT max(position) FROM mapping_delete)
  FROM users u LEFT JOIN listen_totals t ON t.user_id = u.id WHERE u.name_key = %s
"""
_PLAYING_NOW = """
SELECT u.id, extract(epoch FROM p.started)::text, extract(epoch FROM p.expires - now())::float
  FROM users u LEFT JOIN playing_now p ON p.user_id = u.id AND p.expires > now() WHERE u.name_key = %s
"""
_STATISTIC = """
SELECT u.id, r.run_id::text
  FROM users u LEFT JOIN run r ON r.statistic = %s AND r.stats_range = %s WHERE u.name_key = %s
"""
_UNMAPPED = """
SELECT u.id, r.run_id::text, (SELECT max(position) FROM mapping), (SELECT max(position) FROM mapping_delete), t.version
  FROM users u LEFT JOIN run r ON r.statistic = %s AND r.stats_range = %s LEFT JOIN listen_totals t ON t.user_id = u.id
 WHERE u.name_key = %s
"""
_LISTENERS = """
SELECT run_id::text, (SELECT max(position) FROM user_delete) FROM run WHERE statistic = %s AND stats_range = %s
"""


def listens_version(cursor: Cursor, name: str) -> ListensVersion | None:
    """Of the listens of the user of that name, whatever its case; None when there is none."""
    row = _row(cursor, _LISTENS, name)
    return None if row is None else ListensVersion(row[0], tuple(row[4:]), inf, *row[1:4])


def playing_now_version(cursor: Cursor, name: str) -> Versioned | None:
    """Of what plays now for the user of that name: a slot is filled anew, or empty."""
    row = _row(cursor, _PLAYING_NOW, name)
    if row is None:
        return None
    user_id, started, left = row
    return Versioned(user_id, (started,), inf if left is None else left)


def statistic_version(cursor: Cursor, statistic: str, stats_range: str, name: str) -> Versioned | None:
    """Of a statistic of the user of that name: its run."""
    row = _row(cursor, _STATISTIC, statistic, stats_range, name)
    return None if row is None else Versioned(row[0], (row[1],))


def unmapped_version(cursor: Cursor, statistic: str, stats_range: str, name: str) -> Versioned | None:
    """Of a statistic of the user of that name that is shown without what was mapped or deleted since.

    Its run, the mapping, and her listens.
    """
    row = _row(cursor, _UNMAPPED, statistic, stats_range, name)
    return None if row is None else Versioned(row[0], row[1:])


def sitewide_version(cursor: Cursor, statistic: str, stats_range: str) -> tuple[Any, ...]:
    """Of a statistic of the whole site: its run, or nothing."""
    cursor.execute("SELECT run_id::text FROM run WHERE statistic = %s AND stats_range = %s", (statistic, stats_range))
    return cursor.fetchone() or ()


def runs_of_range(cursor: Cursor, stats_range: str) -> dict[str, str]:
    """The run of every statistic that is served in a range, by the statistic's name."""
    cursor.execute("SELECT statistic, run_id::text FROM run WHERE stats_range = %s ORDER BY statistic", (stats_range,))
    return dict(cursor.fetchall())


def served_position(cursor: Cursor, statistics: Sequence[str]) -> int | None:
    """Changes up to this position are in all that is served of these statistics; None: nothing is."""
    cursor.execute("SELECT min(coalesce(position, 0)) FROM run WHERE statistic = ANY(%s)", (list(statistics),))
    row = cursor.fetchone()
    return None if row is None else row[0]


def listeners_version(cursor: Cursor, statistic: str, stats_range: str) -> tuple[Any, ...]:
    """Of a statistic whose documents name users: its run, and who has gone since; or nothing."""
    cursor.execute(_LISTENERS, (statistic, stats_range))
    return cursor.fetchone() or ()


def feedback_version(cursor: Cursor, user_id: int) -> tuple[Any, ...]:
    """Of a user's love and hate. Ids never come back, so neither do their number, the greatest and their sum."""
    cursor.execute(
        "SELECT count(*), max(id), sum(id)::text, max(created)::text FROM recording_feedback WHERE user_id = %s",
        (user_id,),
    )
    return cursor.fetchone() or ()


def feedback_on_version(cursor: Cursor, recording_msid: UUID | None, recording_mbid: UUID | None) -> tuple[Any, ...]:
    """As feedback_version, of everybody's on a recording, by the one id that is given."""
    cursor.execute(
        "SELECT count(*), max(id), sum(id)::text, max(created)::text FROM recording_feedback"
        " WHERE recording_msid = %s OR recording_mbid = %s",
        (recording_msid, recording_mbid),
    )
    return cursor.fetchone() or ()


def users_version(cursor: Cursor) -> tuple[Any, ...]:
    """Of who there is: both maxima are read from an index."""
    cursor.execute("SELECT (SELECT max(position) FROM users), (SELECT max(position) FROM user_delete)")
    return cursor.fetchone() or ()


def _row(cursor: Cursor, query: str, *values: str) -> tuple[Any, ...] | None:
    """The last value is the user's name."""
    *others, name = values
    if len(name) > 8 * NAME_LIMIT or UNUSABLE.search(name):
        return None
    cursor.execute(query, (*others, fold(name)))
    return cursor.fetchone()
