"""Orders of int columns, against sorting rows in plain Python."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.engines.int_order import Ints, dense, order_of, starts_of

LEAST, GREATEST = -(2**63), 2**63 - 1
NUMBER = st.integers(-3, 3) | st.integers(LEAST, GREATEST)
ROWS = st.lists(st.tuples(NUMBER, NUMBER, NUMBER), max_size=30)


def columns(rows: list[tuple[int, int, int]]) -> tuple[Ints, Ints, Ints]:
    first, second, third = (np.array([row[place] for row in rows], np.int64) for place in range(3))
    return first, second, third


@given(ROWS)
@example([(LEAST, GREATEST, 0), (GREATEST, LEAST, 1), (0, 0, 0), (LEAST, LEAST, GREATEST)])
def test_rows_are_ordered_as_by_plain_sorting_however_wide_their_numbers_are(rows: list[tuple[int, int, int]]) -> None:
    assert [rows[place] for place in order_of(*columns(rows))] == sorted(rows)


@given(st.lists(NUMBER, max_size=30))
@example([0, 100])
@example([LEAST, GREATEST, LEAST])
def test_values_are_numbered_in_their_order_without_gaps(values: list[int]) -> None:
    known, places = dense(np.array(values, np.int64))

    assert known.tolist() == sorted(set(values))
    assert [known[place] for place in places] == values


@given(ROWS)
def test_a_run_starts_where_any_column_changes(rows: list[tuple[int, int, int]]) -> None:
    ordered = sorted(rows)
    expected = [place for place, row in enumerate(ordered) if place == 0 or row != ordered[place - 1]]

    assert starts_of(*columns(ordered)).tolist() == expected
