"""EASE, ALS and blends, each against what its definition says in plain numpy or by hand."""

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k
from scipy import sparse

from jobs.engines import models, ranking_metrics
from jobs.engines.als import Als
from jobs.engines.ease import Ease, most_heard
from tests.unit.engines.listeners import counted, interactions, lists, random_plays

TOGETHER = {1: {0: 1, 1: 1}, 2: {0: 1, 1: 1}, 3: {2: 1, 3: 1}, 4: {2: 1, 3: 1}, 5: {0: 1}}
"""0 and 1 are heard by the same users, 2 and 3 by others; user 5 heard 0 only."""


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("item_item", {}),
        ("ease", {"regularization": 1.0}),
        ("als", {"factors": 2, "regularization": 0.1}),
        ("blend", {"parts": [{"kind": "own_history"}, {"kind": "ease", "parameters": {"regularization": 1.0}}]}),
    ],
)
def test_what_those_hear_who_hear_the_same_comes_first(kind: str, parameters: dict[str, object]) -> None:
    plays = counted(TOGETHER)
    assert lists(models.fit(kind, plays, parameters, 1), plays, 1, new=True)[4] == [1]


def test_ease_minimises_the_squared_error_with_nothing_on_the_diagonal() -> None:
    """Each column is a ridge regression of the item on all others: the definition, solved column by column."""
    plays = random_plays(2, users=25, items=10)
    model = models.fit("ease", plays, {"weighting": "count", "regularization": 7.0}, 1)
    assert isinstance(model, Ease)
    counts = plays.matrix.toarray().astype(np.float64)
    for item in range(10):
        others = [other for other in range(10) if other != item]
        known = counts[:, others]
        expected = np.linalg.solve(known.T @ known + 7.0 * np.eye(9), known.T @ counts[:, item])
        assert model.says.toarray()[others, item] == pytest.approx(expected)
        assert model.says[item, item] == 0


def test_ease_keeps_the_strongest_weights_of_either_sign() -> None:
    plays = random_plays(2, users=25, items=10)
    whole, cut = (models.fit("ease", plays, {"neighbours": count, "regularization": 5.0}, 1) for count in (9, 3))
    assert isinstance(whole, Ease)
    assert isinstance(cut, Ease)
    for item in range(10):
        weights = whole.says.toarray()[:, item]
        strongest = sorted(range(10), key=lambda other: -abs(weights[other]))[:3]
        assert cut.says[:, [item]].tocoo().row.tolist() == sorted(strongest)
        assert cut.says.toarray()[strongest, item].tolist() == weights[strongest].tolist()


def test_ease_learns_and_recommends_only_the_most_heard_items() -> None:
    assert most_heard(np.array([3, 0, 5, 3]), 2).tolist() == [2, 3]
    assert most_heard(np.array([3, 0, 5, 3]), 9).tolist() == [0, 2, 3]
    plays = counted({1: {0: 1, 1: 1, 2: 1}, 2: {0: 1, 1: 1}})
    model = models.fit("ease", plays, {"max_items": 2}, 1)
    assert isinstance(model, Ease)
    assert set(model.says.tocoo().row.tolist()) == {0, 1}


def confidence(plays: object, alpha: float) -> sparse.csr_matrix:
    weights = plays.matrix.copy()  # type: ignore[attr-defined]
    weights.data = 1 + alpha * weights.data
    return weights


def test_als_scores_are_the_exact_least_squares_answer_for_the_items_of_the_library() -> None:
    plays = random_plays(6, users=30, items=20)
    parameters = {"factors": 6, "regularization": 0.5, "alpha": 3.0, "iterations": 4}
    model = models.fit("als", plays, parameters, 11)
    assert isinstance(model, Als)
    library = AlternatingLeastSquares(factors=6, regularization=0.5, iterations=4, alpha=1.0, random_state=11)
    library.fit(confidence(plays, 3.0), show_progress=False)
    assert np.allclose(model.factors, library.item_factors)
    items = model.factors
    scores = model.scores(plays, np.arange(30))
    for user, row in enumerate(plays.matrix.toarray()):
        certainty = np.diag(np.where(row > 0, 1 + 3.0 * row, 1))
        factors = np.linalg.solve(items.T @ certainty @ items + 0.5 * np.eye(6), items.T @ certainty @ (row > 0))
        assert scores[user] == pytest.approx(items @ factors, abs=1e-9)


