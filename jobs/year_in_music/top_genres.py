"""Genres most heard in the year (`top_genres`): the 25 with the most listens, with all that tie with the last of them.

`genre_count` is listens, where the original counts the votes that people gave to the genres of the distinct recordings
(jobs.md 14.13): votes say how popular a recording is at MusicBrainz, not what the user heard. A listen counts once for
every genre of its recording, of its release groups or of its artists. `genre_count_percent` is of what all genres of
the user count together, with two decimals.
"""

from collections.abc import Mapping
from typing import Any

from jobs.job import Teller
from jobs.stats.schemas import TEXT, rows
from jobs.year_in_music.section import section_job

RUN = """
WITH counted AS (
    SELECT p.key, g.genre, sum(p.listen_count) AS genre_count
      FROM {user_track} p JOIN {any_genre} g ON g.identity_id = p.identity_id
     GROUP BY p.key, g.genre
), ranked AS (
    SELECT *, rank() OVER (PARTITION BY key ORDER BY genre_count DESC) AS place,
           sum(genre_count) OVER (PARTITION BY key) AS whole
      FROM counted
)
SELECT key, to_json(struct(max(whole) AS whole,
                           sort_array(collect_list(struct(genre_count, genre)), false) AS genres)) AS doc
  FROM ranked WHERE place <= 25 GROUP BY key
"""
"""doc: {"whole": all genres together, "genres": [{"genre_count", "genre"}, ...]}, both descending."""


def answer(stored: Mapping[str, Any], teller: Teller) -> dict[str, Any]:
    """With what share of the whole each is, per cent."""
    del teller
    return {
        "top_genres": [
            {
                "genre": one["genre"],
                "genre_count": one["genre_count"],
                "genre_count_percent": round(100 * one["genre_count"] / stored["whole"], 2),
            }
            for one in stored["genres"]
        ]
    }


JOB = section_job(
    "top_genres",
    run=RUN,
    inputs=("user_track", "any_genre"),
    answer=answer,
    schema={
        "top_genres": rows(
            {
                "genre": TEXT,
                "genre_count": {"type": "integer", "minimum": 1},
                "genre_count_percent": {"type": "number", "minimum": 0, "maximum": 100},
            }
        )
    },
    about="The 25 genres with the most listens",
)
