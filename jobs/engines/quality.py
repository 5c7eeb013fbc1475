"""How good a model's lists are for users whose later listens are known: every metric, over a whole trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jobs.engines import ranking_metrics as metrics
from jobs.engines.interactions import Bools, Floats, Ints
from jobs.engines.ranking_metrics import Interval
from jobs.engines.recommender import Model
from jobs.engines.timeline import Trial

K = 10
"""Places that decide."""
CUTS = (1, 5, 10, 20, 50, 100)
"""Places at which nDCG and recall are told."""
BUCKETS = (50, 200, 1000)
"""Where buckets of users by their number of listens begin."""


class Bucket(NamedTuple):
    """Users of about as many listens: as in Quality, over them alone, at K places."""

    name: str
    users: int
    ndcg: float
    precision: float
    recall: float
    mean_average_precision: float
    coverage: float
    novelty: float
    heard_share: float


@dataclass(frozen=True)
class Quality:
    """Means over users, with 95 % intervals where resampled; at K places where nothing else is said."""

    ndcg: Interval
    precision: Interval
    recall: Interval
    mean_average_precision: Interval
    ndcg_at: Mapping[int, float]
    recall_at: Mapping[int, float]
    coverage: float
    novelty: float
    """Bits."""
    heard_share: float
    buckets: Sequence[Bucket]
    ndcg_by_user: Floats
    """In the order of the trial's users."""


def measure(model: Model, of: Trial, seed: int) -> Quality:
    """Rank the whole catalogue for the trial's users, and compare with what they heard."""
    lists = model.recommend(of.known, of.users, max(CUTS), exclude_heard=of.new_only).items
    found, number = metrics.hits(lists, of.held_out), np.diff(of.held_out.indptr).astype(np.int64)
    by_user, of_lists = _by_user(found, number), _of_lists(lists[:, :K], of, slice(None))
    return Quality(
        ndcg=metrics.bootstrap(by_user["ndcg"], seed),
        precision=metrics.bootstrap(by_user["precision"], seed),
        recall=metrics.bootstrap(by_user["recall"], seed),
        mean_average_precision=metrics.bootstrap(by_user["mean_average_precision"], seed),
        ndcg_at={k: float(metrics.ndcg(found, number, k).mean()) for k in CUTS},
        recall_at={k: float(metrics.recall(found, number, k).mean()) for k in CUTS},
        coverage=of_lists["coverage"],
        novelty=of_lists["novelty"],
        heard_share=of_lists["heard_share"],
        buckets=[
            Bucket(
                name,
                int(mask.sum()),
                **{metric: float(values[mask].mean()) for metric, values in by_user.items()},
                **_of_lists(lists[:, :K], of, mask),
            )
            for name, mask in metrics.activity_buckets(of.listens, BUCKETS)
            if mask.any()
        ],
        ndcg_by_user=by_user["ndcg"],
    )


def _by_user(found: Bools, number: Ints) -> dict[str, Floats]:
    """What is one number of each user."""
    return {
        "ndcg": metrics.ndcg(found, number, K),
        "precision": metrics.precision(found, K),
        "recall": metrics.recall(found, number, K),
        "mean_average_precision": metrics.average_precision(found, number, K),
    }


def _of_lists(lists: Ints, of: Trial, chosen: Bools | slice) -> dict[str, float]:
    """What is one number of the lists of all the chosen users."""
    top = lists[chosen]
    return {
        "coverage": metrics.coverage(top, of.known.items.size),
        "novelty": metrics.novelty(top, of.known.listeners, of.known.user_ids.size),
        "heard_share": metrics.heard_share(top, of.known.matrix[of.users[chosen]]),
    }


def mean_ndcg(model: Model, of: Trial) -> float:
    """nDCG at K alone, over the trial's users."""
    lists = model.recommend(of.known, of.users, K, exclude_heard=of.new_only).items
    number = np.diff(of.held_out.indptr).astype(np.int64)
    return float(metrics.ndcg(metrics.hits(lists, of.held_out), number, K).mean())
