"""A playlist of recordings that similar users heard in the year and the user never did, in no year up to it.

(`playlist-top-missed-recordings-for-year`; the original asks only what she heard in that year, jobs.md 14.13.) Those of
the three most similar users of the year, by their listens together; nothing that the user excludes.
"""

from collections.abc import Mapping
from typing import Any

from jobs.job import Teller
from jobs.year_in_music.playlist import CHOSEN, EXPORT_TO_SPOTIFY, INPUTS, SCHEMA, playlist
from jobs.year_in_music.section import section_job

KEY = "playlist-top-missed-recordings-for-year"
ABOUT = "Recordings that the three users with the most similar taste heard this year, and this one never did."
RUN = CHOSEN.replace("{candidate}", "{missed_recording}")


def answer(stored: list[Mapping[str, Any]], teller: Teller) -> dict[str, Any]:
    """As JSPF."""
    return {KEY: playlist(stored, teller, "Top Missed Recordings", ABOUT, "top-missed-recordings")}


JOB = section_job(
    "top_missed_recordings",
    run=RUN,
    inputs=("missed_recording", *INPUTS),
    answer=answer,
    schema={KEY: SCHEMA},
    params=(EXPORT_TO_SPOTIFY,),
    about="A playlist of what similar users heard and the user did not",
)
