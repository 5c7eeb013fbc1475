"""How many artists the user heard in the year for the first time (`total_new_artists_discovered`).

Artists are told apart as in top artists: by MBID and folded name, a listen counting for every artist of its credit. So
an artist who was known by the credit's text alone before is new once listens name her MBID.
"""

from typing import Any

from jobs.job import Teller
from jobs.stats.schemas import COUNT
from jobs.year_in_music.section import section_job

RUN = """
WITH heard AS (
    SELECT DISTINCT p.key, a.artist_mbid, a.artist_key
      FROM {user_track} p JOIN {identity_artist} a ON a.identity_id = p.identity_id
)
SELECT h.key, CAST(count_if(b.key IS NULL) AS STRING) AS doc
  FROM heard h
  LEFT JOIN {artist_before} b ON b.key = h.key AND b.artist_key = h.artist_key AND b.artist_mbid <=> h.artist_mbid
 GROUP BY h.key
"""
"""doc: the number."""


def answer(stored: int, teller: Teller) -> dict[str, Any]:
    """The number."""
    del teller
    return {"total_new_artists_discovered": stored}


JOB = section_job(
    "new_artists_discovered",
    run=RUN,
    inputs=("user_track", "identity_artist", "artist_before"),
    answer=answer,
    schema={"total_new_artists_discovered": COUNT},
    about="How many artists were heard for the first time",
    request="new_artists_discovered_count",
)
