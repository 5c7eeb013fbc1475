"""Statistics as runs store them, of a user or of everybody, in all nine ranges: invented, but of real sizes."""

import json
from collections.abc import Sequence
from typing import Any

from conf.postgres import Connection, transaction
from jobs.clock import TIME_UNITS, activity
from jobs.ranges import ALL_TIME, STATS_RANGES, period

T = 1_628_511_763
"""2021-08-09T12:22:43, a Monday."""
NEWEST = T - 40 * 86400
"""The newest listen: statistics are counted to later than that."""
COMPUTED = 1_628_600_000
"""2021-08-10T12:53:20."""
DATA_VERSION = 42
MBIDS = [f"bf9e91ea-8029-4a04-a26a-{n:012}" for n in range(400)]
NAMES = (
    "Broadcast", "Stereolab", "Björk", "森山直太朗", "أم كلثوم", "Sigur Rós", "Low",
    "An orchestra whose name is longer than a line of this list can ever be", "múm", "Khruangbin", "Nina Simone",
    "Tortoise", "Portishead", "Can", "Neu!", "Fela Kuti", "Os Mutantes", "Kraftwerk", "Nusrat Fateh Ali Khan", "CAN",
)  # fmt: skip
COUNTRIES = (
    "GBR", "USA", "ISL", "DEU", "JPN", "FRA", "BRA", "EGY", "NGA", "PAK", "SWE", "CAN", "XKX", "ZZZ",
)  # fmt: skip
GENRES = (
    "dream pop",
    "electronic",
    "jazz",
    "krautrock",
    "post-rock",
    "trip hop",
    "soul",
    "ambient",
    "afrobeat",
    "folk",
)


