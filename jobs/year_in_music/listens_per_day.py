"""Listens of every day of the year (`listens_per_day`), those without listens too; days of the user's own clock."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jobs.clock import MONTHS
from jobs.job import Teller
from jobs.ranges import DAY, midnight
from jobs.stats.schemas import COUNT, TEXT, rows
from jobs.year_in_music.section import section_job
from jobs.years import days_of

RUN = """
SELECT key, to_json(sort_array(collect_list(array(CAST(day AS BIGINT), listen_count)))) AS doc
  FROM {year_day} GROUP BY key
"""
"""doc: [[day, listen_count], ...], ascending; a day is days since 1970-01-01."""
_UNIX_DAY = date(1970, 1, 1)
_SECONDS = {"type": "integer"}


def answer(stored: list[list[int]], teller: Teller) -> dict[str, Any]:
    """A bucket per day, ascending; its to_ts is the last second of it."""
    counts = {_UNIX_DAY + timedelta(days=number): listen_count for number, listen_count in stored}
    clock, days = ZoneInfo(teller.zone), days_of(teller.year)
    year = [days.first + timedelta(days=number) for number in range((days.end - days.first).days)]
    return {
        "listens_per_day": [
            {
                "from_ts": midnight(day, clock),
                "to_ts": midnight(day + DAY, clock) - 1,
                "time_range": f"{day.day:02} {MONTHS[day.month - 1]} {day.year}",
                "listen_count": counts.get(day, 0),
            }
            for day in year
        ]
    }


JOB = section_job(
    "listens_per_day",
    run=RUN,
    inputs=("year_day",),
    answer=answer,
    schema={
        "listens_per_day": rows({"from_ts": _SECONDS, "to_ts": _SECONDS, "time_range": TEXT, "listen_count": COUNT})
    },
    about="Listens of every day",
)
