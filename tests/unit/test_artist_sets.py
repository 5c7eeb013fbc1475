import numpy as np
from scipy.sparse import csr_matrix

from jobs.engines.artist_sets import Artists, shared_listeners, similar_artists, top_artists

CREDITS = [["low"], ["abba", "low"], ["zoe"], ["can"], []]


def counts_of(plays: list[list[int]]) -> csr_matrix:
    return csr_matrix(np.array(plays, dtype=np.float64)) @ Artists.of(CREDITS).by


def named(artists: Artists, chosen: list[np.ndarray]) -> list[list[str]]:
    return [[artists.names[one] for one in row] for row in chosen]


def test_a_recording_of_two_artists_counts_for_both_and_ties_go_to_the_greater_name() -> None:
    artists = Artists.of(CREDITS)

    top = top_artists(counts_of([[1, 2, 2, 0, 9], [0, 0, 0, 5, 0]]), 2)

    assert artists.names == ["abba", "can", "low", "zoe"]
    assert named(artists, top) == [["low", "zoe"], ["can"]]


def test_recordings_of_artists_are_all_that_one_of_them_takes_part_in() -> None:
    artists = Artists.of(CREDITS)

    assert artists.recordings_of(np.array([2])).tolist() == [0, 1]
    assert artists.recordings_of(np.array([0, 1])).tolist() == [1, 3]
    assert artists.recordings_of(np.zeros(0, np.int64)).tolist() == []


def test_similar_artists_are_none_of_the_own_and_weigh_plays_times_similarity() -> None:
    artists = Artists.of(CREDITS)
    counts = counts_of([[3, 0, 0, 1, 0]])
    nearest = {2: [(0, 0.5), (1, 0.9)], 1: [(3, 1.0), (0, 0.1)]}

    found = similar_artists(top_artists(counts, 5), counts, 5, nearest)

    assert named(artists, found) == [["abba", "zoe"]], "can is her own; abba has 3 * 0.5 + 0.1, zoe 1"


def test_who_shares_listeners_is_similar_and_who_shares_none_is_not() -> None:
    names = Artists.of(CREDITS).names
    counts = counts_of([[1, 0, 1, 0, 0], [2, 0, 2, 0, 0], [0, 0, 0, 7, 0]])

    def shared(*asked: str) -> dict[str, list[str]]:
        found = shared_listeners(counts, np.array([names.index(one) for one in asked], np.int64))
        return {names[one]: [names[other] for other, _ in pairs] for one, pairs in found.items()}

    assert shared("abba", "can", "low", "zoe") == {"abba": [], "can": [], "low": ["zoe"], "zoe": ["low"]}
    assert shared("zoe", "can") == {"zoe": ["low"], "can": []}, "of nobody else"
    assert shared() == {}