def counts_of(names: Sequence[str]) -> list[int]:
    """Listens, falling from place to place."""
    return [2 + 4000 // (place + 1) for place in range(len(names))]


def lists_of(names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Structs of every list, in its order."""
    beside = {"artist_mbids": None, "artists": None, "caa_id": None, "caa_release_mbid": None}
    return {
        "artists": [{"artist_name": name, "artist_mbid": MBIDS[n]} for n, name in enumerate(names)],
        "recordings": [
            {"track_name": f"{name} (live)", "recording_mbid": None, "artist_name": name, "release_name": None,
             "release_mbid": None, **beside} for name in names
        ],
        "releases": [
            {"release_name": f"Best of {name}", "release_mbid": None, "artist_name": name, **beside} for name in names
        ],
        "release_groups": [
            {"release_group_name": f"Sound of {name}", "release_group_mbid": None, "artist_name": name, **beside}
            for name in names
        ],
    }  # fmt: skip


def documents_of(names: Sequence[str], genres: Sequence[str], stats_range: str) -> dict[str, Any]:
    """What is stored of every statistic that is no list."""
    counts = counts_of(names)
    return {
        "listening_activity": [[day, 3 + day * 7919 % 61] for day in _buckets(stats_range)],
        "daily_activity": [[hour, 1 + (hour * hour) % 97] for hour in range(168) if hour % 24 >= 7],
        "genre_activity": [
            {"genre": genre, "hours": [[hour, 1 + (hour * (n + 3)) % 40] for hour in range(n, 24)]}
            for n, genre in enumerate(sorted(genres))
        ],
        "era_activity": [[year, 1 + (year * 31) % 57] for year in range(1959, 2022) if year % 7],
        "artist_evolution_activity": [
            {"artist_mbid": MBIDS[n], "artist_name": name, "units": [[unit, 1 + counts[n] // 40 * (unit * 13 % 7) // 6]
             for unit in _units(stats_range)]} for n, name in enumerate(names[:20])
        ],
        "artist_map": [
            {"artist_count": 30 // (n + 1) + 1, "listen_count": 900 // (n + 1), "country": country,
             "artists": [{"listen_count": 2, "artist_name": name, "artist_mbid": None} for name in names[n : n + 9]]}
            for n, country in enumerate(COUNTRIES)
        ],
        "artist_activity": [
            {"name": name, "artist_name": name, "artist_mbid": MBIDS[n], "listen_count": counts[n], "albums": [
                {"name": f"Album {album} of {name}", "listen_count": counts[n] // 12, "release_group_mbid": None}
                for album in range(12)
            ]} for n, name in enumerate(names[:15])
        ],
    }  # fmt: skip


def store(
    connection: Connection,
    key: int,
    names: Sequence[str] = NAMES,
    *,
    genres: Sequence[str] = GENRES,
    ranges: Sequence[str] = STATS_RANGES,
    zone: str | None = None,
    documents: dict[str, Any] | None = None,
) -> None:
    """Results of a user, or of everybody (key 0). With `zone`, as if she had settings: also artists left out.

    `documents`: in place of those invented here.
    """
    applied = None if zone is None else json.dumps({"timezone": zone, "artists": 2, "recordings": 1, "clients": 0})
    prefix = "user" if key else "sitewide"
    lists, counts = lists_of(names), counts_of(names)
    with transaction(connection) as cursor:
        for statistic, structs in lists.items():
            docs = [json.dumps(struct) for struct in structs]
            cursor.execute(
                "INSERT INTO result_entity (id, doc) SELECT hashtextextended(doc, 0), doc FROM unnest(%s) doc"
                " ON CONFLICT DO NOTHING",
                (docs,),
            )
            for stats_range in ranges:
                cursor.execute(
                    "INSERT INTO result_list (statistic, stats_range, key, ids, counts, applied) VALUES (%s, %s, %s,"
                    " ARRAY(SELECT hashtextextended(d.doc, 0) FROM unnest(%s) WITH ORDINALITY d (doc, n) ORDER BY n),"
                    " %s, %s)",
                    (f"{prefix}_{statistic}", stats_range, key, docs, counts, applied),
                )
        for stats_range in ranges:
            made = documents_of(names, genres, stats_range) if documents is None else documents
            for statistic, doc in made.items():
                if key or statistic not in ("daily_activity", "genre_activity"):
                    cursor.execute(
                        "INSERT INTO result_document VALUES (%s, %s, %s, %s, %s)",
                        (f"{prefix}_{statistic}", stats_range, key, json.dumps(doc), applied),
                    )
            store_runs(connection, prefix, stats_range, [*lists, *made])


def store_runs(connection: Connection, prefix: str, stats_range: str, statistics: Sequence[str]) -> None:
    """That these were computed, whoever has results of them."""
    bounds = period(stats_range, T)
    with connection.cursor() as cursor:
        for statistic in statistics:
            cursor.execute(
                "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
                " newest_landed_ts, last_updated, row_count)"
                " VALUES (%s, %s, gen_random_uuid(), %s, %s, %s, %s, %s, to_timestamp(%s), 1) ON CONFLICT DO NOTHING",
                (f"{prefix}_{statistic}", stats_range, DATA_VERSION, bounds.from_ts, bounds.to_ts, T, NEWEST, COMPUTED),
            )


def _buckets(stats_range: str) -> list[int]:
    """First days of the buckets of listening activity."""
    if stats_range == ALL_TIME:
        return [(year - 1970) * 365 + (year - 1969) // 4 for year in range(2006, 2022) if year != 2010]
    return [bucket["from_ts"] // 86400 for bucket in activity([], stats_range, T, "UTC")]


def _units(stats_range: str) -> range:
    """Numbers of time units of artist evolution, as stored."""
    if stats_range in TIME_UNITS["by_weekday"]:
        return range(7)
    if stats_range in TIME_UNITS["by_day"]:
        return range(1, 31)
    if stats_range == ALL_TIME:
        return range(2006, 2022)
    first = {"this_year": 1, "quarter": 4, "half_yearly": 1, "year": 1}[stats_range]
    last = {"this_year": 8, "quarter": 6, "half_yearly": 6, "year": 12}[stats_range]
    return range(first, last + 1)
