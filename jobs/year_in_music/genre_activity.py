"""Genres by hour of the day in the year (`genre_activity`): the statistic of that name, counted in the year."""

from collections.abc import Mapping
from typing import Any

from jobs.job import Teller
from jobs.stats import genre_activity
from jobs.year_in_music.section import section_job

_STATISTIC = genre_activity.JOB
assert _STATISTIC.route is not None


def answer(stored: list[Mapping[str, Any]], teller: Teller) -> dict[str, Any]:
    """As the statistic is answered."""
    return {"genre_activity": genre_activity.answer(stored, "year", 0, teller.zone)}


JOB = section_job(
    "genre_activity",
    run=genre_activity.RUN,
    inputs=_STATISTIC.inputs,
    answer=answer,
    schema={"genre_activity": _STATISTIC.route.schema},
    about="Genres by hour of the day",
)
