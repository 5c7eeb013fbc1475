import math
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pytest

from jobs.chain.catalogue import Catalogue
from jobs.chain.lists import Ranker, Ranking, UnexplainedError
from jobs.engines import models
from jobs.engines.recommender import Reasons
from jobs.recommend.recommendations import MOST_REASONS
from tests.unit.chain_files import dataframes

NOBODY: dict[int, Any] = {}


def song(number: int) -> str:
    return str(UUID(int=number, version=4))


A, B, C, D = (song(number) for number in range(1, 5))
MBID = song(77)
TASTE = {(1, A): 3, (1, B): 1, (2, A): 2, (2, B): 2, (2, C): 1, (3, B): 1, (3, C): 4}


def catalogue(folder: Path, plays: dict[tuple[int, str], int], exclusions: dict[int, Any] = NOBODY) -> Catalogue:
    made = dataframes(folder, plays, {A: "low", B: "low", C: "can", D: "zoe"})
    return Catalogue(made, made.interactions(everybody=(1, 2, 3, 9)), exclusions)


def ranked(known: Catalogue, model: Any, row: int, **more: Any) -> Ranking:
    left_out = {row: known.left_out(int(known.plays.user_ids[row]))}
    asked = {"candidates": None, "count": 10, "max_heard_share": 0.0} | more
    return Ranker.of(model, known.plays).ranked(left_out, **asked)[row]


def told(known: Catalogue, ranking: Ranking) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(ranking.document(known, 1, {(1, C): 5}, kind=ranking.ranker.model.kind))
    return document


def test_an_item_has_its_names_its_reasons_and_when_it_was_heard(tmp_path: Path) -> None:
    known = catalogue(tmp_path, TASTE)
    model = models.fit("item_item", known.plays, {"weighting": "count"}, 0)

    document = told(known, ranked(known, model, 0))

    [item] = document["items"]
    assert (item["id"], item["msid"], item["latest_listened_at"]) == (C, False, 5)
    assert {(uuid, count) for uuid, _, count, _ in item["reasons"]} == {(A, 3), (B, 1)}
    assert math.isclose(sum(share for *_, share in item["reasons"]), item["score"])
    assert document["names"] == {A: ["song 01", "Low"], B: ["song 02", "Low"], C: ["song 03", "Can"]}


def test_who_has_no_plays_has_a_row_and_what_many_hear_is_said_with_everybodys_plays(tmp_path: Path) -> None:
    known = catalogue(tmp_path, TASTE)
    model = models.fit("popularity", known.plays, {}, 0)

    document = told(known, ranked(known, model, 3, count=1))

    assert document["items"][0]["reasons"] == [[B, False, 4, 3.0]]


def test_what_nobody_hears_any_more_and_what_the_model_does_not_know_is_not_listed(tmp_path: Path) -> None:
    before = catalogue(tmp_path / "before", TASTE)
    model = models.fit("popularity", before.plays, {}, 0)
    now = {(user, uuid): count for (user, uuid), count in TASTE.items() if uuid != A} | {(3, D): 1}
    known = catalogue(tmp_path / "now", now)

    listed = told(known, ranked(known, model, 3))

    assert [item["id"] for item in listed["items"]] == [B, C]


@pytest.mark.parametrize(
    ("exclusion", "left"),
    [(("artist", "can"), {A, B}), (("recording", A), {B, C}), (("artist", "low"), {C}), (("artist", "new"), {A, B, C})],
)
def test_what_a_user_leaves_out_is_not_recommended_to_her(
    tmp_path: Path, exclusion: tuple[str, str], left: set[str]
) -> None:
    known = catalogue(tmp_path, TASTE, {9: [exclusion]})
    model = models.fit("popularity", known.plays, {}, 0)

    assert {item["id"] for item in told(known, ranked(known, model, 3))["items"]} == left


@pytest.mark.parametrize("name", ["battles", "björk", "air", "battles feat. björk & air", MBID])
def test_who_leaves_out_one_artist_of_a_joint_credit_leaves_out_the_recording(tmp_path: Path, name: str) -> None:
    credit = "battles feat. björk & air"
    made = dataframes(tmp_path, TASTE, {A: credit, B: "low", C: "can"}, {credit: MBID})
    known = Catalogue(made, made.interactions(), {1: [("artist", name)], 2: [("artist", "jörk")]})

    assert [made.recordings["recording"][at].as_py() for at in known.left_out(1)] == [A]
    assert known.left_out(2).size == 0


