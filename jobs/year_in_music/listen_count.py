"""Listens of the year (`total_listen_count`), and whether they are too few for the rest to say much."""

from typing import Any

from jobs.job import Teller
from jobs.year_in_music.section import section_job

FEW = 25
"""Whoever has fewer listens in a year is told so (`too_few_listens`); the sections are there all the same."""
RUN = "SELECT key, CAST(sum(listen_count) AS STRING) AS doc FROM {played_track} GROUP BY key"
"""doc: the number."""


def answer(stored: int, teller: Teller) -> dict[str, Any]:
    """The number, and whether it is less than FEW."""
    del teller
    return {"total_listen_count": stored, "too_few_listens": stored < FEW}


JOB = section_job(
    "listen_count",
    run=RUN,
    inputs=("played_track",),
    answer=answer,
    schema={"total_listen_count": {"type": "integer", "minimum": 1}, "too_few_listens": {"type": "boolean"}},
    about="Listens",
)
