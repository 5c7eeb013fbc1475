"""Users who heard the same recordings in the year (`similar_users`): at most 25, with more than 50 listens each.

Exact cosines of play counts over the year's recordings (an MSID stands in where there is no MBID), the most similar
first; ties: the greater user id. Made apart from the similarity of all time, which it leaves alone (jobs.md 14.13).
"""

from typing import Any

from jobs.job import Teller
from jobs.year_in_music.section import section_job

RUN = """
SELECT key, to_json(array_sort(collect_list(struct(place, other, score)))) AS doc FROM {year_similar} GROUP BY key
"""
"""doc: [{"place": from 1, "other": user id, "score": cosine}, ...], the most similar first."""


def users(stored: list[dict[str, Any]]) -> list[int]:
    """Whom it names."""
    return [one["other"] for one in stored]


def answer(stored: list[dict[str, Any]], teller: Teller) -> dict[str, Any]:
    """{name: score, ...}; who is gone is left out."""
    return {
        "similar_users": {teller.names[one["other"]]: one["score"] for one in stored if one["other"] in teller.names}
    }


JOB = section_job(
    "similar_users",
    run=RUN,
    inputs=("year_similar",),
    answer=answer,
    schema={
        "similar_users": {
            "type": "object",
            "additionalProperties": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        }
    },
    about="Users who heard the same recordings",
    users=users,
)
