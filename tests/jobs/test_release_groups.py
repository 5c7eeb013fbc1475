from typing import Any

import pytest

from tests.jobs.albums import (
    CARNAGE_GROUP,
    CASUAL,
    CAVE,
    COLLECTOR,
    CREDIT,
    DELUXE,
    DUO,
    ELLIS,
    LOST_GROUP,
    LOW,
    MAPPED,
    READER,
    SENT_GROUP,
    TRUST_GROUP,
    UNKNOWN,
)
from tests.jobs.results import Results

pytestmark = pytest.mark.spark


def group(name: str, artist: str, *artist_mbids: str, **more: Any) -> dict[str, Any]:
    """A struct; what is not said is not known."""
    nothing = dict.fromkeys(("release_group_mbid", "artists", "caa_id", "caa_release_mbid"))
    return {**nothing, "release_group_name": name, "artist_name": artist, "artist_mbids": list(artist_mbids), **more}


CARNAGE = group(
    "CARNAGE", DUO, CAVE, ELLIS, release_group_mbid=CARNAGE_GROUP, artists=CREDIT, caa_id=12, caa_release_mbid=DELUXE
)
SENT = group("Das ist nicht", "Ärzte", UNKNOWN, release_group_mbid=SENT_GROUP)


def test_a_collectors_release_groups_worked_out_by_hand(known: Results) -> None:
    assert known.items("user_release_groups", COLLECTOR) == [
        group("Greatest Hits", "ABBA", listen_count=3),
        group("GREATEST HITS", "QUEEN", listen_count=3),
        # Two releases of it.
        CARNAGE | {"listen_count": 3},
        # MusicBrainz names the group of the release, and nothing else of it.
        group("I Could Live in Hope", "Low", LOW, release_group_mbid=LOST_GROUP, listen_count=2),
        # MusicBrainz does not know the release: the group that the player sent.
        SENT | {"listen_count": 2},
    ]


def test_a_blank_release_name_is_of_no_group_and_a_mapped_listen_of_that_of_its_release(known: Results) -> None:
    assert known.items("user_release_groups", READER) == [CARNAGE | {"listen_count": 5}]
    assert known.items("user_release_groups", MAPPED) == [CARNAGE | {"listen_count": 2}]


def test_a_credit_that_names_an_artist_twice_stays_as_it_is(known: Results) -> None:
    found = [item for item in known.items("user_release_groups", CASUAL) if item["release_group_name"] == "Trust"]

    assert [(item["artist_mbids"], item["release_group_mbid"]) for item in found] == [([LOW, LOW], TRUST_GROUP)]
    assert [artist["artist_credit_name"] for artist in found[0]["artists"]] == ["LOW", "Low"]


def test_everybodys_count_takes_500_listens_of_a_user_at_most(known: Results) -> None:
    assert known.items("sitewide_release_groups", 0)[0] == CARNAGE | {"listen_count": 5 + 3 + 2 + 500 + 3 + 1}


def test_without_metadata_groups_are_those_that_players_send_else_releases_by_name(bare: Results) -> None:
    assert bare.items("user_release_groups", COLLECTOR) == [
        group("Greatest Hits", "ABBA", listen_count=3),
        group("GREATEST HITS", "QUEEN", listen_count=3),
        group("I Could Live in Hope", "Low", LOW, listen_count=2),
        SENT | {"listen_count": 2},
        group("Carnage +", DUO, CAVE, ELLIS, listen_count=2),
        group("Carnage", DUO, CAVE, ELLIS, listen_count=1),
    ]
