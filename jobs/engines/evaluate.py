"""Chooses the model that is served: parameters by validation windows, then every kind measured on later listens.

Two tasks are measured: what a user hears next that is new to them, and whatever they hear next. The whole catalogue is
ranked. nDCG@10 decides, in the task that the served lists are of: what is new, for they leave out what was heard; where
nobody hears anything new, the other one. Of equals there the one with more *merit* is chosen, the mean over tasks of a
model's nDCG over that of the best baseline: lists may be asked for with a share of what was heard. A model is promoted
if it has more nDCG in that task than every baseline; else the best baseline is served.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from jobs.engines import models, ranking_metrics
from jobs.engines.quality import K, Quality, mean_ndcg, measure
from jobs.engines.ranking_metrics import Interval
from jobs.engines.search import BASELINES, CANDIDATES, Candidate, blends
from jobs.engines.timeline import NothingToMeasureError, Timeline, Trial, Windows, trial

MOST_USERS = 2_000
"""So many users are measured, drawn if there are more."""
NEW, ALL = "new", "all"


class Task(NamedTuple):
    """What is to be foreseen."""

    about: str
    new_only: bool
    """Whether only items count that the user had not heard before."""


TASKS = {NEW: Task("what is new to the user", True), ALL: Task("whatever the user hears next", False)}
BLENDED_KINDS = ("ease", "item_item", "als")
BLENDED = 2
"""So many of these, the best at what is new, are blended with the user's own history."""


class Tried(NamedTuple):
    """A candidate on the validation windows."""

    candidate: Candidate
    ndcg: Mapping[str, float]
    """By task, mean of the windows."""
    merit: float


class Tested(NamedTuple):
    """A candidate on the test window."""

    candidate: Candidate
    baseline: bool
    explains: bool
    """Only a model that does can be served."""
    quality: Mapping[str, Quality]
    """By task."""


@dataclass(frozen=True)
class Evaluation:
    """What was tried and measured, and what came of it."""

    seed: int
    windows: Windows
    users: Mapping[str, int]
    """Measured in the test, by task."""
    tried: Sequence[Tried]
    """Baselines first, then candidates in the order of trying."""
    tested: Sequence[Tested]
    """Baselines, then the best of every kind."""
    task: str
    """In which it was decided: what served lists are of."""
    best: Candidate
    """The best there on the validation windows, of those that explain themselves."""
    gains: Mapping[str, Interval]
    """By task: nDCG of `best` less that of the best baseline there, user by user, in the test."""
    served: Candidate
    """To be fitted on all listens: `best`, or a baseline."""
    promoted: bool
    said: str
    """Why, for a person to read."""


