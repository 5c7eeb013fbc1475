import pytest

from tests.jobs.albums import (
    BJORK,
    CARNAGE_GROUP,
    CASUAL,
    CAVE,
    CHOOSY,
    COLLECTOR,
    DELUXE,
    DUO,
    ELLIS,
    FAN,
    LOW,
    MAPPED,
    NOBODY,
    READER,
    TRUST_GROUP,
)
from tests.jobs.results import Results

pytestmark = pytest.mark.spark


@pytest.mark.parametrize("stats_range", ["week", "all_time"])
def test_the_ten_who_listen_most_to_an_artist_and_totals_over_all(known: Results, stats_range: str) -> None:
    assert known.document("artist_listeners", BJORK, stats_range) == {
        "artist_mbid": BJORK,
        "artist_name": "Björk",
        # Ties: the greater id. Who excludes the artist counts here none the less, who is deleted does not.
        "listeners": [[21, 6], [20, 6], [CHOOSY, 6], [19, 5], [18, 5], [17, 5], [16, 5], [15, 4], [14, 4], [13, 4]],
        # Beside these 4 of 12 and 4 of CASUAL, 3 of 11 and 3 of 10; a credit that names her twice counts once.
        "total_listen_count": 18 + 20 + 16 + 4 + 6,
        "total_user_count": 14,
    }


def test_listeners_of_a_release_group_worked_out_by_hand(known: Results) -> None:
    assert known.document("release_group_listeners", CARNAGE_GROUP) == {
        "release_group_mbid": CARNAGE_GROUP,
        "release_group_name": "CARNAGE",
        "artist_name": DUO,
        "artist_mbids": [CAVE, ELLIS],
        "caa_id": 12,
        "caa_release_mbid": DELUXE,
        "listeners": [[FAN, 510], [READER, 5], [CASUAL, 3], [COLLECTOR, 3], [MAPPED, 2], [CHOOSY, 1]],
        "total_listen_count": 524,
        "total_user_count": 6,
    }
    trust = known.document("release_group_listeners", TRUST_GROUP)
    assert (trust["caa_id"], trust["caa_release_mbid"], trust["artist_mbids"]) == (None, None, [LOW, LOW])


def test_only_what_musicbrainz_has_has_listeners(known: Results, bare: Results) -> None:
    assert known.keys("artist_listeners") == {CAVE, ELLIS, BJORK, LOW, NOBODY}
    assert known.keys("release_group_listeners") == {CARNAGE_GROUP, TRUST_GROUP}
    assert not known.keys("artist_listeners", "quarter")
    assert not bare.keys("artist_listeners")
    assert not bare.keys("release_group_listeners")
