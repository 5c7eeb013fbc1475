"""How the platform fares: what the parts last said, the newest landing, ages of results. Ages in whole seconds."""

from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812


@dataclass(frozen=True)
class PartRow:
    """What one process last said of itself."""

    part: str
    pid: int
    host: str
    age: int
    detail: dict[str, Any]


@dataclass(frozen=True)
class LandingState:
    """The newest landing, and how much waits for the next one."""

    id: int | None
    """The data version; None before the first landing."""
    age: int | None
    waiting: int
    """Changes above the landed position; of listens at most MOST_COUNTED."""
    waiting_age: int
    """Seconds since the oldest waiting listen was written; 0 when none waits."""


def parts(cursor: Cursor) -> list[PartRow]:
    """Every process that has reported, by part."""
    cursor.execute(
        "SELECT part, pid, host, extract(epoch FROM clock_timestamp() - updated)::bigint, detail"
        " FROM part_status ORDER BY part, host, pid"
    )
    return [PartRow(*row) for row in cursor.fetchall()]


_LANDING_STATE = """
WITH newest AS (SELECT id, position, landed_at FROM landing ORDER BY id DESC LIMIT 1),
     landed AS (SELECT coalesce((SELECT position FROM newest), 0) AS position)
SELECT (SELECT id FROM newest), (SELECT extract(epoch FROM now() - landed_at)::bigint FROM newest),
       (SELECT count(*) FROM (SELECT FROM listen WHERE listen.position > landed.position LIMIT %(most)s) AS counted)
       + (SELECT count(*) FROM listen_delete d WHERE d.position > landed.position)
       + (SELECT count(*) FROM users u WHERE u.position > landed.position)
       + (SELECT count(*) FROM mapping m WHERE m.position > landed.position)
       + (SELECT count(*) FROM mapping_delete m WHERE m.position > landed.position)
       + (SELECT count(*) FROM user_settings s WHERE s.position > landed.position)
       + (SELECT count(*) FROM exclusion e WHERE e.position > landed.position)
       + (SELECT count(*) FROM exclusion_delete e WHERE e.position > landed.position)
       + (SELECT count(*) FROM user_delete d WHERE d.position > landed.position),
       coalesce((SELECT extract(epoch FROM now() - inserted_at)::bigint FROM listen
                  WHERE listen.position > landed.position ORDER BY listen.position LIMIT 1), 0)
  FROM landed
"""
MOST_COUNTED = 100_000
"""Waiting listens are counted up to here: health is asked for often, also with a backlog."""


def landing_state(cursor: Cursor) -> LandingState:
    """The newest landing and what waits. The listen with the smallest waiting position is the oldest written."""
    cursor.execute(_LANDING_STATE, {"most": MOST_COUNTED})
    row = cursor.fetchone()
    assert row is not None
    return LandingState(*row)


@dataclass(frozen=True)
class Ledger:
    """What became of all listens ever consumed. Never falls."""

    inserted: int
    duplicate: int
    suppressed: int
    """A delete overtook it, or its user was gone."""
    rejected: int


def ledger(cursor: Cursor) -> Ledger:
    """Of everything that the listen writers and imports have written."""
    cursor.execute("SELECT inserted, duplicate, suppressed, rejected FROM listen_ledger")
    row = cursor.fetchone()
    return Ledger(*row) if row else Ledger(0, 0, 0, 0)


def result_ages(cursor: Cursor) -> dict[tuple[str, str], int]:
    """Seconds since each (statistic, range) was switched."""
    cursor.execute(
        "SELECT statistic, stats_range, extract(epoch FROM clock_timestamp() - last_updated)::bigint FROM run"
    )
    return {(statistic, stats_range): age for statistic, stats_range, age in cursor.fetchall()}
