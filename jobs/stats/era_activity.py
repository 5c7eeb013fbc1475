"""Listens by the year in which their release group first came out, of a user and of everybody (jobs.md 7.5, 7.6).

A listen has a year through its release: the group that the release cache names, the year that the group cache says,
from 1800 on. All other listens count nowhere, years without listens are not shown, and without any year there is no
answer.
"""

from jobs.job import Route, SitewideDocument, UserDocument
from jobs.stats.schemas import rows
from jobs.stats.whose import EVERYBODY, USER, statistic_job

OF_USER = """
WITH summed AS (
    SELECT y.key, w.slot, y.year, sum(y.listen_count) AS listen_count
      FROM {group_year} y JOIN {window_slot} w ON w.windows = y.windows
     GROUP BY ALL
)
SELECT key, slot, to_json(sort_array(collect_list(array(year, listen_count)))) AS doc FROM summed GROUP BY key, slot
"""
"""doc: [[year, listen_count], ...], ascending."""
OF_EVERYBODY = """
SELECT slot, to_json(sort_array(collect_list(array(year, listen_count)))) AS doc FROM {everybody_year} GROUP BY slot
"""
SCHEMA = rows({"year": {"type": "integer"}, "listen_count": {"type": "integer", "minimum": 1}})


def answer(stored: list[list[int]], stats_range: str, newest_listen_ts: int, zone: str) -> list[dict[str, int]]:
    """The years that have listens, ascending."""
    return [{"year": year, "listen_count": listen_count} for year, listen_count in stored]


ROUTE = Route("", "era_activity", answer=answer, schema=SCHEMA)
JOBS = (
    statistic_job(
        USER,
        "era_activity",
        run=OF_USER,
        inputs=("group_year", "window_slot"),
        output=UserDocument(),
        about="Listens of every user by year of first release, in nine ranges",
        route=ROUTE,
    ),
    statistic_job(
        EVERYBODY,
        "era_activity",
        run=OF_EVERYBODY,
        inputs=("everybody_year",),
        output=SitewideDocument(),
        about="Listens of everybody by year of first release, in nine ranges",
        route=ROUTE,
    ),
)
