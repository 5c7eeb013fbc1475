"""Seconds listened in the year (`total_listening_time`), a number that may have a fraction.

Of each listen what its player says it was played for, else how long the track is: as the listen says, else as
MusicBrainz does, else 180 s. Lists by listening time count the same way (jobs/inputs.py user_track). The original
asks MusicBrainz only; of listens that say nothing of their length both are the same.
"""

from typing import Any

from jobs.job import Teller
from jobs.year_in_music.section import section_job

RUN = """
SELECT key, CAST(sum(played_ms + duration_ms + length_ms + default_ms) AS STRING) AS doc FROM {user_track} GROUP BY key
"""
"""doc: milliseconds."""


def answer(stored: int, teller: Teller) -> dict[str, Any]:
    """In seconds."""
    del teller
    return {"total_listening_time": stored / 1000}


JOB = section_job(
    "listening_time",
    run=RUN,
    inputs=("user_track",),
    answer=answer,
    schema={"total_listening_time": {"type": "number", "minimum": 0}},
    about="Seconds listened",
)
