"""Models of fixed parameters: measured in every test window, whichever of their kind validation chooses there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jobs.engines.evaluate import TASKS, tested_on, trials
from jobs.engines.model_card import figures_of
from jobs.engines.search import Candidate
from jobs.engines.timeline import Timeline, Windows
from tests.quality.listens import LAST_FM, SETS

Figures = Sequence[Mapping[str, Mapping[str, Any]]]
"""Of each of FIXED, by task: what `figures_of` gives."""
_ALS = {"factors": 64, "regularization": 10.0, "alpha": 1.0}


class Fixed(NamedTuple):
    """A model that is measured as it is, and how the page calls it."""

    name: str
    candidate: Candidate


FIXED = (
    Fixed("item-item, BM25", Candidate("item_item", {"similarity": "bm25"})),
    Fixed("item-item, cosine", Candidate("item_item", {"similarity": "cosine"})),
    Fixed("ALS by counts", Candidate("als", {**_ALS, "weighting": "count"})),
    Fixed("ALS by log counts", Candidate("als", {**_ALS, "weighting": "log"})),
    Fixed("ALS by counts that fade", Candidate("als", {**_ALS, "weighting": "count", "half_life_days": 60.0})),
    Fixed("EASE", Candidate("ease", {})),
    Fixed("blend by default", Candidate("blend", {})),
)
"""What is not said is the default of its kind. The three of ALS differ in what they are confident of alone."""


def measured(listens: Timeline, windows: Windows, seed: int) -> Figures:
    """Fitted on what was heard before the test window; no window of validation has a say."""
    test = trials(listens, windows.test_from, windows.until, seed)
    found = [tested_on(one.candidate, test, seed) for one in FIXED]
    return [{task: figures_of(one, task) for task in test} for one in found]


def fixed_tables(kept: Mapping[str, Figures]) -> list[str]:
    """nDCG@10 by split: last-fm a table per task, then every other set with both tasks. `kept`: by "set from to"."""
    lines: list[str] = []
    for name in SETS:
        splits = {split.removeprefix(name).strip(): figures for split, figures in kept.items()
                  if split.startswith(f"{name} ")}  # fmt: skip
        if splits and name == LAST_FM:
            lines += [line for task in TASKS for line in _table(name, [task], splits)]
        elif splits:
            lines += _table(name, list(TASKS), splits)
    return lines


def _table(name: str, tasks: Sequence[str], splits: Mapping[str, Figures]) -> list[str]:
    columns = [(split, task, figures) for task in tasks for split, figures in splits.items()]
    said = f"{TASKS[tasks[0]].about.capitalize()}:" if len(tasks) == 1 else f"{name}:"
    heads = [split.replace(" ", " to ") + (f", {task}" if len(tasks) > 1 else "") for split, task, _ in columns]
    values = zip(*(_texts(_ndcg(figures, task)) for _, task, figures in columns), strict=True)
    rows = [_row([one.name, *of_model]) for one, of_model in zip(FIXED, values, strict=True)]
    return [said, "", _row(["model", *heads]), "|---|" + "---:|" * len(heads), *rows, ""]


def _ndcg(figures: Figures, task: str) -> list[float | None]:
    """Of each model; None where nobody can be measured at the task."""
    return [of_model[task]["ndcg@10"]["mean"] if task in of_model else None for of_model in figures]


def _texts(values: Sequence[float | None]) -> list[str]:
    """Three digits, the greatest in bold."""
    greatest = max((value for value in values if value is not None), default=None)
    return ["" if value is None else f"**{value:.3f}**" if value == greatest else f"{value:.3f}" for value in values]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
