"""Countries of the artists heard in the year (`artist_map`): the statistic of that name, counted in the year."""

from typing import Any

from jobs.job import Teller
from jobs.stats import artist_map, artists
from jobs.year_in_music.section import section_job


def answer(stored: list[dict[str, Any]], teller: Teller) -> dict[str, Any]:
    """As stored."""
    del teller
    return {"artist_map": stored}


JOB = section_job(
    "artist_map",
    run=artist_map.MAP,
    inputs=("artist_names",),
    answer=answer,
    schema={"artist_map": artist_map.SCHEMA},
    about="Countries of the artists",
    made_from=artists.JOBS[0],
)
