"""Figures of docs/recommendations.md that anyone can have again in seconds, and the page they stand on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conf.settings import PROJECT
from jobs.engines import models
from jobs.engines.evaluate import trials
from jobs.engines.quality import mean_ndcg
from jobs.engines.timeline import Timeline, Trial, Windows
from tests.quality.__main__ import SPLITS, filled, main
from tests.quality.chosen import chosen_again, went_to_test
from tests.quality.fixed import FIXED, fixed_tables
from tests.quality.listens import LAST_FM, RADIO, cut, timeline


@pytest.fixture(scope="module")
def asked(shared_data: Path) -> dict[str, Trial]:
    """The first 80 % of all listens against the rest."""
    listens = timeline(shared_data, LAST_FM)
    windows = cut(listens, 0.8)
    return trials(listens, windows.test_from, windows.until, 1)


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """What the page is made from."""
    found: dict[str, Any] = json.loads((PROJECT / "docs/recommendations.json").read_text())
    return found


@pytest.mark.parametrize(
    ("kind", "parameters", "new", "everything"),
    [
        ("random", {}, 0.022, None),
        ("popularity", {}, 0.042, 0.118),
        ("item_item", {"neighbours": 10_000}, 0.085, 0.33),
        ("own_history", {}, 0.0, 0.476),
    ],
)
def test_baselines_on_real_listens_reach_what_was_measured_before_with_other_code(
    asked: dict[str, Trial], kind: str, parameters: dict[str, object], new: float, everything: float | None
) -> None:
    model = models.fit(kind, asked["all"].known, parameters, 1)
    assert mean_ndcg(model, asked["new"]) == pytest.approx(new, abs=0.008)
    assert everything is None or mean_ndcg(model, asked["all"]) == pytest.approx(everything, abs=0.008)


def test_the_default_blend_on_real_listens_is_better_than_the_best_of_them_at_both_tasks(
    asked: dict[str, Trial],
) -> None:
    model = models.fit("blend", asked["all"].known, {}, 1)
    assert mean_ndcg(model, asked["new"]) > 0.107 + 0.015
    assert mean_ndcg(model, asked["all"]) > 0.477 + 0.03


def test_windows_are_cut_by_shares_of_the_listens_in_order_of_time() -> None:
    at = np.arange(100, 200)
    listens = Timeline.of(np.ones(100, int), np.full(100, f"{0:036d}", "S36"), at, np.zeros(100, bool))
    assert cut(listens, 0.5, 0.6) == Windows((135, 140, 145), 150, 160)
    assert cut(listens, 0.5) == Windows((135, 140, 145), 150, 200)


def test_a_table_stands_between_its_marks_and_the_text_around_it_stays() -> None:
    page = "before\n<!-- generated: quick -->\nold\n<!-- end -->\nafter\n"
    assert filled(page, {"quick": ["new"]}) == page.replace("old", "new")
    with pytest.raises(ValueError, match="no place for the table splits"):
        filled(page, {"splits": []})


def test_the_page_is_what_the_kept_measurements_say(tmp_path: Path) -> None:
    for name in ("recommendations.json", "recommendations.md"):
        (tmp_path / name).write_text((PROJECT / "docs" / name).read_text())
    assert main(["--out", str(tmp_path), "--only", ""]) == 0
    assert (tmp_path / "recommendations.md").read_text() == (PROJECT / "docs/recommendations.md").read_text()


def test_every_split_of_the_page_was_measured(kept: dict[str, Any]) -> None:
    page = (PROJECT / "docs/recommendations.md").read_text()
    assert [split for split in SPLITS if f"### {split.replace(':', ' ')}\n" not in page] == []
    assert set(kept["splits"]) == set(SPLITS)


def test_every_model_of_fixed_parameters_was_measured_in_every_split_at_both_tasks(kept: dict[str, Any]) -> None:
    told = {split: [(of_model[task]["kind"], of_model[task]["parameters"], of_model[task]["ndcg@10"]["mean"] >= 0)
                    for of_model in figures for task in ("new", "all")]
            for split, figures in kept.get("fixed", {}).items()}  # fmt: skip
    wanted = [(*one.candidate, True) for one in FIXED for _ in ("new", "all")]
    assert told == dict.fromkeys(SPLITS, wanted)


@pytest.mark.parametrize("split", SPLITS)
def test_what_went_to_the_test_is_what_the_rule_of_today_chooses_by_the_validation(
    kept: dict[str, Any], split: str
) -> None:
    card = kept["splits"][split]
    assert went_to_test(card) == chosen_again(card), "run `make quality`"


def test_what_is_fixed_names_two_kinds_of_neighbours_three_confidences_of_als_ease_and_the_blend() -> None:
    assert [one.candidate.kind for one in FIXED] == [*["item_item"] * 2, *["als"] * 3, "ease", "blend"]
    parameters = [models.parameters_of(*one.candidate) for one in FIXED]
    assert [one.similarity for one in parameters[:2]] == ["bm25", "cosine"]
    assert [(one.weighting, one.half_life_days) for one in parameters[2:5]] == [
        ("count", None), ("log", None), ("count", 60.0),
    ]  # fmt: skip


def test_the_models_of_fixed_parameters_stand_by_split_and_task_the_greatest_in_bold() -> None:
    def reached(new: float, everything: float) -> dict[str, dict[str, Any]]:
        return {"new": {"ndcg@10": {"mean": new}}, "all": {"ndcg@10": {"mean": everything}}}

    early = [reached(0.1, 0.5), reached(0.1004, 0.2), *[reached(0.05, 0.1)] * 5]
    late = [reached(0.03, 0.25), *[reached(0.02, 0.3)] * 6]
    alone = [{"all": {"ndcg@10": {"mean": 0.7}}}] * 7
    lines = fixed_tables({f"{LAST_FM} 0.5 0.6": early, f"{LAST_FM} 0.8 1": late, f"{RADIO[0]} 0.8 1": alone})
    assert lines[:4] == [
        "What is new to the user:", "",
        "| model | 0.5 to 0.6 | 0.8 to 1 |",
        "|---|---:|---:|",
    ]  # fmt: skip
    assert lines[4:7] == [
        "| item-item, BM25 | 0.100 | **0.030** |",
        "| item-item, cosine | **0.100** | 0.020 |",
        "| ALS by counts | 0.050 | 0.020 |",
    ]
    assert lines[12:17] == [
        "Whatever the user hears next:", "",
        "| model | 0.5 to 0.6 | 0.8 to 1 |",
        "|---|---:|---:|",
        "| item-item, BM25 | **0.500** | 0.250 |",
    ]  # fmt: skip
    assert lines[24:29] == [
        f"{RADIO[0]}:", "",
        "| model | 0.8 to 1, new | 0.8 to 1, all |",
        "|---|---:|---:|",
        "| item-item, BM25 |  | **0.700** |",
    ]  # fmt: skip
    assert len(lines) == 36
    assert fixed_tables({}) == []