def test_an_artist_left_out_by_name_is_gone_under_every_credit(tmp_path: Path) -> None:
    made = dataframes(tmp_path, TASTE, {A: "prince", B: "the artist", C: "can"}, {"the artist": MBID}, {MBID: "Prince"})
    known = Catalogue(made, made.interactions(), {1: [("artist", "prince")]})

    assert [made.recordings["recording"][at].as_py() for at in known.left_out(1)] == [A, B]


def test_a_recording_left_out_by_a_merged_mbid_or_an_msid_is_that_recording(tmp_path: Path) -> None:
    merged, msid, unknown = song(90), song(91), song(92)
    made = dataframes(tmp_path, TASTE, other_ids={merged: A, msid: C, unknown: D})
    left_out = {user: [("recording", one)] for user, one in enumerate((merged, msid, B, unknown), 1)}
    known = Catalogue(made, made.interactions(), left_out)

    assert [known.left_out(user).tolist() for user in (1, 2, 3, 4, 5)] == [[0], [2], [1], [], []]


def test_of_some_artists_only_their_recordings_are_listed(tmp_path: Path) -> None:
    known = catalogue(tmp_path, TASTE)
    model = models.fit("popularity", known.plays, {}, 0)

    ranking = ranked(known, model, 3, candidates={3: known.of_artists(["can", "nobody"])})

    assert [item["id"] for item in told(known, ranking)["items"]] == [C]


def test_many_reasons_are_the_greatest_and_one_of_all_others_without_an_id(tmp_path: Path) -> None:
    many = {(user, song(number)): 1 for user in (1, 2) for number in range(10, 35)} | {(2, D): 1}
    known = catalogue(tmp_path, many)
    model = models.fit("item_item", known.plays, {}, 0)

    [item] = told(known, ranked(known, model, 0))["items"]

    assert len(item["reasons"]) == MOST_REASONS + 1
    assert item["reasons"][-1][:3] == [None, False, 25 - MOST_REASONS]
    assert math.isclose(sum(share for *_, share in item["reasons"]), item["score"], abs_tol=1e-6)


def test_a_model_whose_reasons_do_not_add_up_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = catalogue(tmp_path, TASTE)
    model = models.fit("popularity", known.plays, {}, 0)
    wrong = [Reasons(np.array([0]), np.array([1.5]))] * 3
    monkeypatch.setattr(type(model), "explain", lambda *_: wrong)

    with pytest.raises(UnexplainedError, match=r"popularity: reasons add up to 1\.5, the score is 3\.0"):
        told(known, ranked(known, model, 3))


def test_transformed_play_counts_are_20_and_30_more_than_the_plays(tmp_path: Path) -> None:
    made = dataframes(tmp_path, {(1, A): 1, (1, B): 2, (2, B): 50})

    assert made.interactions(transformed=True).matrix.toarray().tolist() == [[20, 32], [0, 50]]
    assert made.interactions().matrix.toarray().tolist() == [[1, 2], [0, 50]]


def test_what_users_with_too_few_listens_heard_is_known_by_its_positions(tmp_path: Path) -> None:
    few = {(9, C): 1, (8, B): 5, (9, A): 2}
    made = dataframes(tmp_path, TASTE, below=few)

    found = made.heard_below([1, 8, 9])

    assert {user_id: (heard.positions.tolist(), heard.counts.tolist()) for user_id, heard in found.items()} == {
        8: ([1], [5]),
        9: ([0, 2], [2, 1]),
    }
    assert set(made.heard_below([9])) == {9}
    assert made.heard_below([1, 2]) == {}
    assert made.interactions(everybody=(8, 9)).matrix[3:].nnz == 0, "no model is made of it"


def test_plays_can_be_left_out_of_some_rows(tmp_path: Path) -> None:
    plays = dataframes(tmp_path, TASTE).interactions()

    left = plays.without({0: np.array([1]), 2: np.array([0, 2]), 1: np.array([], np.int64)})

    assert left.matrix.toarray().tolist() == [[3, 0, 0], [2, 2, 1], [0, 1, 0]]
    assert left.matrix.nnz == left.latest.size == 5
    assert plays.without({}).matrix.toarray().tolist() == plays.matrix.toarray().tolist()
