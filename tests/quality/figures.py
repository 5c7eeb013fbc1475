"""The tables of docs/recommendations.md, from the cards that were measured."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jobs.engines.evaluate import ALL, NEW, TASKS
from jobs.engines.model_card import parameters_text, table_of
from tests.quality.listens import LAST_FM

Cards = Mapping[str, Mapping[str, Any]]
"""By "set from to": what `model_card` gives."""


BY_ACTIVITY = {
    "ndcg@10": "nDCG@10",
    "precision@10": "precision@10",
    "recall@10": "recall@10",
    "map@10": "MAP@10",
    "coverage@10": "coverage",
    "novelty_bits@10": "novelty",
    "heard_share@10": "heard",
}
"""What a card says of users of about as many listens, and how the page calls it."""


class Quick(NamedTuple):
    """A model of the quick measurement that the work began with, and its mean nDCG@10 then."""

    name: str
    kind: str
    parameters: Mapping[str, Any]
    new: float | None
    everything: float | None


QUICK = (
    Quick("random", "random", {}, 0.022, None),
    Quick("popularity by listeners", "popularity", {}, 0.042, 0.118),
    Quick("item-item cosine of log counts, all neighbours", "item_item", {"neighbours": 10_000}, 0.085, None),
    Quick("ALS, 32 factors", "als", {"factors": 32, "regularization": 10.0}, 0.096, None),
    Quick("EASE of log counts, all weights, lambda 50", "ease",
          {"neighbours": 10_000, "regularization": 50.0}, 0.107, None),
    Quick("EASE of heard or not, all weights, lambda 500", "ease",
          {"neighbours": 10_000, "weighting": "binary", "profile_weighting": "binary"}, None, 0.354),
    Quick("own history", "own_history", {}, None, 0.477),
)  # fmt: skip


def quick_table(measured: Sequence[Mapping[str, float]]) -> list[str]:
    """`measured`: of each of QUICK its nDCG@10 by task."""
    rows = [
        f"| {one.name} | {_then(one.new)} | {found[NEW]:.3f} | {_then(one.everything)} | {found[ALL]:.3f} |"
        for one, found in zip(QUICK, measured, strict=True)
    ]
    return ["| model | new items, then | measured here | all items, then | measured here |",
            "|---|---:|---:|---:|---:|", *rows]  # fmt: skip


def best_by_split(cards: Cards) -> list[str]:
    """nDCG@10 of every kind in every split, both tasks, last-fm."""
    splits = {name: card for name, card in cards.items() if name.startswith(LAST_FM)}
    lines = []
    for task, about in TASKS.items():
        rows: dict[tuple[bool, str], list[str]] = {}
        for card in splits.values():
            models = card["tasks"][task]["models"]
            greatest = max(one["ndcg@10"]["mean"] for one in models)
            for one in models:
                value = one["ndcg@10"]["mean"]
                text = f"**{value:.3f}**" if value == greatest else f"{value:.3f}"
                rows.setdefault((not one["baseline"], one["kind"]), []).append(text)
        heads = [name.removeprefix(LAST_FM).strip().replace(" ", " to ") for name in splits]
        lines += [f"{about.about.capitalize()}:", "", "| model | " + " | ".join(heads) + " |",
                  "|---|" + "---:|" * len(heads)]  # fmt: skip
        lines += [f"| {kind}{'' if learned else ' (baseline)'} | " + " | ".join(values) + " |"
                  for (learned, kind), values in sorted(rows.items())]  # fmt: skip
        lines.append("")
    return lines


def whole(name: str, card: Mapping[str, Any], *, details: bool) -> list[str]:
    """What was measured in one split of one set; with details also by users' activity and by places."""
    said = f"{card['said'][0].upper()}{card['said'][1:]}."
    lines = [f"### {name}", "", said, "", f"Best by validation: {_told(card['best'])}.", ""]
    for task, about in TASKS.items():
        found = card["tasks"][task]
        lines += [f"**{about.about.capitalize()}.** {table_of(found)[0]}", *table_of(found)[1:], ""]
        lines += [*_buckets(found), "", *_by_place(found), ""] if details else []
    return lines


def _told(candidate: Mapping[str, Any]) -> str:
    return f"{candidate['kind']}, {parameters_text(candidate['parameters'])}"


def _buckets(found: Mapping[str, Any]) -> list[str]:
    """A table of each metric that was measured by activity: of older measurements nDCG alone."""
    first = found["models"][0]["buckets"]
    heads = [f"{bucket['listens']} listens ({bucket['users']})" for bucket in first]
    lines: list[str] = []
    for key in (key for key in BY_ACTIVITY if key in first[0]):
        lines += [""] if lines else []
        lines += [f"| {BY_ACTIVITY[key]} by activity (users) | " + " | ".join(heads) + " |"]
        lines += ["|---|" + "---:|" * len(heads)]
        lines += [
            f"| {_named(one)} | " + " | ".join(f"{bucket[key]:.3f}" for bucket in one["buckets"]) + " |"
            for one in found["models"]
        ]
    return lines


def _by_place(found: Mapping[str, Any]) -> list[str]:
    cuts = sorted(found["models"][0]["ndcg_at"], key=int)
    heads = [f"nDCG@{k}" for k in cuts] + [f"recall@{k}" for k in cuts]
    return ["| by places | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)] + [
        f"| {_named(one)} | " + " | ".join(f"{one[of][k]:.3f}" for of in ("ndcg_at", "recall_at") for k in cuts) + " |"
        for one in found["models"]
    ]


def _named(one: Mapping[str, Any]) -> str:
    return f"{one['kind']} (baseline)" if one["baseline"] else str(one["kind"])


def _then(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
