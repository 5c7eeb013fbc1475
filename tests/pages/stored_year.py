"""A report of a year as a run stores it: invented, but of real sizes."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from jobs.years import days_of
from tests.pages.stored_statistics import COUNTRIES, GENRES, MBIDS, NAMES, counts_of

YEAR = 2021


def sections_of(names: Sequence[str] = NAMES, genres: Sequence[str] = GENRES, year: int = YEAR) -> dict[str, Any]:
    """What is stored of every section but similar users, by section."""
    counts = counts_of(names)
    first = (days_of(year).first - date(1970, 1, 1)).days
    days = [[first + n, 1 + n * 7919 % 23 + n % 50] for n in range(365) if n % 11 and not 200 < n < 215]
    album: dict[str, Any] = {"artist_mbids": [], "artists": None, "caa_id": None, "caa_release_mbid": None}

    def tracks(what: str) -> list[dict[str, Any]]:
        return [
            {"place": n + 1, "recording_mbid": MBIDS[n], "track_name": f"{what} {name}", "artist_name": name,
             "artist_mbids": [MBIDS[n]]} for n, name in enumerate(names)
        ]  # fmt: skip

    def top(**keys: str) -> dict[str, Any]:
        """`keys`: of an item, to what comes before the name there."""
        return {
            "total": 1234,
            "items": [
                {"place": n + 1, "listen_count": counts[n], **album,
                 **{key: f"{before}{name}" for key, before in keys.items()}} for n, name in enumerate(names)
            ],
        }  # fmt: skip

    none = {"recording_mbid": None, "release_name": None, "release_mbid": None}
    recordings = top(track_name="Song of ", artist_name="")
    return {
        "listen_count": sum(count for _, count in days),
        "listening_time": 1_234_567_890,
        "listens_per_day": days,
        "day_of_week": 4,
        "most_listened_year": [[released, 1 + (released * 31) % 57] for released in range(1959, 2022) if released % 7],
        "top_artists": {**top(artist_name=""), "items": [
            {"place": n + 1, "listen_count": counts[n], "artist_name": name, "artist_mbid": MBIDS[n]}
            for n, name in enumerate(names)]},
        "top_recordings": {**recordings, "items": [{**item, **none} for item in recordings["items"]]},
        "top_release_groups": {**top(release_group_name="Sound of ", artist_name="")},
        "artist_map": [
            {"artist_count": 30 // (n + 1) + 1, "listen_count": 900 // (n + 1), "country": country,
             "artists": [{"listen_count": 2, "artist_name": name, "artist_mbid": None} for name in names[n : n + 9]]}
            for n, country in enumerate(COUNTRIES)
        ],
        "top_genres": {"whole": 1000, "genres": [
            {"genre_count": 200 // (n + 1), "genre": genre} for n, genre in enumerate(genres)]},
        "genre_activity": [
            {"genre": genre, "hours": [[hour, 1 + (hour * (n + 3)) % 40] for hour in range(n % 20, 24)]}
            for n, genre in enumerate(sorted(genres))
        ],
        "artist_evolution_activity": [
            {"artist_mbid": MBIDS[n], "artist_name": name,
             "units": [[month, 1 + counts[n] // 40 * (month * 13 % 7) // 6] for month in range(1, 13)]}
            for n, name in enumerate(names)
        ],
        "new_releases_of_top_artists": [
            {"title": f"New of {name}", "artist_credit_name": name, "release_group_mbid": MBIDS[n],
             "artist_credit_mbids": [], "artists": [], "caa_id": None, "caa_release_mbid": None}
            for n, name in enumerate(names)
        ],
        "new_artists_discovered": 77,
        "top_discoveries": tracks("First of"),
        "top_missed_recordings": tracks("Other of"),
    }  # fmt: skip


def similar(*users: int) -> list[dict[str, Any]]:
    """The section of similar users, these from the most similar on."""
    return [{"place": n, "other": user, "score": 1 / (n + 1)} for n, user in enumerate(users, 1)]
