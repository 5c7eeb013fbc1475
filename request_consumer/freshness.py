"""How fresh what is served is: results, landings and requests side by side, for whoever decides what to ask for."""

from dataclasses import dataclass
from uuid import UUID

from conf.postgres import Connection, transaction
from jobs.catalog import catalog
from jobs.listens.user_settings import zones_chosen
from jobs.served_run import ServedRun, computing_code
from request_consumer.requests import queue_of


@dataclass(frozen=True)
class Served:
    """How fresh what is served of a request's statistics is. Times in epoch seconds."""

    landed: int | None
    """Newest data version that brought changes; None before the first landing."""
    data_version: int | None
    """Oldest data version that any of the statistics is served from; None while one of them was never made."""
    newest_listen_ts: int | None
    """T of the oldest of them."""
    open: bool
    """A request for them is queued or running."""
    last_finished: float | None
    """When the last one was done."""
    last_seconds: float
    """How long that one took, from its claim."""
    last_failed: float | None
    """When one failed for good, if none was done since."""
    next_listen_ts: int | None = None
    """The earliest listen that landed and that one of them leaves out, for it is later than its T."""
    zones: tuple[str, ...] = ("UTC",)
    """On whose clocks days turn."""


_SERVED = """
SELECT (SELECT max(id) FROM landing WHERE kind IN ('land', 'import')), r.data_version, r.newest_listen_ts, q.open,
       q.finished, coalesce(q.seconds, 0), CASE WHEN q.failed > coalesce(q.finished, 0) THEN q.failed END,
       r.next_listen_ts
  FROM (SELECT CASE WHEN count(DISTINCT statistic) = cardinality(%(statistics)s) THEN min(data_version) END
               AS data_version, min(newest_listen_ts) AS newest_listen_ts, min(next_listen_ts) AS next_listen_ts
          FROM run WHERE statistic = ANY(%(statistics)s)) r,
       (SELECT coalesce(bool_or(state IN ('queued', 'running')), false) AS open,
               max(extract(epoch FROM finished)) FILTER (WHERE state = 'done')::float8 AS finished,
               (array_agg(extract(epoch FROM finished - started)::float8 ORDER BY finished DESC)
                FILTER (WHERE state = 'done'))[1] AS seconds,
               max(extract(epoch FROM finished)) FILTER (WHERE state = 'failed')::float8 AS failed
          FROM request
         WHERE query = %(query)s AND (state IN ('queued', 'running') OR created > now() - interval '1 day')
       ) q
"""


_BASE = """
SELECT run_id, data_version, newest_listen_ts FROM run
 WHERE statistic = ANY(%(statistics)s) AND stats_range = ANY(%(ranges)s)
 GROUP BY run_id, data_version, newest_listen_ts
HAVING count(*) = cardinality(%(statistics)s::text[]) * cardinality(%(ranges)s::text[])
   AND (%(code)s::text IS NULL OR bool_and(code = %(code)s))
"""
_UNSTORED = (
    "SELECT EXISTS (SELECT FROM request WHERE state = 'running' AND run_id IS NOT NULL AND query <> ALL(%(others)s))"
)


def served_base(
    connection: Connection, statistics: list[str], ranges: list[str], *, of_any_code: bool = False
) -> ServedRun | None:
    """The one run of this code, or of any, that all of these are served from; None: there is no such one."""
    code = None if of_any_code else computing_code()
    with transaction(connection) as cursor:
        cursor.execute(_BASE, {"statistics": statistics, "ranges": ranges, "code": code})
        row = cursor.fetchone()
    return None if row is None else ServedRun(*row)


def served_runs(connection: Connection, *, newest_only: bool = False) -> set[UUID]:
    """Runs that may be continued, for which their sums are kept; `newest_only`: those of the newest data version."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT run_id FROM run WHERE NOT %s OR data_version >= (SELECT max(id) FROM landing)", (newest_only,)
        )
        return {run_id for (run_id,) in cursor.fetchall()}


def results_wait(connection: Connection, query: str) -> bool:
    """Whether results were published that the reader has not stored yet: what is served will be another run.

    Of requests that are rung for where this query's are: no other makes what it may continue.
    """
    others = [other for other in catalog().queries() if queue_of(other) != queue_of(query)]
    with transaction(connection) as cursor:
        cursor.execute(_UNSTORED, {"others": others})
        row = cursor.fetchone()
        assert row is not None
        return bool(row[0])


def served(connection: Connection, query: str, statistics: list[str]) -> Served:
    """What is served of these statistics, and what was asked for lately."""
    with transaction(connection) as cursor:
        cursor.execute(_SERVED, {"query": query, "statistics": statistics})
        row = cursor.fetchone()
        assert row is not None
        return Served(*(*row, tuple(zones_chosen(cursor))))
