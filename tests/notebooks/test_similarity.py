"""similarity.ipynb run on listeners with taste: sessions and scores are the oracle's."""

from collections.abc import Iterator

import pytest

from tests.notebooks.conftest import Ran, Scened, run_notebook
from tests.notebooks.scenes import SONG
from tests.oracle.similarity import Heard, Rules, artist_scores, kept_sessions, lists

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]
RULES = Rules(session=300, skip=30, contribution=5, threshold=10, limit=1000)


@pytest.fixture(scope="module")
def ran(scened: Scened) -> Iterator[Ran]:
    with run_notebook("similarity.ipynb", scened.settings) as ran:
        yield ran


@pytest.fixture(scope="module")
def heard(scened: Scened) -> list[Heard]:
    found = []
    for user_id, sent in scened.sent.items():
        for one in sent:
            said = one["track_metadata"]["additional_info"]
            artists = tuple(said["artist_mbids"])
            found.append(Heard(user_id, one["listened_at"], SONG, said["recording_mbid"], artists))
    return found


def test_every_cell_runs_and_says_nothing_on_standard_error(ran: Ran) -> None:
    assert ran.plots() == 4


def test_sessions_are_the_oracles(ran: Ran, heard: list[Heard]) -> None:
    assert ran.ask("int(listens['session'].nunique())") == len(kept_sessions(heard, RULES))
    assert ran.ask("len(listens)") == len(heard)


def test_neighbours_are_the_oracles_and_those_counted_by_hand(ran: Ran, heard: list[Heard]) -> None:
    expected = lists(artist_scores(heard, RULES), RULES)

    found = ran.ask("{key: [[o['artist_mbid'], o['score']] for o in d['items']] for key, d in documents.items()}")
    assert {key: [tuple(one) for one in of] for key, of in found.items()} == expected
    assert ran.ask("by_hand == dict(zip(neighbours['artist_mbid'], neighbours['score']))") is True


def test_what_scores_above_a_threshold_is_what_the_job_keeps_with_it(ran: Ran) -> None:
    kept = ran.ask("{int(threshold): int(pairs) for threshold, pairs in kept.items()}")

    assert kept["0"] > kept["40"]
    assert kept["10"] == ran.ask("sum(len(one['items']) for one in documents.values()) // 2")


def test_what_is_kept_in_the_lake_cannot_be_made_here(ran: Ran) -> None:
    told = ran.ask("__import__('tests.notebooks.attempts', fromlist=['x']).keeping(lake)")

    assert sorted(told) == ["recommendation_model", "similar_users"]
    assert {text.partition(":")[0] for text in told.values()} == {"LakeReadOnlyError"}
    misasked = ran.ask("__import__('tests.notebooks.attempts', fromlist=['x']).misasked(lake)")
    assert [text.partition(":")[0] for text in misasked] == ["InvalidRequestError"] * 4
