"""Play counts as a matrix with dense ids."""

from typing import Any

import numpy as np
import pytest

from jobs.engines.interactions import Interactions, InteractionsError, text_ids
from tests.unit.engines.listeners import uuid

A, B, C = uuid(1), uuid(2), uuid(3)


def of(rows: list[tuple[int, str, int, int, bool]]) -> Interactions:
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 5
    return Interactions.of(*columns)


def test_rows_and_columns_are_users_and_recordings_in_ascending_order_with_times_beside_their_counts() -> None:
    plays = of([(9, B, 2, 50, False), (4, C, 1, 70, True), (9, A, 5, 60, False)])
    assert plays.user_ids.tolist() == [4, 9]
    assert text_ids(plays.items, [0, 1, 2]) == [A, B, C]
    assert plays.msid.tolist() == [False, False, True]
    assert plays.matrix.toarray().tolist() == [[0, 0, 1], [5, 2, 0]]
    assert plays.latest.tolist() == [70, 60, 50]
    assert plays.newest == 70
    assert plays.listeners.tolist() == [1, 1, 1]


def test_nothing_is_an_empty_matrix() -> None:
    plays = of([])
    assert plays.matrix.shape == (0, 0)
    assert plays.newest == 0


def test_a_recording_under_two_credits_that_comes_as_two_rows_is_refused_instead_of_counted_double() -> None:
    with pytest.raises(InteractionsError, match="occurs twice"):
        of([(1, A, 2, 50, False), (1, A, 2, 50, False)])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(1, A, 0, 5, False)], "not above 0"),
        ([(1, A, -2, 5, False)], "not above 0"),
        ([(1, A, 1, 5, False), (2, A, 1, 5, True)], "recording_mbid and a recording_msid"),
    ],
)
def test_columns_that_break_a_rule_are_refused_by_name(rows: list[tuple[int, str, int, int, bool]], said: str) -> None:
    with pytest.raises(InteractionsError, match=said):
        of(rows)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(InteractionsError, match="differ in length"):
        Interactions.of([1, 2], [A], [1], [5], [False])


def test_a_pair_of_a_user_who_has_no_row_is_refused() -> None:
    with pytest.raises(InteractionsError, match="user 2"):
        Interactions.of([1, 2], [A, B], [1, 1], [5, 5], [False, False], users=[1])


def test_on_the_catalogue_of_a_model_unknown_recordings_go_and_missing_ones_are_empty_columns() -> None:
    plays = of([(4, A, 1, 70, False), (4, C, 3, 80, True), (9, A, 2, 90, False)])
    moved = plays.on(np.array([B, C], "S36"))
    assert moved.matrix.toarray().tolist() == [[0, 3], [0, 0]]
    assert moved.user_ids.tolist() == [4, 9]
    assert moved.msid.tolist() == [False, True]
    assert moved.latest.tolist() == [80]
    assert plays.on(plays.items) is plays
