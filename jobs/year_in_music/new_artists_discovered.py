"""How many artists the user heard in the year for the first time (`total_new_artists_discovered`).

A listen counts for every artist of its credit. An artist with an MBID is known by it, whatever she was called then, or
by her name where that came without one; who is a name only, by the name. So nobody is new because a credit names her
with others, nor because players begin to send MBIDs; two artists of one name are two once their MBIDs say so.
"""

from typing import Any

from jobs.job import Teller
from jobs.stats.schemas import COUNT
from jobs.year_in_music.section import section_job

RUN = """
WITH heard AS (
    SELECT DISTINCT p.key, a.artist_mbid, a.artist_key
      FROM {user_track} p JOIN {identity_artist} a ON a.identity_id = p.identity_id
), told_apart AS (
    SELECT key, artist_mbid, artist_key
      FROM (SELECT h.*, max(artist_mbid) OVER (PARTITION BY key, artist_key) AS known_as FROM heard h)
     WHERE artist_mbid IS NOT NULL OR known_as IS NULL
), names_before AS (
    SELECT key, artist_key, bool_or(artist_mbid IS NULL) AS by_name FROM {artist_before} GROUP BY key, artist_key
), artists AS (
    SELECT t.key,
           bool_or(m.key IS NOT NULL OR n.key IS NOT NULL AND (n.by_name OR t.artist_mbid IS NULL)) AS known
      FROM told_apart t
      LEFT JOIN (SELECT DISTINCT key, artist_mbid FROM {artist_before}) m
        ON m.key = t.key AND m.artist_mbid = t.artist_mbid
      LEFT JOIN names_before n ON n.key = t.key AND n.artist_key = t.artist_key
     GROUP BY t.key, t.artist_mbid, CASE WHEN t.artist_mbid IS NULL THEN t.artist_key END
)
SELECT key, CAST(count_if(NOT known) AS STRING) AS doc FROM artists GROUP BY key
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
