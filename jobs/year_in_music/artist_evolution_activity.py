"""Listens of artists by month of the year (`artist_evolution_activity`): of all of them, not of twenty.

Which artists those are, and how they are answered, is as in the statistic of that name (jobs/stats).
"""

from collections.abc import Mapping
from typing import Any

from jobs.job import Teller
from jobs.stats import artist_evolution_activity
from jobs.year_in_music.section import section_job

RUN = """
WITH by_artist AS (
    SELECT key, artist_id, sort_array(collect_list(array(unit, listen_count))) AS units
      FROM {artist_unit} GROUP BY key, artist_id
)
SELECT b.key, to_json(sort_array(collect_list(struct(a.artist_mbid, a.artist_name, b.units)))) AS doc
  FROM by_artist b JOIN {credited_artist} a ON a.artist_id = b.artist_id
 GROUP BY b.key
"""
"""doc: [{"artist_mbid", "artist_name", "units": [[month, listen_count], ...]}, ...], both ascending."""


def answer(stored: list[Mapping[str, Any]], teller: Teller) -> dict[str, Any]:
    """As the statistic is answered for a year: `time_unit` is a month's name."""
    return {
        "artist_evolution_activity": artist_evolution_activity.answer(stored, "year", 0, teller.zone),
    }


JOB = section_job(
    "artist_evolution_activity",
    run=RUN,
    inputs=("artist_unit", "credited_artist"),
    answer=answer,
    schema={"artist_evolution_activity": artist_evolution_activity.SCHEMA},
    about="Artists by month",
    command="artist_evolution",
)
