"""A few listeners and albums, made up so that every case of the entity statistics meets: one lake for all their tests.

T is Monday 22 November 2021, noon; every listen is in the week before it, unless a test says otherwise.
"""

from datetime import UTC, datetime
from typing import Any

from jobs.listens.mapping import MappingRow
from tests.jobs.histories import mbid
from tests.jobs.oracle import Histories, Track

Rows = dict[str, list[dict[str, Any]]]
"""By table."""
T = int(datetime(2021, 11, 22, 12, tzinfo=UTC).timestamp())
WEEK = int(datetime(2021, 11, 15, tzinfo=UTC).timestamp())

ENTITIES = ("artists", "recordings", "releases", "release_groups")
CAVE, ELLIS, BJORK, LOW, NOBODY = (mbid(number) for number in range(1, 6))
"""Artists: two Australians, an Icelander, one with two rows, one without a country."""
UNKNOWN = mbid(9)
"""An artist that the metadata has no row of."""
BALCONY, MERGED = mbid(11), mbid(12)
"""A recording, and an MBID that was merged into it."""
CARNAGE, DELUXE, LOST, OTHER, TRUST = (mbid(number) for number in range(21, 26))
"""Releases: two of one group, one whose group has no row, one that has no row itself, one more."""
CARNAGE_GROUP, LOST_GROUP, SENT_GROUP, TRUST_GROUP = (mbid(number) for number in range(31, 35))

DUO = "Nick Cave & Warren Ellis"
CREDIT = [
    {"artist_credit_name": "Nick Cave", "join_phrase": " & ", "artist_mbid": CAVE},
    {"artist_credit_name": "Warren Ellis", "join_phrase": "", "artist_mbid": ELLIS},
]

READER, COLLECTOR, MAPPED, FAN, CASUAL, WIDE, CHOOSY, GONE = 1, 2, 3, 4, 5, 6, 7, 99
"""Users. FAN plays one track 510 times, WIDE 17 artists once each, CHOOSY excludes Björk, GONE is deleted."""
ADMIRERS = range(10, 22)
"""They listen to Björk only."""
BANDS = [f"Band {number:02}" for number in range(1, 18)]

