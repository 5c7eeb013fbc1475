"""Years in music that are told and are not right any more: something of theirs changed after their run.

A listen of a year may come late, be deleted, be excluded, or move into another year with its user's time zone; with an
account its listens go, which other users' missed recordings and similar users were found by, and no year of them is
kept to look for. Who asked for the report once does not ask again, so the scheduler does, for a year at most once in
REST_HOURS, whether it was told then or that failed for good: its report is of everybody. A corrected mapping is not
looked for: mappings come all the time, and each would tell every year anew.
"""

from datetime import timedelta

from conf.broker import Broker
from conf.postgres import Connection, transaction
from jobs.catalog import catalog
from jobs.year_in_music.report import BUNDLE
from jobs.years import YEAR, days_of
from request_consumer.asked import asked_for
from request_consumer.requests import RequestOpenError, enqueue_alone

REST_HOURS = 20
_SLACK = int(timedelta(days=1).total_seconds())
"""A year begins and ends that much earlier or later on somebody's clock, at most."""
_TOLD = """
SELECT stats_range::integer, min(coalesce(position, 0)) FROM run WHERE statistic = ANY(%(statistics)s)
 GROUP BY stats_range HAVING max(last_updated) < now() - make_interval(hours => %(hours)s) ORDER BY 1
"""
_CHANGED = """
SELECT EXISTS (SELECT FROM listen_delete WHERE position > %(position)s
                  AND (listened_at IS NULL OR listened_at >= %(from_ts)s AND listened_at < %(to_ts)s))
    OR EXISTS (SELECT FROM exclusion WHERE position > %(position)s)
    OR EXISTS (SELECT FROM exclusion_delete WHERE position > %(position)s)
    OR EXISTS (SELECT FROM user_settings WHERE position > %(position)s)
    OR EXISTS (SELECT FROM user_delete WHERE position > %(position)s)
    OR EXISTS (SELECT FROM listen WHERE position > %(position)s
                  AND listened_at >= %(from_ts)s AND listened_at < %(to_ts)s)
"""
_FAILED = """
SELECT EXISTS (SELECT FROM request WHERE query = %(query)s AND params_key = %(key)s AND state = 'failed'
                  AND finished > now() - make_interval(hours => %(hours)s))
"""


def changed_years(connection: Connection) -> list[int]:
    """Years of which something changed since they were told, REST_HOURS ago or longer; ascending."""
    told = {"statistics": [job.statistic for job in catalog().jobs.values() if job.of_year], "hours": REST_HOURS}
    with transaction(connection) as cursor:
        cursor.execute(_TOLD, told)
        found = []
        for year, position in cursor.fetchall():
            days = days_of(year)
            of_year = {"from_ts": days.from_ts - _SLACK, "to_ts": days.to_ts + _SLACK}
            cursor.execute(_CHANGED, of_year | {"position": position})
            row = cursor.fetchone()
            if row is not None and row[0]:
                found.append(year)
    return found


def tell_anew(connection: Connection, broker: Broker) -> int:
    """Ask for the report of every such year that nobody is asking for, and that did not fail lately; how many."""
    asked = 0
    for year in changed_years(connection):
        if _failed(connection, year):
            continue
        try:
            enqueue_alone(connection, broker, BUNDLE.name, {YEAR.name: year})
        except RequestOpenError:
            continue
        asked += 1
    return asked


def _failed(connection: Connection, year: int) -> bool:
    """Whether the report of a year failed for good lately: what it failed of is there still, mostly."""
    key = asked_for(BUNDLE.name, {YEAR.name: year}).key
    with transaction(connection) as cursor:
        cursor.execute(_FAILED, {"query": BUNDLE.name, "key": key, "hours": REST_HOURS})
        row = cursor.fetchone()
    return row is not None and bool(row[0])
