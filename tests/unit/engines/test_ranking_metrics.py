"""Metrics, each against a case worked out by hand and, in general, against plain Python."""

from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from jobs.engines import ranking_metrics as metrics

LISTS = np.array([[4, 1, 0], [2, 3, -1]])
"""Two users, three places."""
HELD_OUT = sparse.csr_matrix(([1.0] * 5, ([0, 0, 1, 1, 1], [4, 0, 3, 0, 1])), shape=(2, 5))
NUMBERS = np.array([2, 3])
FOUND = np.array([[True, False, True], [False, True, False]])


def test_a_hit_is_a_listed_item_that_is_held_out_and_padding_is_none() -> None:
    assert metrics.hits(LISTS, HELD_OUT).tolist() == FOUND.tolist()
    all_of_the_row_before = sparse.csr_matrix(([1.0], ([0], [4])), shape=(2, 5))
    assert not metrics.hits(LISTS, all_of_the_row_before)[1].any()


def test_precision_divides_by_k_even_when_fewer_are_held_out_or_listed() -> None:
    assert metrics.precision(FOUND, 3) == pytest.approx([2 / 3, 1 / 3])
    assert metrics.precision(FOUND, 2) == pytest.approx([1 / 2, 1 / 2])
    assert metrics.precision(FOUND, 10) == pytest.approx([2 / 10, 1 / 10])


def test_the_librarys_precision_divides_by_what_was_possible() -> None:
    assert metrics.precision_of_possible(FOUND, NUMBERS, 3) == pytest.approx(3 / (2 + 3))
    assert metrics.precision_of_possible(FOUND, NUMBERS, 1) == pytest.approx(1 / 2)


def test_recall_divides_by_what_is_held_out() -> None:
    assert metrics.recall(FOUND, NUMBERS, 3) == pytest.approx([1, 1 / 3])
    assert metrics.recall(FOUND, NUMBERS, 1) == pytest.approx([1 / 2, 0])


def test_ndcg_discounts_by_place_and_compares_with_the_best_list_there_could_be() -> None:
    first = (1 + 1 / log2(4)) / (1 + 1 / log2(3))
    second = (1 / log2(3)) / (1 + 1 / log2(3) + 1 / log2(4))
    assert metrics.ndcg(FOUND, NUMBERS, 3) == pytest.approx([first, second])
    assert metrics.ndcg(FOUND, NUMBERS, 1) == pytest.approx([1, 0])


def test_ndcg_of_a_list_shorter_than_k_counts_the_missing_places_as_misses() -> None:
    first = (1 + 1 / log2(4)) / (1 + 1 / log2(3))
    assert metrics.ndcg(FOUND, NUMBERS, 10)[0] == pytest.approx(first)


def test_average_precision_is_precision_at_each_hit_over_the_hits_there_could_be() -> None:
    assert metrics.average_precision(FOUND, NUMBERS, 3) == pytest.approx([(1 + 2 / 3) / 2, (1 / 2) / 3])
    assert metrics.average_precision(FOUND, NUMBERS, 1) == pytest.approx([1, 0])


def test_coverage_counts_each_listed_item_once() -> None:
    assert metrics.coverage(LISTS, 10) == 5 / 10
    assert metrics.coverage(np.full((2, 3), -1), 10) == 0


def test_novelty_is_bits_and_nothing_that_all_hear() -> None:
    assert metrics.novelty(np.array([[0, 1], [2, -1]]), np.array([8, 2, 0]), 8) == pytest.approx((0 + 2 + 3) / 3)
    assert metrics.novelty(np.full((1, 2), -1), np.array([8]), 8) == 0


def test_heard_share_is_of_what_is_listed() -> None:
    assert metrics.heard_share(LISTS, HELD_OUT) == 3 / 5
    assert metrics.heard_share(np.full((2, 1), -1), HELD_OUT) == 0


def test_the_interval_holds_the_mean_is_narrower_for_more_users_and_the_same_for_the_same_seed() -> None:
    few, many = np.array([0.0, 1] * 10), np.array([0.0, 1] * 1000)
    of_few, of_many = metrics.bootstrap(few, 1), metrics.bootstrap(many, 1)
    assert of_few.mean == of_many.mean == 0.5
    assert of_few.low < of_many.low < 0.5 < of_many.high < of_few.high
    # The standard error of the mean of 2,000 coins is 0.0112.
    assert of_many.high - of_many.low == pytest.approx(2 * 1.96 * 0.0112, rel=0.1)
    assert metrics.bootstrap(few, 1) == of_few
    assert metrics.bootstrap(np.full(5, 0.25), 1) == (0.25, 0.25, 0.25)


def test_users_fall_into_the_bucket_of_their_number_of_listens() -> None:
    buckets = metrics.activity_buckets(np.array([0, 19, 20, 99, 100]), (20, 100))
    assert [(name, mask.tolist()) for name, mask in buckets] == [
        ("0 to 19", [True, True, False, False, False]),
        ("20 to 99", [False, False, True, True, False]),
        ("100 or more", [False, False, False, False, True]),
    ]


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(8)), st.sets(st.integers(0, 7), min_size=1), st.integers(1, 9))
def test_every_metric_is_what_plain_python_says(order: list[int], wanted: set[int], k: int) -> None:
    held_out = sparse.csr_matrix(([1.0] * len(wanted), ([0] * len(wanted), sorted(wanted))), shape=(1, 8))
    found = metrics.hits(np.array([order]), held_out)
    number = np.array([len(wanted)])
    places = [place for place, item in enumerate(order[:k], 1) if item in wanted]
    possible = min(k, len(wanted))
    ideal = sum(1 / log2(place + 1) for place in range(1, possible + 1))
    assert metrics.precision(found, k) == pytest.approx([len(places) / k])
    assert metrics.recall(found, number, k) == pytest.approx([len(places) / len(wanted)])
    assert metrics.ndcg(found, number, k) == pytest.approx([sum(1 / log2(place + 1) for place in places) / ideal])
    precisions = [hit / place for hit, place in enumerate(places, 1)]
    assert metrics.average_precision(found, number, k) == pytest.approx([sum(precisions) / possible])
