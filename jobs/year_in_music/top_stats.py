"""The fifty artists, recordings and release groups most heard in the year (`top_artists`, ...), and how many there are.

Made from the lists of the statistics, counted in the year: the same items, names and order (jobs/stats).
"""

from collections.abc import Callable, Mapping
from typing import Any

from jobs.job import Job, Teller
from jobs.stats import artists, recordings, release_groups
from jobs.stats.schemas import COUNT, NO_MBID, TEXT, rows
from jobs.year_in_music.section import Answer, section_job

_TOP = """
WITH whole AS (SELECT key, count(*) AS total FROM {listed} GROUP BY key), top AS (
    SELECT l.key, array_sort(collect_list(struct(l.place, l.listen_count, {shown_columns}))) AS items
      FROM {listed} l JOIN {shown} s ON s.id = l.id
     WHERE l.place <= 50
     GROUP BY l.key
)
SELECT t.key, to_json(struct(w.total, t.items), map('ignoreNullFields', 'false')) AS doc
  FROM top t JOIN whole w ON w.key = t.key
"""
"""doc: {"total": items there are, "items": [{"place", "listen_count", ...}, ...]}, the first fifty."""
TOP_ARTISTS = _TOP.replace("{shown_columns}", "s.artist_name, s.artist_mbid")
TOP_RECORDINGS = _TOP.replace(
    "{shown_columns}",
    "s.track_name, s.recording_mbid, s.artist_name, s.artist_mbids, s.release_name, s.release_mbid, s.artists, "
    "s.caa_id, s.caa_release_mbid",
)
TOP_RELEASE_GROUPS = _TOP.replace(
    "{shown_columns}",
    "s.release_group_name, s.release_group_mbid, s.artist_name, s.artist_mbids, s.artists, s.caa_id, "
    "s.caa_release_mbid",
)
_MBIDS = {"type": "array", "items": {"type": "string", "format": "uuid"}}
_COVER = {"caa_id": {"type": ["integer", "null"]}, "caa_release_mbid": NO_MBID}
_ALBUM = {"artist_name": TEXT, "artist_mbids": _MBIDS, "artists": {"type": "array", "items": {"type": "object"}}}


def _answer(entity: str, item: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Answer:
    def answer(stored: Mapping[str, Any], teller: Teller) -> dict[str, Any]:
        del teller
        items = [
            {**item({name: one[name] for name in one if name not in ("place", "listen_count")}),
             "listen_count": one["listen_count"]}
            for one in stored["items"]
        ]  # fmt: skip
        return {f"top_{entity}": items, f"total_{entity}_count": stored["total"]}

    return answer


def _job(entity: str, run: str, made_from: Job, shown: Mapping[str, Any], about: str) -> Job:
    assert made_from.route is not None
    items = rows({**shown, "listen_count": COUNT}) | {"maxItems": 50}
    return section_job(
        f"top_{entity}",
        run=run,
        inputs=(),
        answer=_answer(entity, made_from.route.item),
        schema={f"top_{entity}": items, f"total_{entity}_count": COUNT},
        about=about,
        request="top_stats",
        command="top_stats",
        select={"entity": entity},
        made_from=made_from,
    )


JOBS = (
    _job(
        "artists",
        TOP_ARTISTS,
        artists.JOBS[0],
        {"artist_name": TEXT, "artist_mbid": NO_MBID, "artist_mbids": _MBIDS},
        "The fifty artists most heard, and how many there were",
    ),
    _job(
        "recordings",
        TOP_RECORDINGS,
        recordings.JOBS[0],
        {
            "track_name": TEXT,
            "recording_mbid": NO_MBID,
            "release_name": {"type": ["string", "null"]},
            "release_mbid": NO_MBID,
            **_ALBUM,
            **_COVER,
        },
        "The fifty recordings most heard, and how many there were",
    ),
    _job(
        "release_groups",
        TOP_RELEASE_GROUPS,
        release_groups.JOBS[0],
        {"release_group_name": TEXT, "release_group_mbid": NO_MBID, **_ALBUM, **_COVER},
        "The fifty release groups most heard, and how many there were",
    ),
)
