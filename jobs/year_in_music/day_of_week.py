"""The weekday with the most listens of the year (`day_of_week`), on the user's own clock.

Of several the first of a week that begins on Monday; the original took any.
"""

from typing import Any

from jobs.clock import WEEKDAYS
from jobs.job import Teller
from jobs.year_in_music.section import section_job

RUN = """
WITH counted AS (
    SELECT key, weekday(date_from_unix_date(day)) AS weekday, sum(listen_count) AS listen_count
      FROM {year_day} GROUP BY ALL
)
SELECT key, CAST(min(struct(-listen_count AS turned, weekday)).weekday AS STRING) AS doc FROM counted GROUP BY key
"""
"""doc: its number, 0 is Monday."""


def answer(stored: int, teller: Teller) -> dict[str, Any]:
    """Its name."""
    del teller
    return {"day_of_week": WEEKDAYS[stored]}


JOB = section_job(
    "day_of_week",
    run=RUN,
    inputs=("year_day",),
    answer=answer,
    schema={"day_of_week": {"type": "string", "enum": list(WEEKDAYS)}},
    about="The weekday with the most listens",
)
