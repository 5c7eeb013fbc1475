"""What holds for every kind of model: shares add up, same bytes, no pickle, parameters checked by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engines import models
from jobs.engines.model_files import FILE, ModelFileError
from jobs.engines.recommender import ParametersError
from tests.unit.engines.listeners import counted, random_plays

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((kind, {"iterations": 2} if kind == "als" else {}) for kind in models.KINDS),
    ("own_history", {"weighting": "log", "half_life_days": 90}),
    ("item_item", {"similarity": "bm25", "neighbours": 3}),
    ("item_item", {"half_life_days": 30, "shrinkage": 2.0, "profile_weighting": "binary"}),
    ("ease", {"regularization": 3.0, "neighbours": 4, "max_items": 9, "profile_half_life_days": 20}),
    ("als", {"factors": 5, "weighting": "log", "half_life_days": 50, "alpha": 10.0, "iterations": 2}),
    (
        "blend",
        {
            "parts": [
                {"kind": "own_history"},
                {"kind": "als", "weight": 0.5, "parameters": {"iterations": 2}},
                {"kind": "item_item"},
            ]
        },
    ),
]
SILENT = {"random"}
"""Kinds without reasons."""


@pytest.mark.parametrize(("kind", "parameters"), [variant for variant in VARIANTS if variant[0] not in SILENT])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000))
def test_shares_of_the_reasons_add_up_to_the_score(kind: str, parameters: dict[str, Any], seed: int) -> None:
    plays = random_plays(seed)
    model = models.fit(kind, plays, parameters, seed)
    assert model.explains
    for user in range(plays.user_ids.size):
        ranked = model.recommend(plays, np.array([user]), 5, False)
        items = ranked.items[0][ranked.items[0] >= 0]
        reasons = model.explain(plays, user, items)
        assert len(reasons) == items.size
        for score, reason in zip(ranked.scores[0], reasons, strict=False):
            assert reason.shares.sum() == pytest.approx(score, abs=1e-6)
            assert len(set(reason.items.tolist())) == reason.items.size
            assert reason.shares.tolist() == sorted(reason.shares, reverse=True)


@pytest.mark.parametrize(("kind", "parameters"), VARIANTS)
def test_the_same_plays_and_seed_give_the_same_bytes_and_a_loaded_model_says_the_same(
    kind: str, parameters: dict[str, Any], tmp_path: Path
) -> None:
    plays = random_plays(3)
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        models.fit(kind, plays, parameters, 7).save(folder)
    first, second = ((folder / FILE).read_bytes() for folder in folders)
    assert first == second
    model, loaded = models.fit(kind, plays, parameters, 7), models.load(folders[0])
    assert loaded.kind == kind
    assert loaded.parameters == model.parameters
    users = np.arange(plays.user_ids.size)
    for before, after in zip(model.recommend(plays, users, 9, False), loaded.recommend(plays, users, 9, False),
                             strict=True):  # fmt: skip
        assert before.tolist() == after.tolist()


def test_a_kind_without_reasons_says_so_and_gives_none() -> None:
    plays = random_plays(3)
    assert {kind for kind in models.KINDS if not models.fit(kind, plays, {}, 1).explains} == SILENT
    (reasons,) = models.fit("random", plays, {}, 1).explain(plays, 0, np.array([2]))
    assert reasons.items.size == reasons.shares.size == 0


def test_a_file_with_pickles_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / FILE, description=np.array([{"kind": "popularity"}], object))
    with pytest.raises(ModelFileError, match="no model"):
        models.load(tmp_path)


def test_an_array_that_would_need_pickle_is_not_written(tmp_path: Path) -> None:
    plays = counted({1: {0: 1}})
    model = models.fit("popularity", plays, {}, 1)
    object.__setattr__(model, "listeners", np.array([None]))
    with pytest.raises(ValueError, match=r"(?i)pickle|object array"):
        model.save(tmp_path)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: None, "train a model first"),
        (lambda path: path.write_bytes(b"PK nothing"), "is no model"),
        (lambda path: np.savez(path, items=np.zeros(1)), "has no description"),
        (lambda path: np.savez(path, description=np.frombuffer(json.dumps({"kind": "x"}).encode(), np.uint8)),
         "kind 'x'"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused_with_what_is_wrong(write: Any, said: str, tmp_path: Path) -> None:
    write(tmp_path / FILE)
    with pytest.raises(ModelFileError, match=said):
        models.load(tmp_path)


@pytest.mark.parametrize(
    ("kind", "parameters", "said"),
    [
        ("nearest", {}, "kind='nearest': known are popularity"),
        ("popularity", {"rank": 3}, "no parameter 'rank'"),
        ("own_history", {"weighting": "square"}, "weighting='square': known are binary, log, count"),
        ("own_history", {"half_life_days": 0}, "half_life_days=0: expected more than 0"),
        ("item_item", {"neighbours": 0}, "neighbours=0: expected 1 or more"),
        ("item_item", {"similarity": "jaccard"}, "similarity='jaccard'"),
        ("item_item", {"shrinkage": -1}, "shrinkage=-1"),
        ("item_item", {"profile_weighting": "x"}, "profile_weighting='x'"),
        ("item_item", {"profile_half_life_days": -2}, "profile_half_life_days=-2"),
        ("ease", {"regularization": 0}, "regularization=0: expected 0.001 or more"),
        ("ease", {"max_items": 100_000}, "max_items=100000: expected 1 to 20000"),
        ("als", {"factors": 0}, "factors=0: expected 1 to 512"),
        ("als", {"alpha": -1.0}, "alpha=-1.0"),
        ("als", {"alpha": float("inf")}, "alpha=inf"),
        ("als", {"regularization": float("nan")}, "regularization=nan"),
        ("als", {"iterations": 0}, "iterations=0"),
        ("blend", {"parts": []}, "expected one or more"),
        ("blend", {"parts": [{"kind": "blend"}]}, "kind='blend'"),
        ("blend", {"parts": [{"kind": "random"}]}, "random has no reasons"),
        ("blend", {"parts": [{"kind": "als", "weight": -1}]}, "weight=-1"),
        ("blend", {"parts": [{"kind": "als", "parameters": {"rank": 2}}]}, "als has no parameter 'rank'"),
        ("blend", {"parts": ["als"]}, "expected kind, weight and parameters"),
    ],
)
def test_bad_parameters_are_refused_by_name_before_any_work(kind: str, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ParametersError, match=said):
        models.fit(kind, counted({1: {0: 1}}), parameters, 1)


@pytest.mark.parametrize("kind", models.KINDS)
def test_every_kind_can_be_fitted_on_nothing_on_one_user_and_asked_for_nobody(kind: str) -> None:
    nothing = counted({})
    model = models.fit(kind, nothing, {}, 1)
    assert model.recommend(nothing, np.arange(0), 3, False).items.shape == (0, 3)
    one = counted({1: {0: 3, 1: 1}})
    assert models.fit(kind, one, {}, 1).recommend(one, np.arange(1), 3, True).items.tolist() == [[-1] * 3]