def evaluate(
    timeline: Timeline,
    windows: Windows,
    seed: int,
    *,
    candidates: Sequence[Candidate] = CANDIDATES,
    baselines: Sequence[Candidate] = BASELINES,
    most_users: int = MOST_USERS,
    progress: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Try, choose, measure. `baselines`: one or more. Raises NothingToMeasureError; ParametersError before any work."""
    for candidate in (*baselines, *candidates):
        models.parameters_of(*candidate)
    test = trials(timeline, windows.test_from, windows.until, seed, most_users)
    folds = _folds(timeline, windows, seed, most_users)
    floor = [_on_folds(one, folds, seed, progress) for one in baselines]
    against = [_greatest(of_fold) for of_fold in zip(*floor, strict=True)]
    tried = [_tried(one, _on_folds(one, folds, seed, progress), against) for one in candidates]
    tried += [_tried(one, _on_folds(one, folds, seed, progress), against) for one in _blends(tried)]
    decisive = NEW if NEW in test else ALL
    chosen = best_of_each_kind(tried, decisive)
    asked = [(one, True) for one in baselines] + [(one.candidate, False) for one in chosen]
    tested = []
    for candidate, baseline in asked:
        progress(f"measuring {candidate.kind}")
        tested.append(tested_on(candidate, test, seed, baseline=baseline))
    of_baselines = [_tried(one, found, against) for one, found in zip(baselines, floor, strict=True)]
    return _decided(seed, windows, test, decisive, [*of_baselines, *tried], tested)


def trials(timeline: Timeline, start: int, end: int, seed: int, most_users: int = MOST_USERS) -> dict[str, Trial]:
    """By task; where nobody hears anything new that task is missing. Raises NothingToMeasureError."""
    known, found = timeline.before(start), {}
    for name, task in TASKS.items():
        try:
            found[name] = trial(timeline, known, start, end, new_only=task.new_only, most_users=most_users, seed=seed)
        except NothingToMeasureError:
            if not task.new_only:
                raise
    return found


def tested_on(candidate: Candidate, test: Mapping[str, Trial], seed: int, *, baseline: bool = False) -> Tested:
    """Fitted on what was heard before the test, and measured at every task of it."""
    model = models.fit(candidate.kind, test[ALL].known, candidate.parameters, seed)
    return Tested(candidate, baseline, model.explains, {task: measure(model, of, seed) for task, of in test.items()})


def _folds(timeline: Timeline, windows: Windows, seed: int, most_users: int) -> list[dict[str, Trial]]:
    """Validation windows in which somebody can be measured. Raises NothingToMeasureError where there is none."""
    folds, said = [], ""
    for start, end in windows.validation:
        try:
            folds.append(trials(timeline, start, end, seed, most_users))
        except NothingToMeasureError as error:
            said = str(error)
    if not folds:
        raise NothingToMeasureError(said)
    return folds


def _on_folds(
    candidate: Candidate, folds: Sequence[Mapping[str, Trial]], seed: int, progress: Callable[[str], None]
) -> list[dict[str, float]]:
    """nDCG@K by fold and task."""
    progress(f"trying {candidate.kind} {dict(candidate.parameters) if candidate.kind != 'blend' else ''}".strip())
    found = []
    for fold in folds:
        model = models.fit(candidate.kind, fold[ALL].known, candidate.parameters, seed)
        found.append({task: mean_ndcg(model, of) for task, of in fold.items()})
    return found


def _tried(candidate: Candidate, found: Sequence[Mapping[str, float]], against: Sequence[Mapping[str, float]]) -> Tried:
    tasks = {task for of_fold in found for task in of_fold}
    ndcg = {task: _mean(of_fold[task] for of_fold in found if task in of_fold) for task in sorted(tasks)}
    return Tried(candidate, ndcg, _mean(_merit(*both) for both in zip(found, against, strict=True)))


def _greatest(found: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """By task, of several models in one fold."""
    values: dict[str, float] = {}
    for of_model in found:
        values |= {task: max(value, values.get(task, 0.0)) for task, value in of_model.items()}
    return values


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


def _merit(ndcg: Mapping[str, float], against: Mapping[str, float]) -> float:
    return _mean(ndcg[task] / max(value, 1e-9) for task, value in against.items())


def _blends(tried: Sequence[Tried]) -> list[Candidate]:
    """Of the own history that is best at everything, and of what is best at the new."""
    histories = [one for one in tried if one.candidate.kind == "own_history"]
    others: dict[str, Tried] = {}
    for one in sorted(tried, key=lambda one: -one.ndcg.get(NEW, one.ndcg[ALL])):
        if one.candidate.kind in BLENDED_KINDS:
            others.setdefault(one.candidate.kind, one)
    if not histories or not others:
        return []
    own = max(histories, key=lambda one: one.ndcg[ALL]).candidate.parameters
    return blends(own, [one.candidate for one in list(others.values())[:BLENDED]])


def best_of_each_kind(tried: Sequence[Tried], task: str) -> list[Tried]:
    """The best at the task first, of equals that with more merit, of these the one tried first."""
    found: dict[str, Tried] = {}
    for one in sorted(tried, key=lambda one: (-one.ndcg.get(task, 0.0), -one.merit)):
        found.setdefault(one.candidate.kind, one)
    return list(found.values())


def _decided(  # noqa: PLR0917 - what was measured in, then what came of it
    seed: int,
    windows: Windows,
    test: Mapping[str, Trial],
    decisive: str,
    tried: Sequence[Tried],
    tested: Sequence[Tested],
) -> Evaluation:
    baselines = [one for one in tested if one.baseline]
    floor = {task: max(baselines, key=partial(_reached, task=task)) for task in test}
    servable = [one for one in baselines if one.explains] or baselines
    fallback = max(servable, key=partial(_reached, task=decisive))
    best = next((one for one in tested if one.explains and not one.baseline), fallback)
    gains = {
        task: ranking_metrics.bootstrap(best.quality[task].ndcg_by_user - one.quality[task].ndcg_by_user, seed)
        for task, one in floor.items()
    }
    promoted = gains[decisive].mean > 0
    said = "; ".join(
        f"{TASKS[task].about}: {best.candidate.kind} has nDCG@{K} {_reached(best, task):.4f}, the best baseline "
        f"({one.candidate.kind}) {_reached(one, task):.4f}"
        for task, one in floor.items()
    )
    refused = f"{said}. Not promoted, for {TASKS[decisive].about} decides: {fallback.candidate.kind} is served instead"
    return Evaluation(
        seed=seed,
        windows=windows,
        users={task: int(of.users.size) for task, of in test.items()},
        tried=tried,
        tested=tested,
        task=decisive,
        best=best.candidate,
        gains=gains,
        served=(best if promoted else fallback).candidate,
        promoted=promoted,
        said=said if promoted else refused,
    )


def _reached(one: Tested, task: str) -> float:
    return one.quality[task].ndcg.mean
