"""Lists from scores: order, ties, what may not be listed, blocks. Proven on models whose scores are plain to see."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from jobs.engines import models
from jobs.engines.interactions import Interactions, OtherItemsError
from jobs.engines.recommender import best_positions
from tests.unit.engines.listeners import NOW, counted, lists, random_plays

HISTORY = {1: {0: 5, 1: 2, 2: 9}, 2: {3: 1, 1: 1}, 3: {}}
USERS = np.arange(3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-2, 4), max_size=12), st.integers(0, 13))
def test_the_best_are_those_of_a_full_sort_ties_the_greater_position_first(values: list[int], count: int) -> None:
    ordered = sorted((item for item, value in enumerate(values) if value > 0), key=lambda item: (-values[item], -item))
    assert best_positions(np.array(values, np.float64), count).tolist() == ordered[:count]


def test_shorter_lists_are_padded() -> None:
    plays = counted(HISTORY)
    ranked = models.fit("own_history", plays, {}, 1).recommend(plays, USERS, 4, False)
    assert ranked.items.tolist() == [[2, 0, 1, -1], [3, 1, -1, -1], [-1] * 4]
    assert ranked.scores.tolist() == [[9, 5, 2, 0], [1, 1, 0, 0], [0] * 4]


def test_lists_are_of_the_users_asked_for_in_their_order() -> None:
    plays = counted(HISTORY)
    ranked = models.fit("own_history", plays, {}, 1).recommend(plays, np.array([1, 0]), 1, False)
    assert ranked.items.tolist() == [[3], [2]]


def test_heard_items_are_left_out_when_told_so() -> None:
    plays = counted(HISTORY)
    assert lists(models.fit("popularity", plays, {}, 1), plays, 4, new=True) == [[3], [2, 0], [1, 3, 2, 0]]


def test_only_candidates_are_listed_and_nothing_that_is_excluded() -> None:
    plays = counted(HISTORY)
    model = models.fit("popularity", plays, {}, 1)
    candidates = sparse.csr_matrix(np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 1, 1]], bool))
    hated = sparse.csr_matrix(np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]], bool))
    ranked = model.recommend(plays, USERS, 3, False, candidates, excluded=hated)
    assert ranked.items.tolist() == [[1, 0, -1], [-1, -1, -1], [3, 2, -1]]
    assert model.recommend(plays, np.array([2]), 3, False, candidates, excluded=hated).items.tolist() == [[3, 2, -1]]


def test_candidates_of_another_shape_are_refused() -> None:
    plays = counted(HISTORY)
    model = models.fit("popularity", plays, {}, 1)
    with pytest.raises(ValueError, match=r"candidates has the shape \(1, 4\)"):
        model.recommend(plays, np.array([0]), 3, False, sparse.csr_matrix((1, 4), dtype=bool))


def test_a_matrix_of_other_recordings_is_refused() -> None:
    model = models.fit("popularity", counted({1: {0: 1, 1: 1}}), {}, 1)
    with pytest.raises(OtherItemsError, match=r"Interactions\.on"):
        model.recommend(counted(HISTORY), USERS, 3, False)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1.0, [1, 3, 2, 0]), (0.5, [1, 3]), (0.0, [3])],
)
def test_heard_items_give_way_beyond_their_share(share: float, expected: list[int]) -> None:
    """User 1 heard 0, 1 and 2, and only 3 is new: at half there is room for one heard item beside it."""
    plays = counted(HISTORY)
    model = models.fit("popularity", plays, {}, 1)
    ranked = model.recommend(plays, np.array([0]), 4, False, max_heard_share=share)
    assert [item for item in ranked.items[0].tolist() if item >= 0] == expected


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1), st.integers(1, 12))
def test_no_list_has_more_than_its_share_of_heard_items_and_new_ones_keep_their_order(
    seed: int, share: float, count: int
) -> None:
    plays = random_plays(seed)
    model = models.fit("popularity", plays, {}, 1)
    users = np.arange(plays.user_ids.size)
    ranked = model.recommend(plays, users, count, False, max_heard_share=share)
    new = model.recommend(plays, users, count, True)
    for user, row in enumerate(ranked.items.tolist()):
        listed = [item for item in row if item >= 0]
        heard = set(plays.matrix[[user]].indices.tolist())
        of_heard = [item for item in listed if item in heard]
        assert len(of_heard) <= share * len(listed) + 1e-6
        others = [item for item in listed if item not in heard]
        assert others == [item for item in new.items[user].tolist() if item >= 0][: len(others)]


@pytest.mark.parametrize("kind", models.KINDS)
def test_blocks_of_any_size_give_the_same_lists(kind: str) -> None:
    plays = random_plays(5, users=30, items=40)
    model = models.fit(kind, plays, {}, 1)
    users = np.arange(30)
    whole = model.recommend(plays, users, 7, False)
    single = model.recommend(plays, users, 7, False, block_bytes=1)
    assert whole.items.tolist() == single.items.tolist()
    assert np.allclose(whole.scores, single.scores, rtol=1e-9)


def test_memory_is_that_of_a_block_of_users_not_of_all() -> None:
    """2,000 users times 20,000 items are 320 MB of scores."""
    generator = np.random.default_rng(1)
    items = np.array([f"{item:036d}" for item in range(20_000)], "S36")
    users = np.repeat(np.arange(2_000), 20)
    columns = np.concatenate([generator.choice(20_000, 20, replace=False) for _ in range(2_000)])
    counts = generator.integers(1, 9, columns.size)
    plays = Interactions.of(users, items[columns], counts, np.full(columns.size, NOW), np.zeros(columns.size, bool))
    model = models.fit("item_item", plays, {"neighbours": 5}, 1)
    tracemalloc.start()
    model.recommend(plays, np.arange(2_000), 50, True, block_bytes=8 * 2**20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 2**20
