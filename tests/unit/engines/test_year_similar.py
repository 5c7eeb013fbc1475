"""Users of a year by what they heard: exact cosines, places, ties; beside a plain count."""

from collections import Counter
from math import sqrt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jobs.engines.year_similar import MOST_SIMILAR, similar

Row = tuple[int, int, int]
"""(user, number of a recording, listens)"""


def found(rows: list[Row]) -> list[tuple[int, int, float, int]]:
    columns = [np.array([row[at] for row in rows], dtype=np.int64) for at in range(3)]
    return list(similar(*columns))  # type: ignore[arg-type]


def counted(rows: list[Row]) -> list[tuple[int, int, float, int]]:
    heard: dict[int, Counter[int]] = {}
    for user, recording, listens in rows:
        heard.setdefault(user, Counter())[recording] += listens
    made = []
    for user, own in sorted(heard.items()):
        scores = []
        for other, theirs in heard.items():
            product = sum(count * theirs[recording] for recording, count in own.items())
            if other != user and product:
                squares = [sum(count * count for count in of.values()) for of in (own, theirs)]
                scores.append((min(1.0, product / sqrt(squares[0] * squares[1])), other))
        best = sorted(scores, reverse=True)[:MOST_SIMILAR]
        made += [(user, other, score, place) for place, (score, other) in enumerate(best, 1)]
    return made


def test_the_most_similar_comes_first_and_of_equals_the_greater_id() -> None:
    rows = [(7, 0, 3), (8, 0, 3), (9, 0, 5), (10, 0, 1), (10, 1, 1)]

    assert [(user, other, place) for user, other, _, place in found(rows) if user == 7] == [
        (7, 9, 1),
        (7, 8, 2),
        (7, 10, 3),
    ]


def test_of_nobody_there_is_nothing() -> None:
    assert found([]) == []


@given(
    st.dictionaries(st.tuples(st.integers(1, 40), st.integers(0, 5)), st.integers(1, 100), max_size=80).map(
        lambda cells: [(user, recording, count) for (user, recording), count in cells.items()]
    )
)
def test_it_is_what_counting_pairs_gives(rows: list[Row]) -> None:
    assert found(rows) == counted(rows)
