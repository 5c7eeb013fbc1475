"""The choice among candidates, made again from what a card tells of the validation windows."""

from collections.abc import Mapping
from typing import Any

from jobs.engines.evaluate import ALL, NEW, Tried, best_of_each_kind
from jobs.engines.search import Candidate


def went_to_test(card: Mapping[str, Any]) -> list[Candidate]:
    """Those that went to the test, without baselines."""
    return [Candidate(one["kind"], one["parameters"]) for one in _in_test(card) if not one["baseline"]]


def chosen_again(card: Mapping[str, Any]) -> list[Candidate]:
    """Those that the rule of today sends to the test. The card tells its baselines first; they are not chosen."""
    baselines = sum(one["baseline"] for one in _in_test(card))
    tried = [Tried(Candidate(one["kind"], one["parameters"]), one["ndcg"], one["merit"])
             for one in card["validation"][baselines:]]  # fmt: skip
    return [one.candidate for one in best_of_each_kind(tried, NEW if NEW in card["tasks"] else ALL)]


def _in_test(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    models: list[Mapping[str, Any]] = card["tasks"][ALL]["models"]
    return models
