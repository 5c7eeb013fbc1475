"""Which model is served: chosen on the validation window, promoted only if it beats the baselines on later listens."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from jobs.engines.evaluate import Evaluation, evaluate
from jobs.engines.model_card import card_markdown, model_card
from jobs.engines.recommender import ParametersError
from jobs.engines.search import BASELINES, CANDIDATES, Candidate, blends
from jobs.engines.timeline import NothingToMeasureError, Timeline
from tests.quality.chosen import chosen_again, went_to_test
from tests.unit.engines.listeners import uuid

DAY = 86_400
TASTES = 4
PER_TASTE = 12


def listens_of_tastes(seed: int, users: int = 60) -> Iterator[tuple[int, int, int]]:
    """Everybody walks through the items of their taste, a new one every other day, and repeats favourites of theirs."""
    generator = np.random.default_rng(seed)
    for user in range(users):
        taste, heard = user % TASTES, generator.permutation(PER_TASTE)
        for day in range(2 * PER_TASTE):
            for known in {day // 2, *generator.integers(0, 1 + min(day // 2, 4), 3).tolist()}:
                yield user, int(taste * PER_TASTE + heard[known]), day * DAY + int(generator.integers(DAY))


def listens_of_changing_tastes(seed: int, users: int = 60) -> Iterator[tuple[int, int, int]]:
    """As above, but everybody turns to another taste halfway through: of the first one half was never heard."""
    generator = np.random.default_rng(seed)
    for user in range(users):
        heard = generator.permutation(PER_TASTE)
        for day in range(2 * PER_TASTE):
            late, at = day // PER_TASTE, day % PER_TASTE // 2
            taste = (user + late * (1 + user // TASTES % (TASTES - 1))) % TASTES
            for known in {at, *generator.integers(0, 1 + min(at, 4), 3).tolist()}:
                yield user, int(taste * PER_TASTE + heard[known]), day * DAY + int(generator.integers(DAY))


def listens_of_tastes_and_hits(seed: int, users: int = 60) -> Iterator[tuple[int, int, int]]:
    """As the first, and most hear each of a few hits once."""
    yield from listens_of_tastes(seed, users)
    generator = np.random.default_rng(seed)
    for user in range(users):
        for hit in range(4):
            if generator.random() < 0.6:
                yield user, TASTES * PER_TASTE + hit, int(generator.integers(2 * PER_TASTE * DAY))


def timeline(listens: Iterator[tuple[int, int, int]]) -> Timeline:
    rows = list(listens)
    return Timeline.of(
        [user for user, _, _ in rows], [uuid(item) for _, item, _ in rows], [at for _, _, at in rows],
        [False] * len(rows),
    )  # fmt: skip


FEW = (
    Candidate("own_history", {"weighting": "log", "half_life_days": 2.0}),
    Candidate("item_item", {"neighbours": 12}),
    Candidate("ease", {"regularization": 5.0}),
    Candidate("ease", {"regularization": 50.0}),
)
LATELY = {"profile_weighting": "binary", "profile_half_life_days": 3.0}
FADING = (
    FEW[0],
    Candidate("item_item", {"neighbours": 12, **LATELY}),
    Candidate("ease", {"regularization": 5.0}),
    Candidate("ease", {"regularization": 50.0, **LATELY}),
)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    found = timeline(listens_of_changing_tastes(1))
    return evaluate(found, found.windows(0.25, 0.25), 7, candidates=FADING)


def test_what_follows_a_change_of_taste_is_promoted_over_neighbours_of_all_that_was_heard(
    evaluation: Evaluation,
) -> None:
    assert evaluation.promoted
    assert evaluation.task == "new"
    assert evaluation.served == evaluation.best
    assert evaluation.served.kind == "blend"
    assert evaluation.gains["new"].low > 0


def test_a_model_no_better_at_what_is_new_is_not_promoted_however_far_ahead_it_is_in_everything() -> None:
    found = timeline(listens_of_tastes(1))
    refused = evaluate(found, found.windows(0.25, 0.25), 7, candidates=FEW)
    # What is new can be foreseen by neighbours alone, without a fault.
    assert refused.gains["new"] == (0, 0, 0)
    assert refused.gains["all"].low > 0
    assert (refused.promoted, refused.served.kind) == (False, "item_item")


def test_a_little_below_the_best_baseline_is_below_it() -> None:
    found = timeline(listens_of_tastes_and_hits(1))
    refused = evaluate(found, found.windows(0.25, 0.25), 7, candidates=FEW)
    assert refused.gains["new"].mean < 0 <= refused.gains["new"].high
    assert not refused.promoted


def test_every_kind_is_measured_once_beside_all_baselines_in_both_tasks(evaluation: Evaluation) -> None:
    assert [(one.candidate.kind, one.baseline) for one in evaluation.tested[:4]] == [
        ("popularity", True), ("own_history", True), ("item_item", True), ("random", True),
    ]  # fmt: skip
    assert sorted(one.candidate.kind for one in evaluation.tested[4:]) == ["blend", "ease", "item_item", "own_history"]
    assert {task for one in evaluation.tested for task in one.quality} == {"new", "all"}


def test_what_is_known_is_never_what_is_to_be_foreseen_so_own_history_knows_nothing_new(evaluation: Evaluation) -> None:
    own = next(one for one in evaluation.tested if one.candidate.kind == "own_history")
    assert own.quality["new"].ndcg.mean == 0
    assert own.quality["all"].heard_share == 1


def test_parameters_are_chosen_by_the_validation_window(evaluation: Evaluation) -> None:
    of_ease = [one for one in evaluation.tried if one.candidate.kind == "ease"]
    chosen = next(one.candidate for one in evaluation.tested if one.candidate.kind == "ease")
    assert chosen == max(of_ease, key=lambda one: (one.ndcg["new"], one.merit)).candidate


def test_the_same_seed_gives_the_same_evaluation(evaluation: Evaluation) -> None:
    found = timeline(listens_of_changing_tastes(1))
    again = evaluate(found, found.windows(0.25, 0.25), 7, candidates=FADING)
    assert (again.served, again.gains, again.tried) == (evaluation.served, evaluation.gains, evaluation.tried)


def test_what_does_not_beat_the_best_baseline_is_not_promoted_and_the_card_says_so() -> None:
    found = timeline(listens_of_tastes(1))
    candidates = (Candidate("popularity", {}), Candidate("als", {"factors": 1, "iterations": 1}))
    refused = evaluate(found, found.windows(0.25, 0.25), 7, candidates=candidates)
    assert not refused.promoted
    assert refused.served in BASELINES
    assert refused.served.kind == "item_item"
    assert "Not promoted, for what is new to the user decides: item_item is served instead" in refused.said
    assert card_of(refused)["promoted"] is False


def test_a_model_without_reasons_is_compared_but_never_best() -> None:
    found = timeline(listens_of_tastes(2, users=20))
    compared = evaluate(found, found.windows(), 7, candidates=(Candidate("random", {}),), baselines=BASELINES[:1])
    assert [one.candidate.kind for one in compared.tested] == ["popularity", "random"]
    assert compared.best.kind == "popularity"
    assert not compared.promoted


def test_where_nobody_hears_anything_new_the_other_task_decides_alone() -> None:
    rows = [(user, item, day * DAY) for user in (1, 2) for item in (0, 1) for day in range(10)]
    found = timeline(iter(rows))
    decided = evaluate(found, found.windows(), 7, candidates=FEW[:1])
    assert (set(decided.gains), decided.task) == ({"all"}, "all")


def test_one_user_with_one_listen_is_nothing_to_measure() -> None:
    found = timeline(iter([(1, 0, 0)]))
    with pytest.raises(NothingToMeasureError):
        evaluate(found, found.windows(), 7)


def test_a_bad_candidate_is_refused_before_any_work() -> None:
    found = timeline(iter([(1, 0, 0)]))
    told: list[str] = []
    with pytest.raises(ParametersError, match="factors=0"):
        evaluate(found, found.windows(), 7, candidates=(Candidate("als", {"factors": 0}),), progress=told.append)
    assert told == []


def card_of(evaluation: Evaluation) -> dict[str, object]:
    return model_card(
        "5a1f0000-0000-4000-8000-000000000001", evaluation.served.kind, evaluation.served.parameters,
        data_version=12, created=1_700_000_000, seed=7, users=60, items=48, interactions=700, evaluation=evaluation,
    )  # fmt: skip


def test_the_card_is_json_with_everything_that_was_chosen_and_measured(evaluation: Evaluation) -> None:
    card = json.loads(json.dumps(card_of(evaluation)))
    assert (card["data_version"], card["seed"], card["kind"], card["promoted"]) == (12, 7, "blend", True)
    assert tuple(card["windows"]["validation_from"]) == evaluation.windows.validation_from
    assert card["windows"]["test_from"] == evaluation.windows.test_from
    of_all = card["tasks"]["all"]
    assert of_all["users"] == evaluation.users["all"]
    first = of_all["models"][0]
    assert (first["kind"], first["baseline"]) == ("popularity", True)
    assert set(first["ndcg@10"]) == {"mean", "low", "high"}
    assert first["ndcg_at"]["10"] == first["ndcg@10"]["mean"]
    assert len(card["validation"]) == len(evaluation.tried)


def test_the_card_tells_enough_of_the_validation_to_make_the_choice_again(evaluation: Evaluation) -> None:
    card = json.loads(json.dumps(card_of(evaluation)))
    assert len(went_to_test(card)) == len(evaluation.tested) - len(BASELINES)
    assert chosen_again(card) == went_to_test(card)


def test_the_card_as_markdown_has_a_row_for_every_model_in_every_task(evaluation: Evaluation) -> None:
    text = card_markdown(card_of(evaluation))
    assert "data version 12" in text
    buckets = sum(len(one.quality[task].buckets) for one in evaluation.tested[:1] for task in ("new", "all"))
    assert buckets == 2
    assert text.count("| popularity (baseline) |") == 2 + buckets
    assert text.count("| blend: 1 own_history (weighting log, half_life_days 2.0) + ") == 2
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1


def test_the_card_of_a_model_that_nobody_could_measure_says_why() -> None:
    card = model_card(
        "5a1f0000-0000-4000-8000-000000000001", "own_history", {}, data_version=1, created=0, seed=1, users=1,
        items=1, interactions=1, evaluation=None, said="Nobody has listens on two days",
    )  # fmt: skip
    assert card["measured"] is False
    assert "Nobody has listens on two days." in card_markdown(card)


def test_blends_are_of_each_other_alone_and_of_all_together_by_weights() -> None:
    made = blends({"weighting": "log"}, [Candidate("ease", {}), Candidate("als", {"factors": 8})])
    assert len(made) == 9
    parts = made[-1].parameters["parts"]
    assert [(part["kind"], part["weight"]) for part in parts] == [("own_history", 1.0), ("ease", 0.25), ("als", 0.25)]


def test_what_is_tried_has_two_confidence_weightings_of_als_one_with_recency_and_both_kinds_of_neighbours() -> None:
    of_als = {(one.parameters["weighting"], "half_life_days" in one.parameters)
              for one in CANDIDATES if one.kind == "als"}  # fmt: skip
    assert {("count", False), ("log", False), ("count", True)} == of_als
    assert {one.parameters["similarity"] for one in CANDIDATES if one.kind == "item_item"} == {"cosine", "bm25"}
