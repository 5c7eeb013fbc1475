"""Listens cut by time: what is known before a moment, what is to be foreseen after it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engines.timeline import NothingToMeasureError, Timeline, Windows, trial
from tests.unit.engines.listeners import uuid

LISTENS = [(1, 0, 10), (1, 0, 20), (1, 1, 30), (2, 0, 15), (2, 2, 40), (3, 1, 35), (4, 2, 5), (1, 0, 50)]
"""(user, item, second)."""


def timeline(listens: list[tuple[int, int, int]]) -> Timeline:
    return Timeline.of(
        [user for user, _, _ in listens],
        [uuid(item) for _, item, _ in listens],
        [at for _, _, at in listens],
        [False] * len(listens),
    )


def test_what_is_known_are_the_listens_before_the_moment_on_rows_and_columns_of_all() -> None:
    known = timeline(LISTENS).before(30)
    assert known.user_ids.tolist() == [1, 2, 3, 4]
    assert known.matrix.toarray().tolist() == [[2, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert known.latest.tolist() == [20, 15, 5]


def test_a_listen_at_the_moment_is_to_be_foreseen() -> None:
    heard = timeline(LISTENS).heard(30, 50)
    assert heard.toarray().astype(int).tolist() == [[0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_a_trial_is_of_users_with_listens_on_both_sides() -> None:
    listens = timeline(LISTENS)
    everything = trial(listens, listens.before(30), 30, 51, new_only=False, most_users=9, seed=1)
    assert everything.users.tolist() == [0, 1]
    assert everything.held_out.toarray().astype(int).tolist() == [[1, 1, 0], [0, 0, 1]]
    new = trial(listens, listens.before(30), 30, 51, new_only=True, most_users=9, seed=1)
    assert new.held_out.toarray().astype(int).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_beyond_the_most_users_some_are_drawn_the_same_for_the_same_seed() -> None:
    listens = timeline([(user, 0, at) for user in range(50) for at in (1, 9)])
    drawn = [trial(listens, listens.before(5), 5, 10, new_only=False, most_users=7, seed=3).users for _ in range(2)]
    assert drawn[0].tolist() == drawn[1].tolist() == sorted(set(drawn[0].tolist()))
    assert drawn[0].size == 7


def test_without_anybody_to_measure_the_error_says_what_is_missing() -> None:
    listens = timeline([(1, 0, 10), (1, 0, 20), (2, 1, 30)])
    with pytest.raises(NothingToMeasureError, match="something new to them after"):
        trial(listens, listens.before(15), 15, 31, new_only=True, most_users=9, seed=1)
    with pytest.raises(NothingToMeasureError, match="nobody has listens before the moment 5"):
        trial(listens, listens.before(5), 5, 31, new_only=False, most_users=9, seed=1)
    with pytest.raises(NothingToMeasureError, match="no listens"):
        timeline([]).windows()


def test_windows_leave_shares_of_the_listens_and_listens_of_one_second_together() -> None:
    ten = timeline([(1, 0, at) for at in range(10)])
    assert ten.windows(0.2, 0.25, 1) == Windows((6,), 8, 10)
    cut = ten.windows(0.2, 0.5, 2)
    assert cut == Windows((4, 6), 8, 10)
    assert cut.validation == [(4, 6), (6, 8)]
    together = timeline([(1, 0, at) for at in (0, 1, 2, 3, 3, 3, 3, 4, 5, 6)])
    assert together.windows(0.4, 0.5, 1).test_from == 3


def test_a_row_may_be_several_listens() -> None:
    once = timeline([(1, 0, 10)] * 3 + [(1, 1, 20)])
    counted = Timeline.of([1, 1], [uuid(0), uuid(1)], [10, 20], [False, False], [3, 1])
    assert (once.before(21).matrix != counted.before(21).matrix).nnz == 0
    assert once.windows(0.25, 0.5, 1) == counted.windows(0.25, 0.5, 1)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(0, 20)), min_size=1, max_size=30),
    st.integers(0, 21),
)
def test_every_listen_is_on_one_side_of_the_cut(listens: list[tuple[int, int, int]], cut: int) -> None:
    found = timeline(listens)
    users, items = sorted({user for user, _, _ in listens}), sorted({item for _, item, _ in listens})
    known, heard = found.before(cut).matrix.toarray(), found.heard(cut, 21).toarray()
    for row, user in enumerate(users):
        for column, item in enumerate(items):
            at = [second for one, other, second in listens if (one, other) == (user, item)]
            assert known[row, column] == sum(second < cut for second in at)
            assert heard[row, column] == any(second >= cut for second in at)
    assert np.array_equal(found.user_ids, users)
