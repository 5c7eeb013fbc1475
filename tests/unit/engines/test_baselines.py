"""Popularity, own history and item-item neighbours on cases worked out by hand, and against plain Python."""

from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engines import models
from jobs.engines.interactions import Interactions
from jobs.engines.item_item import BM25_B, BM25_K1, ItemItem, fit
from tests.unit.engines.listeners import counted, interactions, lists, random_plays

USER = np.array([0])


def test_popularity_counts_listeners_not_listens() -> None:
    plays = counted({1: {0: 100, 1: 1}, 2: {1: 1}})
    ranked = models.fit("popularity", plays, {}, 1).recommend(plays, USER, 2, False)
    assert ranked.items.tolist() == [[1, 0]]
    assert ranked.scores.tolist() == [[2, 1]]


def test_own_history_is_the_play_count_which_fades_when_a_half_life_is_given() -> None:
    plays = interactions({1: {0: (8, 20), 1: (3, 0)}})
    assert lists(models.fit("own_history", plays, {}, 1), plays, 2) == [[0, 1]]
    fading = models.fit("own_history", plays, {"half_life_days": 10}, 1).recommend(plays, USER, 2, False)
    assert fading.items.tolist() == [[1, 0]]
    assert fading.scores[0] == pytest.approx([3, 8 / 4])


def test_a_reason_of_a_baseline_is_the_item_itself() -> None:
    plays = counted({1: {0: 4, 1: 1}, 2: {1: 1}})
    for kind in ("popularity", "own_history"):
        model = models.fit(kind, plays, {}, 1)
        ranked = model.recommend(plays, USER, 2, False)
        reasons = model.explain(plays, 0, ranked.items[0])
        assert [(reason.items.tolist(), reason.shares.tolist()) for reason in reasons] == [
            ([item], [score]) for item, score in zip(ranked.items[0], ranked.scores[0], strict=True)
        ]


def test_item_item_recommends_what_is_heard_together_and_says_because_of_what() -> None:
    """Users 1 and 2 hear 0 and 1; user 3 hears 0 alone, so 1 is for them, because of 0: cosine 2 / sqrt(3 * 2)."""
    plays = counted({1: {0: 1, 1: 1}, 2: {0: 1, 1: 1}, 3: {0: 1}})
    model = models.fit("item_item", plays, {"weighting": "binary", "profile_weighting": "binary"}, 1)
    ranked = model.recommend(plays, np.array([2]), 2, True)
    assert ranked.items.tolist() == [[1, -1]]
    assert ranked.scores[0, 0] == pytest.approx(2 / sqrt(6))
    (reason,) = model.explain(plays, 2, np.array([1]))
    assert reason.items.tolist() == [0]
    assert reason.shares[0] == pytest.approx(2 / sqrt(6))


def test_shrinkage_makes_what_one_user_heard_together_less_alike() -> None:
    plays = counted({1: {0: 1, 1: 1}})
    shrunk = models.fit("item_item", plays, {"weighting": "binary", "shrinkage": 4.0}, 1)
    assert isinstance(shrunk, ItemItem)
    assert shrunk.says[0, 1] == pytest.approx(1 / 5)


def neighbours(plays: Interactions, count: int, similarity: str) -> list[dict[int, float]]:
    """By item its nearest others with how near, in plain Python."""
    weights = [[log(1 + cell) for cell in row] for row in plays.matrix.toarray().tolist()]
    items = range(plays.items.size)
    if similarity == "bm25":
        lengths = [sum(row[item] for row in weights) for item in items]
        mean = sum(lengths) / len(lengths)
        heard = [sum(cell > 0 for cell in row) for row in weights]
        weights = [
            [
                cell * (BM25_K1 + 1) / (BM25_K1 * (1 - BM25_B + BM25_B * lengths[item] / mean) + cell)
                * max(0.0, log(len(items)) - log(1 + heard[user])) if cell else 0.0
                for item, cell in enumerate(row)
            ]
            for user, row in enumerate(weights)
        ]  # fmt: skip
    found = []
    for item in items:
        near = {}
        for other in items:
            product = sum(row[item] * row[other] for row in weights)
            if other != item and product > 0:
                lengths_of = [sqrt(sum(row[one] ** 2 for row in weights)) for one in (item, other)]
                near[other] = product if similarity == "bm25" else product / (lengths_of[0] * lengths_of[1])
        found.append({other: near[other] for other in sorted(near, key=lambda one: (near[one], one))[-count:]})
    return found


@pytest.mark.parametrize("similarity", ["cosine", "bm25"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 16))
def test_neighbours_are_those_of_plain_python(similarity: str, seed: int, count: int) -> None:
    plays = random_plays(seed)
    model = models.fit("item_item", plays, {"similarity": similarity, "neighbours": count}, 1)
    assert isinstance(model, ItemItem)
    for item, expected in enumerate(neighbours(plays, count, similarity)):
        column = model.says[:, [item]].tocoo()
        found = dict(zip(column.row.tolist(), column.data.tolist(), strict=True))
        assert sorted(found.values()) == pytest.approx(sorted(expected.values()))
        # Ties are decided by the last bit of a sum, so which of them is kept may differ.
        least = min(expected.values(), default=0.0)
        assert {one for one in expected if expected[one] > least + 1e-9} <= set(found)


def test_blocks_of_items_do_not_change_the_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    plays = random_plays(8, users=20, items=30)
    parameters = models.parameters_of("item_item", {"neighbours": 4})
    whole = fit(plays, parameters, 1)
    monkeypatch.setattr("jobs.engines.item_item.BLOCK_PRODUCTS", 1)
    assert (fit(plays, parameters, 1).says != whole.says).nnz == 0
