"""Whose a dump's listens are: (source, id there) to a user here, made where there is none.

A name belongs to whoever had it first. Where a dump's user would take one that is in use, she is `user_ID` instead:
histories of two people are never merged because they chose the same name on two servers. Who has deleted her account
here is not brought back.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice
from typing import NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.listens.dump.dump import Dump
from jobs.listens.msid import fold
from jobs.listens.positions import lock_writes, take_positions

BATCH = 5_000
"""Users made under one lock."""
LIKELY = 3
"""Names of a user that are looked up together with those of all others."""

_CREATE = """
DROP TABLE IF EXISTS pg_temp.dump_user;
CREATE TEMPORARY TABLE dump_user AS
SELECT given.foreign_id, u.id AS user_id, u.id IS NULL AND EXISTS (
    SELECT FROM user_delete d WHERE d.source = %(source)s AND d.foreign_id = given.foreign_id
) AS gone
FROM (SELECT DISTINCT foreign_id FROM dump_row WHERE foreign_id IS NOT NULL) AS given
LEFT JOIN users u ON u.source = %(source)s AND u.foreign_id = given.foreign_id;
CREATE UNIQUE INDEX ON dump_user (foreign_id)
"""
_MISSING = """
SELECT foreign_id FROM dump_user WHERE user_id IS NULL AND NOT gone ORDER BY foreign_id LIMIT %s
"""
_INSERT = """
WITH made AS (
    INSERT INTO users (name, name_key, source, foreign_id, position)
    SELECT name, name_key, %(source)s, foreign_id, position
    FROM unnest(%(name)s::text[], %(name_key)s::text[], %(foreign_id)s::bigint[], %(position)s::bigint[])
        AS given (name, name_key, foreign_id, position)
    RETURNING id, foreign_id
), counted AS (
    INSERT INTO listen_totals (user_id, listen_count) SELECT id, 0 FROM made
)
UPDATE dump_user d SET user_id = made.id FROM made WHERE made.foreign_id = d.foreign_id
"""


class Renamed(NamedTuple):
    """A user who has another name here than the one she was given."""

    foreign_id: int
    wanted: str
    name: str


def bring_users(connection: Connection, dump: Dump, names: Mapping[int, str]) -> Iterator[tuple[int, list[Renamed]]]:
    """Give every user of the staged rows her user here; (users made, those renamed) after each batch.

    `names`: of ids of the source, checked; whoever is not in it is `user_ID`. Only new users are named.
    """
    with transaction(connection) as cursor:
        cursor.execute(_CREATE, {"source": dump.source})
        cursor.execute("ANALYZE dump_user")
    while True:
        with transaction(connection) as cursor:
            lock_writes(cursor)
            cursor.execute(_MISSING, (BATCH,))
            missing = [foreign_id for (foreign_id,) in cursor.fetchall()]
            if not missing:
                return
            made = _make(cursor, dump.source, missing, names)
        yield made


def gone_rows(cursor: Cursor) -> int:
    """Staged rows of users who have deleted their accounts here."""
    cursor.execute("SELECT count(*) FROM dump_row JOIN dump_user USING (foreign_id) WHERE gone")
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def _make(
    cursor: Cursor, source: str, foreign_ids: Sequence[int], names: Mapping[int, str]
) -> tuple[int, list[Renamed]]:
    taken = _taken(cursor, source, foreign_ids, names)
    chosen: list[str] = []
    renamed: list[Renamed] = []
    for foreign_id in foreign_ids:
        wanted = names.get(foreign_id, f"user_{foreign_id}")
        name = _free_name(cursor, _candidates(foreign_id, source, wanted), taken)
        taken.add(fold(name))
        chosen.append(name)
        if name != wanted:
            renamed.append(Renamed(foreign_id, wanted, name))
    positions = list(take_positions(cursor, len(chosen)))
    keys = [fold(name) for name in chosen]
    values = {"source": source, "name": chosen, "name_key": keys, "foreign_id": list(foreign_ids)}
    cursor.execute(_INSERT, values | {"position": positions})
    return len(chosen), renamed


def _candidates(foreign_id: int, source: str, wanted: str) -> Iterator[str]:
    yield wanted
    yield f"user_{foreign_id}"
    yield f"user_{foreign_id} of {source}"
    for number in count(2):  # somebody makes a sport of taking these names
        yield f"user_{foreign_id} of {source} ({number})"


def _taken(cursor: Cursor, source: str, foreign_ids: Sequence[int], names: Mapping[int, str]) -> set[str]:
    """Of the names that are likely to be wanted, the keys of those in use."""
    keys = [
        fold(name)
        for foreign_id in foreign_ids
        for name in islice(_candidates(foreign_id, source, names.get(foreign_id, f"user_{foreign_id}")), LIKELY)
    ]
    return _in_use(cursor, keys)


def _free_name(cursor: Cursor, candidates: Iterator[str], taken: set[str]) -> str:
    for number, name in enumerate(candidates):
        if fold(name) not in taken and (number < LIKELY or not _in_use(cursor, [fold(name)])):
            return name
    raise AssertionError("candidates do not end")


def _in_use(cursor: Cursor, keys: list[str]) -> set[str]:
    cursor.execute("SELECT name_key FROM users WHERE name_key = ANY(%s)", (keys,))
    return {key for (key,) in cursor.fetchall()}
