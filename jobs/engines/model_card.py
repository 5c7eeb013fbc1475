"""What is told of a model: how it was chosen and how good it was, as JSON and as a page of Markdown."""

from collections.abc import Mapping
from typing import Any

from jobs.engines.evaluate import TASKS, Evaluation, Tested
from jobs.engines.quality import Bucket, K, Quality
from jobs.engines.ranking_metrics import Interval

Card = dict[str, Any]
_HEADS = (f"nDCG@{K}", "95 %", f"precision@{K}", f"recall@{K}", f"MAP@{K}", "coverage", "novelty", "heard")
_HEAD = ("| model | " + " | ".join(_HEADS) + " |", "|---|" + "---:|" * len(_HEADS))

_OF_A_CHOICE = 8
"""Digits of what a choice was made by: whoever has the card can make it again, and finds no equals that were none."""


def model_card(
    model_id: str,
    kind: str,
    parameters: Mapping[str, Any],
    *,
    data_version: int,
    created: int,
    seed: int,
    users: int,
    items: int,
    interactions: int,
    evaluation: Evaluation | None,
    said: str = "",
) -> Card:
    """JSON values only. `created`: epoch seconds; users, items, interactions: of the matrix it was fitted on.

    Without an evaluation `said` has to tell why this model is served unmeasured.
    """
    card: Card = {
        "model_id": model_id, "kind": kind, "parameters": dict(parameters), "data_version": data_version,
        "created": created, "seed": seed, "users": users, "items": items, "interactions": interactions,
        "measured": evaluation is not None, "said": said or (evaluation.said if evaluation else ""),
    }  # fmt: skip
    return card if evaluation is None else {**card, **_measured(evaluation)}


def _measured(evaluation: Evaluation) -> Card:
    return {
        "promoted": evaluation.promoted,
        "decided_by": evaluation.task,
        "best": evaluation.best._asdict(),
        "windows": {**evaluation.windows._asdict(), "validation_from": list(evaluation.windows.validation_from)},
        "tasks": {
            task: {
                "users": users,
                "gain_over_best_baseline": _interval(evaluation.gains[task]),
                "models": [figures_of(one, task) for one in evaluation.tested],
            }
            for task, users in evaluation.users.items()
        },
        "validation": [
            {**one.candidate._asdict(), "ndcg": _rounded(one.ndcg), "merit": round(one.merit, _OF_A_CHOICE)}
            for one in evaluation.tried
        ],
    }


def figures_of(one: Tested, task: str) -> Card:
    """JSON values only: what one model reached at a task in the test."""
    quality: Quality = one.quality[task]
    return {
        **one.candidate._asdict(),
        "baseline": one.baseline,
        f"ndcg@{K}": _interval(quality.ndcg),
        f"precision@{K}": _interval(quality.precision),
        f"recall@{K}": _interval(quality.recall),
        f"map@{K}": _interval(quality.mean_average_precision),
        "ndcg_at": {str(k): round(value, 4) for k, value in quality.ndcg_at.items()},
        "recall_at": {str(k): round(value, 4) for k, value in quality.recall_at.items()},
        f"coverage@{K}": round(quality.coverage, 4),
        f"novelty_bits@{K}": round(quality.novelty, 3),
        f"heard_share@{K}": round(quality.heard_share, 4),
        "buckets": [_bucket(bucket) for bucket in quality.buckets],
    }


def _bucket(bucket: Bucket) -> Card:
    return {
        "listens": bucket.name,
        "users": bucket.users,
        f"ndcg@{K}": round(bucket.ndcg, 4),
        f"precision@{K}": round(bucket.precision, 4),
        f"recall@{K}": round(bucket.recall, 4),
        f"map@{K}": round(bucket.mean_average_precision, 4),
        f"coverage@{K}": round(bucket.coverage, 4),
        f"novelty_bits@{K}": round(bucket.novelty, 3),
        f"heard_share@{K}": round(bucket.heard_share, 4),
    }


def _interval(interval: Interval) -> dict[str, float]:
    return {name: round(value, 4) for name, value in interval._asdict().items()}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, _OF_A_CHOICE) for name, value in values.items()}


def card_markdown(card: Card) -> str:
    """The card for a person: what is served and why, then a table for each task."""
    lines = [
        f"# Model {card['model_id']}",
        "",
        f"{card['kind']}, fitted on data version {card['data_version']}: {card['users']:,} users, {card['items']:,} "
        f"recordings, {card['interactions']:,} pairs. Seed {card['seed']}.",
        "",
        f"Parameters: {parameters_text(card['parameters'])}.",
        "",
        f"{card['said']}." if card["said"] else "",
    ]
    for task, found in card.get("tasks", {}).items():
        lines += ["", f"## {TASKS[task].about.capitalize()}", "", *table_of(found), *_by_activity(found)]
    return "\n".join(lines).rstrip() + "\n"


def table_of(found: Card) -> list[str]:
    """Markdown lines of one task of a card: a row per model measured."""
    gain = found["gain_over_best_baseline"]
    return [
        f"{found['users']:,} users. The best model less the best baseline, nDCG@{K}: {gain['mean']:+.4f} "
        f"({gain['low']:+.4f} to {gain['high']:+.4f}).",
        "",
        *_HEAD,
        *(_row(_name(one), _means(one), one[f"ndcg@{K}"]) for one in found["models"]),
    ]


def _by_activity(found: Card) -> list[str]:
    """Markdown lines of one task of a card: a table per bucket of users by their listens, a row per model."""
    lines: list[str] = []
    for at, bucket in enumerate(found["models"][0]["buckets"]):
        rows = [_row(_kind(one), one["buckets"][at]) for one in found["models"]]
        lines += ["", f"{bucket['users']:,} of them with {bucket['listens']} listens:", "", *_HEAD, *rows]
    return lines


def _means(one: Card) -> Card:
    """A model's figures, each as one number."""
    averaged = {f"{name}@{K}": one[f"{name}@{K}"]["mean"] for name in ("ndcg", "precision", "recall", "map")}
    return {**one, **averaged}


def _row(name: str, one: Card, interval: Mapping[str, float] | None = None) -> str:
    cells = [
        f"{one[f'ndcg@{K}']:.3f}", "" if interval is None else f"{interval['low']:.3f} to {interval['high']:.3f}",
        *(f"{one[f'{name}@{K}']:.3f}" for name in ("precision", "recall", "map", "coverage")),
        f"{one[f'novelty_bits@{K}']:.2f}", f"{one[f'heard_share@{K}']:.2f}",
    ]  # fmt: skip
    return f"| {name} | " + " | ".join(cells) + " |"


def _name(one: Card) -> str:
    return _kind(one) if one["baseline"] else f"{one['kind']}: {parameters_text(one['parameters'])}"


def _kind(one: Card) -> str:
    return f"{one['kind']} (baseline)" if one["baseline"] else str(one["kind"])


def parameters_text(parameters: Mapping[str, Any]) -> str:
    """In one line; parts of a blend by their weights."""
    if "parts" in parameters:
        return " + ".join(
            f"{part['weight']:g} {part['kind']} ({parameters_text(part['parameters'])})" for part in parameters["parts"]
        )
    return ", ".join(f"{name} {value}" for name, value in parameters.items()) or "defaults"
