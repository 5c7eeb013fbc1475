import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from jobs.engines.similar import most_similar

Plays = Sequence[Sequence[int]]
Found = dict[int, list[tuple[int, float]]]


def oracle(plays: Plays, count: int) -> Found:
    """Every pair of users, one item at a time."""
    found: Found = {}
    for one, own in enumerate(plays):
        scores: list[tuple[float, int]] = []
        for other, theirs in enumerate(plays):
            dot = sum(a * b for a, b in zip(own, theirs, strict=True))
            if other != one and dot > 0:
                squares = sum(a * a for a in own), sum(b * b for b in theirs)
                scores.append((min(1.0, dot / math.sqrt(squares[0] * squares[1])), other))
        found[one] = [(other, score) for score, other in sorted(scores, reverse=True)[:count]]
    return found


def found_in(plays: Plays, count: int, cells: int = 8_000_000, threads: int | None = None) -> Found:
    made: Found = {}
    for block in most_similar(csr_matrix(np.array(plays, dtype=np.int64)), count, cells, threads=threads):
        for row, (start, end) in enumerate(zip(block.starts[:-1], block.starts[1:], strict=True), block.first):
            assert row not in made
            made[row] = list(zip(block.rows[start:end].tolist(), block.scores[start:end].tolist(), strict=True))
    return made


def test_cosines_worked_out_by_hand() -> None:
    plays = [[3, 4, 0], [6, 8, 0], [0, 5, 0], [0, 0, 2]]

    assert found_in(plays, 5) == {0: [(1, 1.0), (2, 0.8)], 1: [(0, 1.0), (2, 0.8)], 2: [(1, 0.8), (0, 0.8)], 3: []}


def test_of_those_that_are_as_similar_the_greater_is_first_and_the_cut_keeps_it() -> None:
    assert found_in([[1, 1], [1, 0], [2, 0], [5, 0]], 2)[0] == [(3, 1 / math.sqrt(2)), (2, 1 / math.sqrt(2))]


def test_of_some_rows_the_neighbours_are_those_that_they_have_among_all() -> None:
    plays = csr_matrix(np.array([[3, 4, 0], [6, 8, 0], [0, 5, 0], [0, 0, 2]]))
    everything = found_in(plays.toarray().tolist(), 5)
    asked = np.array([1, 2, 3])

    blocks = list(most_similar(plays, 5, 8, asked, threads=1))

    assert [block.first for block in blocks] == [0, 2], "two rows at a time"
    assert [block.rows.tolist() for block in blocks] == [
        [row for one in numbers for row, _ in everything[one]] for numbers in ((1, 2), (3,))
    ]


def test_no_rows_and_rows_without_plays_are_similar_to_nothing() -> None:
    assert found_in([[0, 0], [1, 0]], 3) == {0: [], 1: []}
    assert list(most_similar(csr_matrix((0, 4), dtype=np.int64), 3)) == []


@given(
    st.integers(1, 6).flatmap(
        lambda items: st.lists(st.lists(st.integers(0, 9), min_size=items, max_size=items), min_size=1, max_size=9)
    ),
    st.integers(1, 9),
    st.integers(1, 40),
    st.integers(1, 4),
)
def test_blocks_of_any_height_on_any_number_of_threads_find_what_plain_python_finds(
    plays: list[list[int]], count: int, cells: int, threads: int
) -> None:
    assert found_in(plays, count, cells, threads) == oracle(plays, count)


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=2, max_size=8))
def test_similarity_is_mutual(plays: list[list[int]]) -> None:
    pairs = Counter(
        (min(one, other), max(one, other), score) for one, row in found_in(plays, 99).items() for other, score in row
    )

    assert all(times == 2 for times in pairs.values())
