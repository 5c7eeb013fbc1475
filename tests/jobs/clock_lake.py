"""A lake worked out by hand for the statistics of the clock."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs.lake import Landing
from jobs.listens.mapping import MappingRow
from tests.jobs.histories import mbid
from tests.jobs.moments import ts
from tests.jobs.oracle import Histories, Track
from tests.jobs.served import Payloads, payloads

MONDAY = ts("2021-11-22T12:00:00")
"""T of `clock`. Listens after it are there for runs with a later T."""
LONDON, BERLIN, KATHMANDU, SILENT, FUTURE, MAPPER, CROWD = 1, 2, 3, 4, 5, 6, 7
"""Users: one who has chosen UTC again, which is to have no settings, two with zones, two without listens up to T, one
with a mapping of her own, and one who hears 22 artists at once."""
LOW, BOB = mbid(1), mbid(2)
DUET, SOLO, LATER, CROWDED, FIRST = mbid(21), mbid(22), mbid(23), mbid(24), mbid(25)
"""Recordings: of Low and Bob, of Low as `LOW`, that of MAPPER's own mapping, of 22 artists, of the first of them."""
STATISTICS = (
    "user_listening_activity",
    "sitewide_listening_activity",
    "user_daily_activity",
    "user_genre_activity",
    "user_era_activity",
    "sitewide_era_activity",
    "user_artist_evolution_activity",
    "sitewide_artist_evolution_activity",
)

_TRACKS = [
    Track(1, mbid(11), "low & bob", recording_mbid=DUET, release_mbid=mbid(31)),
    Track(2, mbid(12), "low", recording_mbid=SOLO, release_mbid=mbid(32)),
    Track(3, mbid(13), "unknown"),
    Track(4, mbid(14), "mapped"),
    Track(5, mbid(15), "all 22", recording_mbid=CROWDED),
    Track(6, mbid(16), "artist 00", recording_mbid=FIRST),
]
_LISTENS = [
    # The week of Monday 15 to Sunday 21 November, and both midnights.
    (LONDON, "2021-11-14T23:59:59", 1),
    (LONDON, "2021-11-15T00:00:00", 1),
    (LONDON, "2021-11-16T08:10:00", 1),
    (LONDON, "2021-11-16T08:20:00", 2),
    (LONDON, "2021-11-21T23:59:59", 3),
    (LONDON, "2021-11-22T00:00:00", 2),
    # New Year's midnight, and the first of a month.
    (LONDON, "2020-12-31T23:59:59", 2),
    (LONDON, "2021-01-01T00:00:00", 1),
    (LONDON, "2021-10-01T00:00:00", 3),
    # Around a leap day, later than T.
    (LONDON, "2024-02-28T23:59:59", 1),
    (LONDON, "2024-02-29T00:00:00", 1),
    (LONDON, "2024-02-29T23:59:59", 1),
    # Berlin: 2 o'clock is skipped on 28 March and shown twice on 31 October.
    (BERLIN, "2021-03-28T00:59:59", 3),
    (BERLIN, "2021-03-28T01:00:00", 3),
    (BERLIN, "2021-10-30T21:59:59", 3),
    (BERLIN, "2021-10-30T22:00:00", 3),
    (BERLIN, "2021-10-31T00:30:00", 3),
    (BERLIN, "2021-10-31T01:30:00", 1),
    (BERLIN, "2021-10-31T22:59:59", 3),
    (BERLIN, "2021-10-31T23:00:00", 1),
    (BERLIN, "2020-12-31T22:59:59", 3),
    (BERLIN, "2020-12-31T23:00:00", 3),
    # Kathmandu is 5 hours and 45 minutes ahead.
    (KATHMANDU, "2021-11-21T18:14:59", 2),
    (KATHMANDU, "2021-11-21T18:15:00", 2),
    (FUTURE, "2021-11-22T12:00:01", 1),
    (MAPPER, "2021-11-20T10:00:00", 4),
    (MAPPER, "2021-11-22T12:00:00", 4),
    (CROWD, "2010-05-05T10:00:00", 5),
    (CROWD, "2010-05-06T10:00:00", 6),
]


@dataclass(frozen=True)
class Clock:
    """The lake, and what a run of STATISTICS on it serves, all ranges."""

    spark: SparkSession
    settings: Settings
    landing: Landing
    served: Payloads

    def at(self, moment: str, *statistics: str, **params: Any) -> Payloads:
        """Another run of some of them, with another T."""
        return payloads(self.spark, self.settings, self.landing, statistics, at=ts(moment), **params)


def histories() -> Histories:
    """The listens above, and what the metadata say."""
    made = Histories(_TRACKS, {LONDON, BERLIN, KATHMANDU, SILENT, FUTURE, MAPPER, CROWD})
    made.listens = [(user_id, ts(moment), track_id) for user_id, moment, track_id in _LISTENS]
    made.mapping = [
        MappingRow(None, mbid(14), "automatic", recording_mbid=SOLO, release_mbid=mbid(32)),
        MappingRow(MAPPER, mbid(14), "manual", recording_mbid=LATER, release_mbid=mbid(33)),
    ]
    credit = {"artist_credit_name": "Low", "join_phrase": "", "artist_mbid": LOW}
    crowd = [credit | {"artist_credit_name": f"artist {number:02}"} for number in range(22)]
    bob = {"artist_credit_name": "Bob", "join_phrase": "", "artist_mbid": BOB}
    made.beside = {
        "user_settings": [
            {"user_id": LONDON, "zone": "UTC"},
            {"user_id": BERLIN, "zone": "Europe/Berlin"},
            {"user_id": KATHMANDU, "zone": "Asia/Kathmandu"},
        ],
        "recording_artist": [
            _credits(DUET, [credit, bob, credit]),
            _credits(SOLO, [credit | {"artist_credit_name": "LOW"}]),
            _credits(LATER, [bob]),
            _credits(CROWDED, crowd),
            _credits(FIRST, crowd[:1]),
        ],
        "recording_genre": [
            *(_genre(DUET, f"style {number:02}") for number in range(12)),
            _genre(SOLO, "rock"),
            _genre(SOLO, "Élan"),
            _genre(LATER, "jazz"),
        ],
        "release_metadata_cache": [
            _release(31, 41) | {"first_release_date_year": 1},
            _release(32, 42),
            _release(33, 43),
        ],
        "release_group_metadata_cache": [_group(41, 1800), _group(42, 1799), _group(43, 1994)],
    }
    return made


def _release(release: int, group: int) -> dict[str, Any]:
    return {
        "release_mbid": mbid(release),
        "release_group_mbid": mbid(group),
        "release_name": "Things",
        "album_artist_name": "Low",
        "artist_credit_mbids": [LOW],
        "artists": [],
    }


def _group(group: int, year: int) -> dict[str, Any]:
    return {
        "release_group_mbid": mbid(group),
        "title": "Things",
        "artist_credit_name": "Low",
        "artist_credit_mbids": [LOW],
        "artists": [],
        "first_release_date_year": year,
    }


def _genre(recording_mbid: str, genre: str) -> dict[str, Any]:
    return {"recording_mbid": recording_mbid, "genre": genre, "genre_count": 1}


def _credits(recording_mbid: str, artists: list[dict[str, str]]) -> dict[str, Any]:
    mbids = [artist["artist_mbid"] for artist in artists]
    return {"recording_mbid": recording_mbid, "artist_mbids": mbids, "artists": artists}
