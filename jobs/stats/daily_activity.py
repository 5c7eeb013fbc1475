"""Listens of a user by weekday and hour of her clock (jobs.md 7.5). The answer has all 168 hours of a week.

An hour that a clock shows twice counts both times, one that it skips has no listens.
"""

from typing import Any

from jobs.clock import HOURS, WEEKDAYS
from jobs.job import Route, UserDocument
from jobs.stats.schemas import COUNT, rows
from jobs.stats.whose import USER, statistic_job

RUN = """
WITH played AS (
    SELECT key, windows, (local_at DIV 3600 + 72) % 168 AS hour, count(*) AS listen_count
      FROM {plays} GROUP BY ALL
), summed AS (
    SELECT p.key, w.slot, p.hour, sum(p.listen_count) AS listen_count
      FROM played p JOIN {window_slot} w ON w.windows = p.windows
     GROUP BY ALL
)
SELECT key, slot, to_json(sort_array(collect_list(array(hour, listen_count)))) AS doc FROM summed GROUP BY key, slot
"""
"""doc: [[hour of the week, listen_count], ...], ascending. Hour 0 begins on Monday; 1970 began on a Thursday."""


def answer(stored: list[list[int]], stats_range: str, newest_listen_ts: int, zone: str) -> dict[str, Any]:
    """All hours of all weekdays, Monday first: {"Monday": [{"hour": 0, "listen_count": n}, ...], ...}."""
    counts: dict[int, int] = dict(stored)  # type: ignore[arg-type]
    return {
        weekday: [{"hour": hour, "listen_count": counts.get(number * HOURS + hour, 0)} for hour in range(HOURS)]
        for number, weekday in enumerate(WEEKDAYS)
    }


_HOURS = rows({"hour": {"type": "integer", "minimum": 0, "maximum": 23}, "listen_count": COUNT})
JOB = statistic_job(
    USER,
    "daily_activity",
    run=RUN,
    inputs=("plays", "window_slot"),
    output=UserDocument(),
    about="Listens of every user by weekday and hour, in nine ranges",
    route=Route(
        "",
        "daily_activity",
        answer=answer,
        schema={
            "type": "object",
            "properties": dict.fromkeys(WEEKDAYS, _HOURS),
            "required": list(WEEKDAYS),
            "additionalProperties": False,
        },
        says_stats_range=True,
    ),
)
