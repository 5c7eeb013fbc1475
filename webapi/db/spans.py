"""What is kept of a user's span of days, and what became of the newest request for it; asking for one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.messages import Request
from jobs.spans import QUERY, Span
from spark_reader.store import SPAN_KEPT


@dataclass(frozen=True)
class SpanState:
    """Of one statistic of one user's span."""

    run_id: str | None
    """What is kept; None: nothing that is younger than a day."""
    age: float
    """Of that, seconds."""
    current: bool
    """Nothing has landed since, and no listen of hers that was dated in the future has come to pass."""
    open: bool
    """A request for it is queued or running."""
    error: str | None
    """Why the newest request failed, if it did."""
    ended: float | None
    """How long ago the newest request ended, seconds; None: there is none, or it is open."""


# What landed but was later than T: one user's listens are found by time. The days of every clock end within a day after
# those of UTC, so that later ones are in no day of the span.
_STATE = """
SELECT s.run_id::text, coalesce(extract(epoch FROM clock_timestamp() - s.last_updated), 0)::float8,
       coalesce(s.data_version >= n.id AND NOT EXISTS (
           SELECT FROM listen c
            WHERE c.user_id = s.user_id AND c.listened_at > s.newest_listen_ts AND c.listened_at < s.to_ts + 86400
              AND c.listened_at <= extract(epoch FROM now()) AND c.position <= n.position), false),
       coalesce(q.state IN ('queued', 'running'), false),
       CASE WHEN q.state IN ('failed', 'cancelled') THEN coalesce(q.error, q.state) END,
       extract(epoch FROM clock_timestamp() - q.finished)::float8
  FROM (SELECT) AS one
  LEFT JOIN (SELECT id, position FROM landing WHERE kind IN ('land', 'import') ORDER BY id DESC LIMIT 1) n ON true
  LEFT JOIN span s ON s.user_id = %(user_id)s AND s.statistic = %(statistic)s AND s.from_ts = %(from_ts)s
       AND s.to_ts = %(to_ts)s AND s.last_updated > now() - %(kept)s
  LEFT JOIN LATERAL (SELECT state, error, finished FROM request
                      WHERE query = %(query)s AND md5(params_key) = md5(%(params)s) AND params_key = %(params)s
                      ORDER BY created DESC LIMIT 1) q ON true
"""
_ASK = """
INSERT INTO request (id, query, params, params_key, state, heartbeat)
SELECT %(id)s, %(query)s, %(params)s::jsonb, %(params)s, 'queued', clock_timestamp()
 WHERE NOT EXISTS (SELECT FROM request WHERE query = %(query)s AND md5(params_key) = md5(%(params)s)
                     AND params_key = %(params)s AND state = 'running')
    ON CONFLICT (query, params_key) WHERE state = 'queued' DO NOTHING
"""


def span_state(cursor: Cursor, user_id: int, statistic: str, span: Span) -> SpanState:
    """How it stands."""
    params = _params(user_id, statistic, span)
    cursor.execute(_STATE, {**params, "query": QUERY, "params": _key(params), "kept": SPAN_KEPT})
    row = cursor.fetchone()
    assert row is not None
    return SpanState(*row)


def ask_for_span(cursor: Cursor, user_id: int, statistic: str, span: Span) -> Request | None:
    """A request for it, to be published once this is committed; None: somebody has just asked."""
    params = _params(user_id, statistic, span)
    made = Request(QUERY, params, uuid4())
    cursor.execute(_ASK, {"id": made.request_id, "query": QUERY, "params": _key(params)})
    return made if cursor.rowcount else None


def _params(user_id: int, statistic: str, span: Span) -> dict[str, Any]:
    return {"user_id": user_id, "statistic": statistic, "from_ts": span.from_ts, "to_ts": span.to_ts}


def _key(params: Mapping[str, Any]) -> str:
    """As request_consumer/requests.py writes them: equal requests are equal texts."""
    return orjson.dumps(params, option=orjson.OPT_SORT_KEYS).decode()
