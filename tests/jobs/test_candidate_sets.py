"""Similar artists of users come from the index of similarity, whoever shares listeners; without it from listeners."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest
from pyspark.sql import SparkSession

from conf.postgres import connect
from jobs.chain.candidate_sets import CandidateSets
from jobs.chain.kept import kept
from jobs.chain.recommending import FEW_BY_THESE_SAID
from tests.databases import Databases
from tests.jobs.histories import mbid
from tests.jobs.oracle import Histories, Track
from tests.jobs.results import Results
from tests.jobs.small_world import NOON, QUICK, RECOMMEND, TRAIN, World, documents, world_of
from tests.webapi.stored_documents import store_entity_documents

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]
A, B, C, D, E, F = ARTISTS = [mbid(number) for number in range(1, 7)]
"""Each has two tracks: of the first 1 and 2, of the second 3 and 4, ..."""
PLAYS = {
    1: {1: 3},
    # Who hears A hears B.
    2: {1: 1, 2: 1, 3: 1},
    3: {1: 1, 4: 1},
    4: {9: 1},
    5: {9: 1, 11: 2, 12: 1},
    6: {5: 1, 6: 1, 7: 1, 8: 1},
    7: {7: 1},
}
INDEX = {A: [(mbid(99), 50), (D, 10), (C, 4)]}
"""By artist (artist, score): nobody here hears the first one, and B is none of them."""


def recording(track: int) -> str:
    return mbid(100 + track)


def histories() -> Histories:
    tracks = [
        Track(number, mbid(200 + number), f"Artist {artist}", recording(number), (artist,), f"Song {number}")
        for number in range(1, 13)
        for artist in [ARTISTS[(number - 1) // 2]]
    ]
    made = Histories(tracks, set(PLAYS))
    made.listens = [
        (user, NOON - 3600 * track - 60 * turn - user, track)
        for user, heard in PLAYS.items()
        for track, times in heard.items()
        for turn in range(times)
    ]
    return made


@pytest.fixture(scope="module")
def indexed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[World]:
    name = databases.lend()
    url = databases.url(name)
    items = {
        UUID(artist): {"items": [{"artist_mbid": other, "artist_name": "", "score": score} for other, score in others]}
        for artist, others in INDEX.items()
    }
    with closing(connect(url)) as connection:
        store_entity_documents(connection, "similar_artists", items)
    made = world_of(spark, tmp_path_factory.mktemp("indexed"), url, histories())
    made.ask(TRAIN, **QUICK)
    yield made
    databases.give_back(name)


@pytest.fixture(scope="module")
def lists(indexed: World) -> Results:
    return indexed.results(RECOMMEND)


def test_similar_artists_are_those_of_the_index_and_of_listeners_where_it_knows_none(
    indexed: World, lists: Results
) -> None:
    del lists
    [made] = kept(indexed.settings.lake, "candidate_sets")
    sets = CandidateSets(made)

    assert sets.artists("top") == {1: [A], 2: [A, B], 3: [B, A], 4: [E], 5: [F, E], 6: [D, C], 7: [D]}
    assert sets.artists("similar") == {1: [D, C], 2: [D, C], 3: [D, C], 4: [F], 7: [C]}


def test_lists_of_similar_artists_are_of_their_recordings_and_no_others(lists: Results) -> None:
    top, similar = (documents(lists, f"recommendations_{one}") for one in ("top", "similar"))

    def listed(doc: Any) -> tuple[str, list[str]]:
        return doc["fallback"], [item["id"] for item in doc["items"]]

    assert listed(similar[1]) == (FEW_BY_THESE_SAID, [recording(track) for track in (7, 8, 6, 5)])
    assert listed(similar[4]) == (FEW_BY_THESE_SAID, [recording(track) for track in (12, 11)])
    assert listed(top[1]) == (FEW_BY_THESE_SAID, [recording(2)])
    assert listed(top[7]) == (FEW_BY_THESE_SAID, [recording(8)])


def test_top_and_similar_say_how_many_artists_at_most(indexed: World) -> None:
    def made(**params: Any) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
        indexed.ask("cf.recommendations.recording.candidate_sets", **params)
        sets = CandidateSets(kept(indexed.settings.lake, "candidate_sets")[0])
        return sets.artists("top"), sets.artists("similar")

    assert made(similar=1) == (
        {1: [A], 2: [A, B], 3: [B, A], 4: [E], 5: [F, E], 6: [D, C], 7: [D]},
        {1: [D], 2: [D], 3: [D], 4: [F], 7: [C]},
    )
    # Where only one is at the top, the next may be similar to it: who hears B hears A, and E and F share a listener.
    assert made(top=1) == (
        {1: [A], 2: [A], 3: [B], 4: [E], 5: [F], 6: [D], 7: [D]},
        {1: [D, C], 2: [D, C], 3: [A], 4: [F], 5: [E], 6: [C], 7: [C]},
    )
