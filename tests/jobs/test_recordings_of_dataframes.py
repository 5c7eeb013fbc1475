"""Which recordings the dataframes have, what they are called and by whom: one listen alone does not decide it."""

from typing import Any

import pyarrow.parquet
import pytest
from pyspark.sql import SparkSession

from jobs.chain.kept import kept
from jobs.listens.mapping import MappingRow
from tests.jobs.histories import mbid
from tests.jobs.oracle import Histories, Track
from tests.jobs.small_world import DAY, NOON, World, world_of

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]
M, N, P, Q, R = (mbid(number) for number in range(1, 6))
"""Artists."""
SHARED, MERGED, TEXT, KNOWN, CREDITED, HERS = (mbid(number) for number in range(11, 17))
"""Recordings. MERGED was merged into SHARED; HERS is what MAPPER says."""
MAPPER, LISTENER, JOKER, MERGER = range(1, 5)
TRACKS = [
    Track(1, mbid(101), "Massive Attack", SHARED, (M,), "Angel"),
    Track(2, mbid(102), "me", SHARED, (), "lol"),
    Track(3, mbid(103), "Massive Attack", MERGED, (M,), "Angel (old)"),
    Track(4, mbid(104), "Nirvana", TEXT, (), "Polly"),
    Track(5, mbid(105), "NIRVANA", KNOWN, (N,), "Lithium"),
    Track(6, mbid(106), "Someone", CREDITED, (R,), "Duet"),
    Track(7, mbid(107), "Own", None, (), "Own name"),
    Track(8, mbid(108), "Nobody", None, (), "Own word"),
]
PLAYS = {
    MAPPER: {1: 2, 7: 9, 8: 1},
    LISTENER: {1: 2, 4: 1, 5: 1, 6: 1, 8: 3},
    JOKER: {2: 1},
    MERGER: {3: 1},
}


def histories() -> Histories:
    made = Histories(TRACKS, set(PLAYS))
    made.listens = [
        (user, NOON - DAY * track - 60 * turn - user, track)
        for user, heard in PLAYS.items()
        for track, times in heard.items()
        for turn in range(times)
    ]
    made.listens.append((JOKER, NOON, 2))
    made.mapping = [
        MappingRow(MAPPER, mbid(107), "manual", SHARED, None, (R,)),
        MappingRow(MAPPER, mbid(108), "manual", HERS, None, (R,)),
    ]
    named = {"artist_credit_name": "Pe", "join_phrase": " feat. ", "artist_mbid": P}
    beside = {"artist_credit_name": "Qu", "join_phrase": "", "artist_mbid": Q}
    made.beside = {
        "artist_country_code": [{"artist_mbid": M, "artist_name": "Massive", "country_code": "GB"}],
        "recording_length": [
            {"recording_mbid": SHARED, "length": None, "recording_id": 1, "is_redirect": False},
            {"recording_mbid": MERGED, "length": None, "recording_id": 1, "is_redirect": True},
        ],
        "recording_artist": [{"recording_mbid": CREDITED, "artist_mbids": [P, Q], "artists": [named, beside]}],
    }
    return made


@pytest.fixture(scope="module")
def credited(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    made = world_of(spark, tmp_path_factory.mktemp("credited"), "postgresql:///unused", histories())
    made.ask("cf.recommendations.recording.create_dataframes")
    made.ask("cf.recommendations.recording.discovery")
    return made


@pytest.fixture(scope="module")
def recordings(credited: World) -> dict[str, dict[str, Any]]:
    return {row["recording"]: row for row in rows(credited, "dataframes", "recordings")}


def rows(made: World, what: str, name: str) -> list[dict[str, Any]]:
    [one] = kept(made.settings.lake, what)
    found: list[dict[str, Any]] = pyarrow.parquet.read_table(f"{one.url}/{name}").to_pylist()
    return found


def test_a_newer_spelling_without_artists_takes_a_recording_from_nobody(recordings: dict[str, Any]) -> None:
    shared = recordings[SHARED]

    assert shared["artists"] == [M]
    assert (shared["recording_name"], shared["artist_credit_name"]) == ("Angel", "Massive Attack")
    assert shared["credits"] == ["massive attack", "me"], "who leaves out either means this"


def test_what_one_user_maps_counts_for_others_only_where_nothing_else_is_known(recordings: dict[str, Any]) -> None:
    assert R not in recordings[SHARED]["artists"]
    assert recordings[HERS]["artists"] == [R]
    assert recordings[HERS]["recording_name"] == "Own word"
    assert recordings[mbid(108)]["artists"] == ["nobody"], "to others it is what it was submitted as"


def test_artists_are_of_the_metadata_else_those_that_the_same_text_has_elsewhere(recordings: dict[str, Any]) -> None:
    assert recordings[CREDITED]["artists"] == [P, Q]
    assert recordings[CREDITED]["artist_credit_name"] == "Pe feat. Qu"
    assert recordings[TEXT]["artists"] == [N]
    assert recordings[KNOWN]["artists"] == [N]


def test_artists_are_known_by_each_of_their_names_and_recordings_by_other_ids(credited: World) -> None:
    names = {(row["artist"], row["name"]) for row in rows(credited, "dataframes", "artist_names")}
    ids = {(row["id"], row["recording"]) for row in rows(credited, "dataframes", "other_ids")}

    assert names == {
        (M, "Massive"),
        (M, "Massive Attack"),
        (N, "NIRVANA"),
        (P, "Pe"),
        (Q, "Qu"),
        (R, "Nobody"),
        (R, "Someone"),
    }
    assert {(MERGED, SHARED), (mbid(101), SHARED), (mbid(102), SHARED), (mbid(104), TEXT)} <= ids
    assert mbid(107) not in {one for one, _ in ids}, "what one user maps is hers"


def test_a_merged_recording_is_the_one_it_was_merged_into(credited: World, recordings: dict[str, Any]) -> None:
    users = {row["spark_user_id"]: row["user_id"] for row in rows(credited, "dataframes", "users")}
    plays = {
        (users[row["spark_user_id"]], row["recording_id"]): row["playcount"]
        for row in rows(credited, "dataframes", "playcounts")
    }

    assert MERGED not in recordings
    assert plays[MERGER, recordings[SHARED]["recording_id"]] == 1
    assert {row["recording"] for row in rows(credited, "discovery", "latest") if row["user_id"] == MERGER} == {SHARED}
