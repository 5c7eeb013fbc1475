from typing import Any

import pytest

from tests.jobs.albums import BALCONY, CARNAGE, CAVE, CREDIT, DUO, ELLIS, MAPPED, MERGED, READER
from tests.jobs.results import Results

pytestmark = pytest.mark.spark
UNMAPPED: dict[str, Any] = {
    "track_name": "Balcony Man",
    "recording_mbid": None,
    "artist_name": DUO,
    "artist_mbids": [],
    "release_name": None,
    "release_mbid": None,
    "artists": None,
    "caa_id": None,
    "caa_release_mbid": None,
}
ON_CARNAGE = UNMAPPED | {
    "recording_mbid": BALCONY,
    "artist_mbids": [CAVE, ELLIS],
    "release_name": "Carnage",
    "release_mbid": CARNAGE,
    "artists": CREDIT,
    "caa_id": 2**40,
    "caa_release_mbid": CARNAGE,
}


@pytest.mark.parametrize("stats_range", ["week", "this_week", "all_time"])
def test_a_readers_recordings_worked_out_by_hand(known: Results, stats_range: str) -> None:
    assert known.items("user_recordings", READER, stats_range) == [
        # Two spellings of one recording: that played three times is shown, title and release together.
        ON_CARNAGE | {"track_name": "BALCONY MAN", "release_name": "carnage", "listen_count": 5},
        # Without MBIDs it is another item; an empty release name is none.
        UNMAPPED | {"listen_count": 3},
        # So is an MBID that was merged into the first: it has no credit of its own.
        UNMAPPED | {"recording_mbid": MERGED, "artist_mbids": [CAVE, ELLIS], "listen_count": 1},
    ]


def test_a_merged_recording_lasts_as_long_as_what_it_was_merged_into(known: Results) -> None:
    row = known.row("user_recordings", READER)

    assert row is not None
    # 5 and 1 listens of 40 s, 3 of which nothing is known: 180 s each.
    assert (row["seconds"], row["by_time"]) == ([200, 540, 40], [2, 1, 3])
    assert row["time_by_source"] == [0, 0, 240_000, 540_000]


def test_a_mapped_recording_has_the_names_submitted_and_the_mbids_of_the_mapping(known: Results) -> None:
    mapped = ON_CARNAGE | {"track_name": "balcony", "artist_name": "n. cave", "release_name": "CARNAGE (cd)"}

    assert known.items("user_recordings", MAPPED)[0] == mapped | {"listen_count": 2}


def test_everybodys_count_takes_500_listens_of_a_user_at_most_and_their_part_of_her_time(known: Results) -> None:
    row = known.row("sitewide_recordings", 0)

    assert row is not None
    # 5 + 1 + 500 of 510 + 3 + 1; spelled "Balcony Man" by all but three of them.
    assert known.items("sitewide_recordings", 0)[0] == ON_CARNAGE | {"listen_count": 510}
    assert row["seconds"][0] == (5 + 1 + 500 + 3 + 1) * 40


def test_without_metadata_there_are_recordings_without_credit_and_cover(bare: Results) -> None:
    unknown = {"artists": None, "caa_id": None, "caa_release_mbid": None}

    assert bare.items("user_recordings", READER) == [
        ON_CARNAGE | unknown | {"track_name": "BALCONY MAN", "release_name": "carnage", "listen_count": 5},
        UNMAPPED | {"listen_count": 3},
        UNMAPPED | {"recording_mbid": MERGED, "artist_mbids": [CAVE, ELLIS], "listen_count": 1},
    ]
