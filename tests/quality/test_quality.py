"""Figures of docs/recommendations.md that anyone can have again in seconds, and the page they stand on."""

from pathlib import Path

import numpy as np
import pytest

from conf.settings import PROJECT
from jobs.engines import models
from jobs.engines.evaluate import trials
from jobs.engines.quality import mean_ndcg
from jobs.engines.timeline import Timeline, Trial, Windows
from tests.quality.__main__ import SPLITS, filled, main
from tests.quality.listens import LAST_FM, cut, timeline


@pytest.fixture(scope="module")
def asked(shared_data: Path) -> dict[str, Trial]:
    """The first 80 % of all listens against the rest."""
    listens = timeline(shared_data, LAST_FM)
    windows = cut(listens, 0.8)
    return trials(listens, windows.test_from, windows.until, 1)


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


def test_every_split_of_the_page_was_measured() -> None:
    page = (PROJECT / "docs/recommendations.md").read_text()
    assert [split for split in SPLITS if f"### {split.replace(':', ' ')}\n" not in page] == []
