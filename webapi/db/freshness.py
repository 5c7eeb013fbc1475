"""What is served of each statistic: by which run, since when a change that is not in it waits, what the run cost."""

from dataclasses import dataclass
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.ranges import STATS_RANGES


@dataclass(frozen=True)
class Cost:
    """Of a whole run, whatever number of statistics it made. Nulls: a run of before this was kept."""

    seconds: float | None
    """From its start to its last file."""
    cpu_seconds: float | None
    """Of Java, its Python workers and the request consumer meanwhile."""
    continued: bool
    """Users' results were computed anew for those touched only; else for everybody."""
    touched_users: int | None
    """Null: everybody."""
    rows: int | None
    """Sent to the reader."""
    bytes: int | None


@dataclass(frozen=True)
class ServedRun:
    """One (statistic, range). Times in epoch seconds."""

    statistic: str
    stats_range: str
    run_id: UUID
    data_version: int
    newest_listen_ts: int
    """Its T."""
    updated: float
    """When it was switched to."""
    next_listen_ts: int | None
    """The earliest listen of its data version that T leaves out; None: there is none."""
    waits_since: float | None
    """When the oldest change that is not in it was made; None: every change there is, is."""
    cost: Cost


@dataclass(frozen=True)
class Everything:
    """All that is served, and what has never been."""

    now: float
    """The store's clock."""
    runs: list[ServedRun]
    first_change: float | None
    """When the oldest change of all was made, which a statistic that was never made waits with."""


# Positions grow with time, so the next one of a table is its oldest change that waits. New names of metadata, which
# have no position, came with their landing. Listens of a dump say when its server took them, so they wait since they
# landed; and no change has waited for longer than this store exists: one that was rebuilt from the lake has older ones.
_SERVED = """
WITH served AS (
    SELECT r.*, coalesce(r.position, l.position, 0) AS upto
      FROM run r LEFT JOIN landing l ON l.id = r.data_version WHERE r.stats_range = ANY(%(ranges)s)
), versions AS (
    SELECT DISTINCT upto, data_version FROM served UNION SELECT 0, 0
), waiting AS (
    SELECT v.upto, v.data_version, v.upto = 0 AND v.data_version = 0 AS never, least(
           (SELECT CASE WHEN c.source IS NULL THEN c.inserted_at ELSE coalesce(
                       (SELECT min(l.landed_at) FROM landing l WHERE l.position >= c.position), now()) END
              FROM listen c WHERE c.position > v.upto ORDER BY c.position LIMIT 1),
           (SELECT c.created FROM listen_delete c WHERE c.position > v.upto ORDER BY c.position LIMIT 1),
           (SELECT c.updated FROM mapping c WHERE c.position > v.upto ORDER BY c.position LIMIT 1),
           (SELECT c.created FROM mapping_delete c WHERE c.position > v.upto ORDER BY c.position LIMIT 1),
           (SELECT c.updated FROM user_settings c WHERE c.position > v.upto ORDER BY c.position LIMIT 1),
           (SELECT c.created FROM exclusion c WHERE c.position > v.upto ORDER BY c.position LIMIT 1),
           (SELECT c.created FROM exclusion_delete c WHERE c.position > v.upto ORDER BY c.position LIMIT 1),
           (SELECT c.requested FROM account_deletion c WHERE c.position > v.upto ORDER BY c.position LIMIT 1),
           (SELECT c.landed_at FROM landing c WHERE c.id > v.data_version AND c.kind = 'import' ORDER BY c.id LIMIT 1)
           ) AS oldest
      FROM versions v
)
SELECT extract(epoch FROM clock_timestamp())::float8, w.never,
       CASE WHEN w.oldest IS NOT NULL THEN extract(epoch FROM greatest(w.oldest, store.created))::float8 END,
       s.statistic, s.stats_range, s.run_id, s.data_version, s.newest_listen_ts,
       extract(epoch FROM s.last_updated)::float8, s.next_listen_ts, s.seconds, s.cpu_seconds,
       s.base_run_id IS NOT NULL, s.touched_users, s.written_rows, s.written_bytes
  FROM store CROSS JOIN waiting w LEFT JOIN served s ON s.upto = w.upto AND s.data_version = w.data_version
 ORDER BY s.statistic, s.stats_range
"""


def everything_served(cursor: Cursor) -> Everything:
    """By statistic and range."""
    cursor.execute(_SERVED, {"ranges": list(STATS_RANGES)})
    rows = cursor.fetchall()
    [first] = {since for _, never, since, *_ in rows if never}
    runs = [ServedRun(*(*row[3:10], row[2], Cost(*row[10:]))) for row in rows if row[3] is not None]
    return Everything(rows[0][0], runs, first)
