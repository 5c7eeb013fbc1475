"""A playlist of recordings first heard in the year (`playlist-top-discoveries-for-year`), each more than three times.

Only recordings with an MBID, which JSPF names them by. Listens of later years do not count, so the report of a year
that is over stays as it is.
"""

from collections.abc import Mapping
from typing import Any

from jobs.job import Teller
from jobs.year_in_music.playlist import CHOSEN, EXPORT_TO_SPOTIFY, INPUTS, SCHEMA, playlist
from jobs.year_in_music.section import section_job

KEY = "playlist-top-discoveries-for-year"
ABOUT = "Recordings heard in this year for the first time, and more than three times."
RUN = CHOSEN.replace("{candidate}", "{discovered_recording}")


def answer(stored: list[Mapping[str, Any]], teller: Teller) -> dict[str, Any]:
    """As JSPF."""
    return {KEY: playlist(stored, teller, "Top Discoveries", ABOUT, "top-discoveries")}


JOB = section_job(
    "top_discoveries",
    run=RUN,
    inputs=("discovered_recording", *INPUTS),
    answer=answer,
    schema={KEY: SCHEMA},
    params=(EXPORT_TO_SPOTIFY,),
    about="A playlist of recordings first heard",
)
