from typing import Any

import pytest

from tests.jobs.albums import ADMIRERS, BJORK, CASUAL, CAVE, CHOOSY, COLLECTOR, ELLIS, GONE, LOW, MAPPED, WIDE
from tests.jobs.results import Results

pytestmark = pytest.mark.spark


def country(code: str, *artists: tuple[int, str, str]) -> dict[str, Any]:
    """As stored. `artists`: listens, name, MBID."""
    return {
        "country": code,
        "artist_count": len(artists),
        "listen_count": sum(count for count, _, _ in artists),
        "artists": [{"listen_count": count, "artist_name": name, "artist_mbid": mbid} for count, name, mbid in artists],
    }


@pytest.mark.parametrize("stats_range", ["week", "all_time"])
def test_maps_worked_out_by_hand(known: Results, stats_range: str) -> None:
    # Most artists first, then most listens. Of two rows of Low that with the greater name says USA.
    assert known.document("user_artist_map", CASUAL, stats_range) == [
        country("AUS", (3, "Warren Ellis", ELLIS), (3, "Nick Cave", CAVE)),
        country("ISL", (4, "Björk", BJORK)),
        country("USA", (3, "Low", LOW)),
    ]
    # Artists known by name only, and one that MusicBrainz does not know, are nowhere.
    assert known.document("user_artist_map", COLLECTOR, stats_range) == [
        country("AUS", (3, "Warren Ellis", ELLIS), (3, "Nick Cave", CAVE)),
        country("USA", (2, "Low", LOW)),
    ]


def test_an_artist_without_a_country_is_not_on_the_map_and_who_has_only_such_has_none(known: Results) -> None:
    assert known.document("user_artist_map", MAPPED) == [
        country("AUS", (2, "Warren Ellis", ELLIS), (2, "Nick Cave", CAVE))
    ]
    assert known.document("user_artist_map", WIDE) is None
    assert not known.keys("user_artist_map", "month")


def test_what_a_user_excludes_is_on_her_plain_map_only(known: Results) -> None:
    australia = country("AUS", (1, "Warren Ellis", ELLIS), (1, "Nick Cave", CAVE))

    assert known.document("user_artist_map", CHOOSY) == [australia]
    assert known.document("user_artist_map", -CHOOSY) == [australia, country("ISL", (6, "Björk", BJORK))]
    assert known.keys("user_artist_map") == {1, 2, 3, 4, 5, CHOOSY, -CHOOSY, *ADMIRERS} - {GONE}


def test_everybodys_map_is_made_of_everybodys_list(known: Results) -> None:
    duo = 5 + 1 + 3 + 2 + 500 + 3 + 1
    assert known.document("sitewide_artist_map", 0) == [
        country("AUS", (duo, "Warren Ellis", ELLIS), (duo, "Nick Cave", CAVE)),
        country("ISL", (64, "Björk", BJORK)),
        country("USA", (5, "Low", LOW)),
    ]


def test_without_countries_there_is_no_map(bare: Results) -> None:
    assert bare.keys("user_artists")
    assert not bare.keys("user_artist_map")
