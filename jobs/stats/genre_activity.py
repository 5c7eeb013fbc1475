"""Genres that a user hears by hour of her clock (jobs.md 7.5): per hour the ten with the most listens.

A listen counts once for every genre of its recording; one whose recording has none counts nowhere. Where ten genres
are as many listens as the eleventh, the greatest by UTF-8 bytes stay; the original took any.
"""

from collections.abc import Mapping
from typing import Any

from jobs.job import Route, UserDocument
from jobs.stats.schemas import TEXT, rows
from jobs.stats.whose import USER, statistic_job

RUN = """
WITH played AS (
    SELECT key, user_id, track_id, windows, CAST(local_at DIV 3600 % 24 AS INT) AS hour, count(*) AS listen_count
      FROM {plays} GROUP BY ALL
), heard AS (
    SELECT p.key, p.windows, p.hour, i.genre_id, sum(p.listen_count) AS listen_count
      FROM (SELECT p.*, coalesce(o.identity_id, CAST(p.track_id AS BIGINT)) AS identity_id FROM played p
              LEFT JOIN {personal_track} o ON o.user_id = p.user_id AND o.track_id = p.track_id) p
      JOIN (SELECT g.identity_id, n.genre_id
              FROM {identity_genre} g JOIN {genre_number} n ON n.genre = g.genre) i ON i.identity_id = p.identity_id
     GROUP BY ALL
), summed AS (
    SELECT h.key, w.slot, h.hour, h.genre_id, sum(h.listen_count) AS listen_count
      FROM heard h JOIN {window_slot} w ON w.windows = h.windows
     GROUP BY ALL
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY key, slot, hour ORDER BY listen_count DESC, genre_id DESC) AS place
      FROM summed
), by_genre AS (
    SELECT key, slot, genre_id, sort_array(collect_list(array(hour, listen_count))) AS hours
      FROM ranked WHERE place <= 10 GROUP BY key, slot, genre_id
)
SELECT g.key, g.slot, to_json(sort_array(collect_list(struct(n.genre, g.hours)))) AS doc
  FROM by_genre g JOIN {genre_number} n ON n.genre_id = g.genre_id
 GROUP BY g.key, g.slot
"""
"""doc: [{"genre", "hours": [[hour, listen_count], ...]}, ...], both ascending. Ids are in the order of genres."""


def answer(stored: list[Mapping[str, Any]], stats_range: str, newest_listen_ts: int, zone: str) -> list[dict[str, Any]]:
    """One item per genre and hour that it is kept in, by genre, then hour."""
    return [
        {"genre": one["genre"], "hour": hour, "listen_count": listen_count}
        for one in stored
        for hour, listen_count in one["hours"]
    ]


JOB = statistic_job(
    USER,
    "genre_activity",
    run=RUN,
    inputs=("plays", "personal_track", "identity_genre", "genre_number", "window_slot"),
    output=UserDocument(),
    about="Genres that every user hears by hour of the day, in nine ranges",
    route=Route(
        "",
        "genre_activity",
        answer=answer,
        schema=rows(
            {
                "genre": TEXT,
                "hour": {"type": "integer", "minimum": 0, "maximum": 23},
                "listen_count": {"type": "integer", "minimum": 1},
            }
        ),
    ),
)
