from typing import Any

import pytest

from tests.jobs.albums import (
    BANDS,
    CARNAGE_GROUP,
    CASUAL,
    CAVE,
    COLLECTOR,
    ELLIS,
    LOST_GROUP,
    LOW,
    READER,
    SENT_GROUP,
    TRUST_GROUP,
    UNKNOWN,
    WIDE,
)
from tests.jobs.results import Results

pytestmark = pytest.mark.spark
Album = tuple[int, str, str | None]
"""Listens, name, MBID."""


def artist(name: str, mbid: str | None, *albums: Album) -> dict[str, Any]:
    """As stored."""
    return {
        "name": name,
        "artist_name": name,
        "artist_mbid": mbid,
        "listen_count": sum(count for count, _, _ in albums),
        "albums": [
            {"listen_count": count, "name": album, "release_group_mbid": group} for count, album, group in albums
        ],
    }


def test_a_collectors_artists_worked_out_by_hand(known: Results) -> None:
    assert known.document("user_artist_activity", COLLECTOR) == [
        # Every artist of a credit has the album; three listens each, so by name.
        artist("Warren Ellis", ELLIS, (3, "CARNAGE", CARNAGE_GROUP)),
        artist("QUEEN", None, (3, "GREATEST HITS", None)),
        artist("Nick Cave", CAVE, (3, "CARNAGE", CARNAGE_GROUP)),
        artist("ABBA", None, (3, "Greatest Hits", None)),
        # Groups without a credit: the artist that the listen names.
        artist("Ärzte", UNKNOWN, (2, "Das ist nicht", SENT_GROUP)),
        artist("Low", LOW, (2, "I Could Live in Hope", LOST_GROUP)),
    ]


def test_an_artist_of_two_names_has_the_one_with_more_listens_and_counts_once_for_a_credit(known: Results) -> None:
    found = known.document("user_artist_activity", CASUAL)

    assert found[-1] == artist("LOW", LOW, (2, "Trust", TRUST_GROUP), (1, "I Could Live in Hope", LOST_GROUP))
    assert len(found) == 3


def test_fifteen_artists_are_kept_in_an_order_that_is_total(known: Results) -> None:
    found = known.document("user_artist_activity", WIDE, "week")

    assert found == [artist(band, None, (1, f"By {band}", None)) for band in sorted(BANDS, reverse=True)[:15]]


def test_everybodys_artists_are_made_of_everybodys_release_groups(known: Results) -> None:
    found = known.document("sitewide_artist_activity", 0)

    assert [(item["name"], item["listen_count"]) for item in found[:5]] == [
        ("Warren Ellis", 514),
        ("Nick Cave", 514),
        ("Low", 5),
        ("Queen", 4),
        ("ABBA", 3),
    ]


def test_who_has_no_albums_has_no_activity(known: Results) -> None:
    assert known.document("user_artist_activity", READER) is not None
    assert 10 not in known.keys("user_artist_activity")
    assert not known.keys("user_artist_activity", "year")


@pytest.mark.slow
def test_without_metadata_artists_are_those_of_the_listens(bare: Results) -> None:
    assert bare.document("user_artist_activity", COLLECTOR)[-1] == artist("Low", LOW, (2, "I Could Live in Hope", None))