TRACKS = {
    "balcony": Track(1, mbid(101), DUO, BALCONY, (CAVE, ELLIS), "Balcony Man", "Carnage", CARNAGE),
    "BALCONY": Track(2, mbid(101), DUO, BALCONY, (CAVE, ELLIS), "BALCONY MAN", "carnage", CARNAGE),
    "nameless": Track(3, mbid(103), DUO, track_name="Balcony Man", release_name=""),
    "bare": Track(4, mbid(104), DUO.upper(), track_name="balcony man"),
    "merged": Track(5, mbid(105), DUO, MERGED, (CAVE, ELLIS), "Balcony Man"),
    "queen": Track(6, mbid(106), "Queen", track_name="Flash", release_name="Greatest Hits"),
    "QUEEN": Track(7, mbid(106), "QUEEN", track_name="Flash", release_name="GREATEST HITS"),
    "abba": Track(8, mbid(108), "ABBA", track_name="SOS", release_name="Greatest Hits"),
    "blank": Track(9, mbid(109), "ABBA", track_name="Chiquitita", release_name="  "),
    "deluxe": Track(10, mbid(110), DUO, None, (CAVE, ELLIS), "Albuquerque", "Carnage +", DELUXE),
    "lost": Track(11, mbid(111), "Low", None, (LOW,), "Words", "I Could Live in Hope", LOST),
    "sent": Track(12, mbid(112), "Ärzte", None, (UNKNOWN,), "Westerland", "Das ist nicht", OTHER, SENT_GROUP),
    "mapped": Track(13, mbid(113), "n. cave", track_name="balcony", release_name="CARNAGE (cd)"),
    "bjork": Track(14, mbid(114), "Björk", None, (BJORK, BJORK), "Jóga"),
    "nobody": Track(15, mbid(115), "Nobody", None, (NOBODY,), "Silence"),
    "trust": Track(16, mbid(116), "Low", None, (LOW,), "Candy Girl", "Trust", TRUST),
    **{band: Track(20 + n, mbid(120 + n), band, release_name=f"By {band}") for n, band in enumerate(BANDS)},
}
PLAYED = {
    READER: {"balcony": 2, "BALCONY": 3, "nameless": 2, "bare": 1, "merged": 1},
    COLLECTOR: {"queen": 1, "QUEEN": 2, "abba": 3, "blank": 4, "balcony": 1, "deluxe": 2, "lost": 2, "sent": 2},
    MAPPED: {"mapped": 2, "nobody": 1},
    FAN: {"balcony": 510, "queen": 1},
    CASUAL: {"balcony": 3, "bjork": 4, "lost": 1, "trust": 2},
    WIDE: dict.fromkeys(BANDS, 1),
    CHOOSY: {"bjork": 6, "balcony": 1},
    GONE: {"balcony": 20, "bjork": 20},
    **{user: {"bjork": 1 + user // 4} for user in ADMIRERS},
}
METADATA: Rows = {
    "artist_country_code": [
        {"artist_mbid": CAVE, "artist_name": "Nick Cave", "country_code": "AUS"},
        {"artist_mbid": ELLIS, "artist_name": "Warren Ellis", "country_code": "AUS"},
        {"artist_mbid": BJORK, "artist_name": "Björk", "country_code": "ISL"},
        {"artist_mbid": LOW, "artist_name": "Low", "country_code": "USA"},
        {"artist_mbid": LOW, "artist_name": "LOW", "country_code": "GBR"},
        {"artist_mbid": NOBODY, "artist_name": "Nobody", "country_code": None},
    ],
    "recording_length": [
        {"recording_mbid": BALCONY, "length": 40_000, "recording_id": 7, "is_redirect": False},
        {"recording_mbid": MERGED, "length": 40_000, "recording_id": 7, "is_redirect": True},
    ],
    "recording_artist": [{"recording_mbid": BALCONY, "artist_mbids": [CAVE, ELLIS], "artists": CREDIT}],
    "release_metadata_cache": [
        {
            "release_mbid": CARNAGE,
            "release_group_mbid": CARNAGE_GROUP,
            "release_name": "Carnage",
            "album_artist_name": DUO,
            "caa_id": 2**40,
            "caa_release_mbid": CARNAGE,
            "artist_credit_mbids": [CAVE, ELLIS],
            "artists": CREDIT,
        },
        {
            "release_mbid": DELUXE,
            "release_group_mbid": CARNAGE_GROUP,
            "release_name": "Carnage (Deluxe)",
            "album_artist_name": "Cave",
            "artist_credit_mbids": [CAVE],
            "artists": CREDIT[:1],
        },
        {
            "release_mbid": LOST,
            "release_group_mbid": LOST_GROUP,
            "release_name": "I Could Live In Hope",
            "album_artist_name": "Low",
            "artist_credit_mbids": [LOW],
            "artists": [{"artist_credit_name": "LOW", "join_phrase": "", "artist_mbid": LOW}],
        },
        {
            "release_mbid": TRUST,
            "release_group_mbid": TRUST_GROUP,
            "release_name": "Trust",
            "album_artist_name": "Low",
            "artist_credit_mbids": [LOW],
            "artists": [],
        },
    ],
    "release_group_metadata_cache": [
        {
            "release_group_mbid": CARNAGE_GROUP,
            "title": "CARNAGE",
            "artist_credit_name": DUO,
            "caa_id": 12,
            "caa_release_mbid": DELUXE,
            "artist_credit_mbids": [CAVE, ELLIS],
            "artists": CREDIT,
            "first_release_date_year": 2021,
        },
        {
            "release_group_mbid": TRUST_GROUP,
            "title": "Trust",
            "artist_credit_name": "LOW with Low",
            "artist_credit_mbids": [LOW, LOW],
            "artists": [
                {"artist_credit_name": "LOW", "join_phrase": " with ", "artist_mbid": LOW},
                {"artist_credit_name": "Low", "join_phrase": "", "artist_mbid": LOW},
            ],
        },
    ],
}
CHOICES: Rows = {
    "exclusions": [{"user_id": CHOOSY, "kind": "artist", "value": BJORK, "value_key": BJORK}],
}


def histories(beside: Rows) -> Histories:
    """Everything, with these optional tables."""
    made = Histories(list(TRACKS.values()), set(PLAYED) - {GONE}, beside=beside)
    made.mapping = [MappingRow(None, mbid(113), "automatic", BALCONY, CARNAGE, (CAVE, ELLIS))]
    for user, plays in PLAYED.items():
        at = WEEK
        for name, times in plays.items():
            made.listens += [(user, at + second, TRACKS[name].track_id) for second in range(times)]
            at += times
    return made
