"""Listens by the year in which their release group first came out (`most_listened_year`), as era activity has it.

A listen has such a year through its release, if MusicBrainz knows both; all others count nowhere. Where none has one,
the section is not there.
"""

from typing import Any

from jobs.job import Teller
from jobs.year_in_music.section import section_job

RUN = """
WITH summed AS (SELECT key, year, sum(listen_count) AS listen_count FROM {group_year} GROUP BY key, year)
SELECT key, to_json(sort_array(collect_list(array(CAST(year AS BIGINT), listen_count)))) AS doc
  FROM summed GROUP BY key
"""
"""doc: [[year, listen_count], ...], ascending."""


def answer(stored: list[list[int]], teller: Teller) -> dict[str, Any]:
    """{"1957": 2, ...}, ascending."""
    del teller
    return {"most_listened_year": {str(year): listen_count for year, listen_count in stored}}


JOB = section_job(
    "most_listened_year",
    run=RUN,
    inputs=("group_year",),
    answer=answer,
    schema={
        "most_listened_year": {
            "type": "object",
            "propertyNames": {"pattern": "^[0-9]{4,5}$"},
            "additionalProperties": {"type": "integer", "minimum": 1},
        }
    },
    about="Listens by year of first release",
)
