from typing import Any

import pytest

from tests.jobs.albums import (
    CARNAGE,
    CAVE,
    COLLECTOR,
    CREDIT,
    DELUXE,
    DUO,
    ELLIS,
    LOST,
    LOW,
    MAPPED,
    OTHER,
    READER,
    UNKNOWN,
)
from tests.jobs.results import Results

pytestmark = pytest.mark.spark


def release(name: str, artist: str, *artist_mbids: str, **more: Any) -> dict[str, Any]:
    """A struct; what is not said is not known."""
    nothing = dict.fromkeys(("release_mbid", "artists", "caa_id", "caa_release_mbid"))
    return {**nothing, "release_name": name, "artist_name": artist, "artist_mbids": list(artist_mbids), **more}


CARNAGE_OF_MUSICBRAINZ = release(
    "Carnage", DUO, CAVE, ELLIS, release_mbid=CARNAGE, artists=CREDIT, caa_id=2**40, caa_release_mbid=CARNAGE
)


def test_a_collectors_releases_worked_out_by_hand(known: Results) -> None:
    credited = [{"artist_credit_name": "LOW", "join_phrase": "", "artist_mbid": LOW}]

    assert known.items("user_releases", COLLECTOR) == [
        # One title of two artists: two releases. Equal counts by name, descending: "Gr" is greater than "GR".
        release("Greatest Hits", "ABBA", listen_count=3),
        release("GREATEST HITS", "QUEEN", listen_count=3),
        # Names and artists of MusicBrainz, not those submitted.
        release("I Could Live In Hope", "Low", LOW, release_mbid=LOST, artists=credited, listen_count=2),
        # An MBID that MusicBrainz does not know: as submitted.
        release("Das ist nicht", "Ärzte", UNKNOWN, release_mbid=OTHER, listen_count=2),
        release("Carnage (Deluxe)", "Cave", CAVE, release_mbid=DELUXE, artists=CREDIT[:1], listen_count=2),
        CARNAGE_OF_MUSICBRAINZ | {"listen_count": 1},
    ]


def test_a_blank_release_name_is_none(known: Results) -> None:
    assert known.items("user_releases", READER) == [CARNAGE_OF_MUSICBRAINZ | {"listen_count": 5}]


def test_a_listen_mapped_to_a_release_counts_for_it(known: Results) -> None:
    assert known.items("user_releases", MAPPED) == [CARNAGE_OF_MUSICBRAINZ | {"listen_count": 2}]


def test_everybodys_count_takes_500_listens_of_a_user_at_most(known: Results) -> None:
    everybody = known.items("sitewide_releases", 0)

    assert everybody[0] == CARNAGE_OF_MUSICBRAINZ | {"listen_count": 5 + 1 + 2 + 500 + 3 + 1}
    # FAN and COLLECTOR know it in two spellings, of which 2 listens each: the greater is shown.
    assert [item for item in everybody if item["artist_name"].lower() == "queen"] == [
        release("Greatest Hits", "Queen", listen_count=4)
    ]


def test_without_metadata_releases_are_those_submitted(bare: Results) -> None:
    assert bare.items("user_releases", COLLECTOR) == [
        release("Greatest Hits", "ABBA", listen_count=3),
        release("GREATEST HITS", "QUEEN", listen_count=3),
        release("I Could Live in Hope", "Low", LOW, release_mbid=LOST, listen_count=2),
        release("Das ist nicht", "Ärzte", UNKNOWN, release_mbid=OTHER, listen_count=2),
        release("Carnage +", DUO, CAVE, ELLIS, release_mbid=DELUXE, listen_count=2),
        release("Carnage", DUO, CAVE, ELLIS, release_mbid=CARNAGE, listen_count=1),
    ]