def test_als_minimises_the_weighted_squared_error_with_each_iteration() -> None:
    plays = random_plays(6, users=30, items=20)
    heard = plays.matrix.toarray() > 0
    certainty = np.where(heard, 1 + plays.matrix.toarray(), 1)

    def loss(iterations: int) -> float:
        model = models.fit("als", plays, {"factors": 6, "iterations": iterations, "regularization": 0.01}, 3)
        return float((certainty * (heard - model.scores(plays, np.arange(30))) ** 2).sum())

    assert loss(9) < loss(3) < loss(1)


def test_als_with_recency_trusts_late_plays_more() -> None:
    """Users 1 to 4 fix what goes together; user 5 heard 0 lately and 2 long ago."""
    plays = interactions(
        {user: {item: (n, 0) for item, n in of.items()} for user, of in TOGETHER.items() if user < 5}
        | {5: {0: (5, 0), 2: (5, 300)}}
    )
    parameters = {"factors": 2, "regularization": 0.1, "half_life_days": 20}
    scores = models.fit("als", plays, parameters, 1).scores(plays, np.array([4]))[0]
    assert scores[1] > scores[3]
    plain = models.fit("als", plays, {**parameters, "half_life_days": None}, 1).scores(plays, np.array([4]))[0]
    assert scores[1] - scores[3] > plain[1] - plain[3]


def test_the_librarys_precision_is_ours_of_what_was_possible_and_its_ndcg_and_map_are_ours() -> None:
    plays, later = random_plays(6, users=30, items=20), random_plays(7, users=30, items=20)
    library = AlternatingLeastSquares(factors=6, regularization=0.5, iterations=4, alpha=1.0, random_state=11)
    library.fit(confidence(plays, 1.0), show_progress=False)
    theirs = ranking_metrics_at_k(library, plays.matrix, later.matrix, K=5, show_progress=False)
    listed, _ = library.recommend(np.arange(30), plays.matrix, 5)
    found, number = ranking_metrics.hits(listed, later.matrix), np.diff(later.matrix.indptr)
    assert theirs["precision"] == pytest.approx(ranking_metrics.precision_of_possible(found, number, 5))
    assert theirs["map"] == pytest.approx(ranking_metrics.average_precision(found, number, 5).mean())
    assert theirs["ndcg"] == pytest.approx(ranking_metrics.ndcg(found, number, 5).mean())


def test_a_blend_is_the_sum_of_its_parts_each_measured_by_its_best() -> None:
    plays = counted({1: {0: 4, 1: 1}, 2: {1: 1}, 3: {1: 1}, 4: {}})
    parts = [{"kind": "own_history", "weight": 1.0}, {"kind": "popularity", "weight": 0.5}]
    model = models.fit("blend", plays, {"parts": parts}, 1)
    # Own plays 4 and 1, of at most 4; listeners 1 and 3, of at most 3.
    assert model.scores(plays, np.array([0]))[0] == pytest.approx([1 + 0.5 / 3, 0.25 + 0.5])
    assert model.scores(plays, np.array([3]))[0] == pytest.approx([0.5 / 3, 0.5])
    first, second = model.explain(plays, 0, np.array([0, 1]))
    assert (first.items.tolist(), second.items.tolist()) == ([0], [1])
    assert second.shares == pytest.approx([0.75])


def test_what_may_be_listed_does_not_change_the_scores_of_a_blend() -> None:
    plays = random_plays(4)
    model = models.fit("blend", plays, {}, 1)
    users = np.arange(plays.user_ids.size)
    everything, new = (model.recommend(plays, users, 15, exclude) for exclude in (False, True))
    for user in users:
        scores = dict(zip(everything.items[user].tolist(), everything.scores[user].tolist(), strict=True))
        for item, score in zip(new.items[user].tolist(), new.scores[user].tolist(), strict=True):
            assert item < 0 or scores[item] == score


def test_random_order_is_anothers_for_another_user_or_seed_and_the_same_whoever_else_is_asked_about() -> None:
    plays = counted({1: dict.fromkeys(range(30), 1), 2: {0: 1}})
    model = models.fit("random", plays, {}, 5)
    both, second = model.scores(plays, np.array([0, 1])), model.scores(plays, np.array([1]))
    assert both[1].tolist() == second[0].tolist()
    assert both[0].tolist() != both[1].tolist()
    assert (both > 0).all()
    assert models.fit("random", plays, {}, 6).scores(plays, np.array([1])).tolist() != second.tolist()
