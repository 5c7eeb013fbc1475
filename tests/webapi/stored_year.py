"""Sections of the year in music as runs store them: a small report, and how any is stored."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import uuid4

import orjson

from conf.postgres import Connection, transaction
from jobs.years import days_of, range_of
from webapi.year_in_music import statistics

COMPUTED = 1_640_000_000
"""2021-12-20T11:33:20."""
MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
NEW_YEAR = (days_of(2021).first - date(1970, 1, 1)).days
ARTIST = {"artist_credit_name": "Low", "join_phrase": "", "artist_mbid": MBID}
TRACK = {"place": 1, "recording_mbid": MBID, "track_name": "Words", "artist_name": "Low", "artist_mbids": [MBID]}
ALBUM = {"artist_name": "Low", "artist_mbids": [MBID], "artists": None, "caa_id": None, "caa_release_mbid": None}
STORED: dict[str, Any] = {
    "listen_count": 4,
    "listening_time": 61_500,
    "listens_per_day": [[NEW_YEAR, 3], [NEW_YEAR + 364, 1]],
    "day_of_week": 4,
    "most_listened_year": [[1957, 2]],
    "top_artists": {"total": 9, "items": [{"place": 1, "listen_count": 4, "artist_name": "Low", "artist_mbid": None}]},
    "top_recordings": {
        "total": 1,
        "items": [{**ALBUM, **TRACK, "listen_count": 4, "release_name": None, "release_mbid": None}],
    },
    "top_release_groups": {
        "total": 1,
        "items": [{**ALBUM, "place": 1, "listen_count": 4, "release_group_name": "Trust", "release_group_mbid": MBID}],
    },
    "artist_map": [
        {
            "country": "USA",
            "artist_count": 1,
            "listen_count": 4,
            "artists": [{"artist_mbid": MBID, "artist_name": "Low", "listen_count": 4}],
        }
    ],
    "top_genres": {"whole": 8, "genres": [{"genre_count": 3, "genre": "slowcore"}]},
    "genre_activity": [{"genre": "slowcore", "hours": [[0, 2]]}],
    "artist_evolution_activity": [{"artist_mbid": MBID, "artist_name": "Low", "units": [[1, 3], [12, 1]]}],
    "new_releases_of_top_artists": [
        {
            "title": "Hey What",
            "artist_credit_name": "Low",
            "release_group_mbid": MBID,
            "artist_credit_mbids": [MBID],
            "artists": [ARTIST],
            "caa_id": 7,
            "caa_release_mbid": MBID,
        }
    ],
    "new_artists_discovered": 1,
    "top_discoveries": [TRACK],
    "top_missed_recordings": [TRACK | {"release_name": "Trust", "release_mbid": MBID, "artists": [ARTIST]}],
}
"""By section; of 2021."""


def store_year(
    connection: Connection, user_id: int, year: int, sections: Mapping[str, Any], *, zone: str | None = None
) -> None:
    """A user's report, as of a run of that year; with `zone`, as if she had settings."""
    store_year_runs(connection, year)
    applied = (
        None if zone is None else orjson.dumps({"timezone": zone, "artists": 0, "recordings": 0, "clients": 0}).decode()
    )
    with transaction(connection) as cursor:
        for section, doc in sections.items():
            cursor.execute(
                "INSERT INTO result_document (statistic, stats_range, key, doc, applied) VALUES (%s, %s, %s, %s, %s)",
                (f"year_in_music_{section}", range_of(year), user_id, orjson.dumps(doc).decode(), applied),
            )


def store_year_runs(connection: Connection, year: int) -> None:
    """That the report of a year was computed, whoever has results of it."""
    with transaction(connection) as cursor:
        for statistic in statistics():
            cursor.execute(
                "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
                " last_updated, row_count) VALUES (%s, %s, %s, 7, 1, 2, 3, to_timestamp(%s), 1) ON CONFLICT DO NOTHING",
                (statistic, range_of(year), str(uuid4()), COMPUTED),
            )
