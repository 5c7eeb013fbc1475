"""What is measured of a model: each figure of the users of a bucket is that of a trial of these users alone."""

from dataclasses import replace

import numpy as np
import pytest

from jobs.chain.training import TransformedTimeline
from jobs.engines import models, ranking_metrics
from jobs.engines.evaluate import trials
from jobs.engines.quality import BUCKETS, Quality, measure
from jobs.engines.ranking_metrics import Interval
from jobs.engines.timeline import Timeline, Trial
from tests.unit.engines.listeners import uuid
from tests.unit.engines.test_evaluate import DAY, listens_of_tastes, timeline

METRICS = ("ndcg", "precision", "recall", "mean_average_precision", "coverage", "novelty", "heard_share")
"""Those that are asked for of every bucket."""


@pytest.fixture(scope="module", params=["new", "all"])
def trial(request: pytest.FixtureRequest) -> Trial:
    """Two of three users hear everything three times."""
    rows = [(user, item, at + turn) for user, item, at in listens_of_tastes(5) for turn in range(3 if user % 3 else 1)]
    found: Trial = trials(timeline(iter(rows)), 16 * DAY, 24 * DAY, 1)[request.param]
    return found


def figures(quality: Quality) -> list[float]:
    found = [getattr(quality, name) for name in METRICS]
    return [one.mean if isinstance(one, Interval) else one for one in found]


def test_every_figure_of_a_bucket_is_that_of_its_users_alone(trial: Trial) -> None:
    model = models.fit("item_item", trial.known, {}, 1)
    listens = np.asarray(trial.known.matrix.sum(axis=1)).ravel()[trial.users].astype(np.int64)
    assert trial.listens.tolist() == listens.tolist()
    stretches = [(name, mask) for name, mask in ranking_metrics.activity_buckets(listens, BUCKETS) if mask.any()]
    assert len(stretches) > 1

    buckets = measure(model, trial, 1).buckets

    assert [(one.name, one.users) for one in buckets] == [(name, int(mask.sum())) for name, mask in stretches]
    for bucket, (stretch, mask) in zip(buckets, stretches, strict=True):
        of_these = {name: getattr(trial, name)[mask] for name in ("users", "listens", "held_out")}
        alone = measure(model, replace(trial, **of_these), 1)
        assert [getattr(bucket, metric) for metric in METRICS] == pytest.approx(figures(alone)), stretch
        assert bucket.precision > 0


@pytest.mark.parametrize("kind", [Timeline, TransformedTimeline])
def test_users_are_as_active_as_they_have_listens_however_their_plays_are_counted(kind: type[Timeline]) -> None:
    # (user, item, second, listens). Before second 10: 3, 49 and 60 listens; transformed they are 20 + 32, 49 * 20, 50.
    rows = [(1, 0, 1, 2), (1, 1, 2, 1), *((2, item, 3, 1) for item in range(49)), (3, 0, 4, 60)]
    later = [(user, 50, 10, 500) for user in (1, 2, 3)]
    users, items, seconds, counts = zip(*rows, *later, strict=True)
    listens = kind.of(users, [uuid(item) for item in items], seconds, [False] * len(users), counts)

    asked = trials(listens, 10, 11, 1)["new"]

    plain = kind is Timeline
    assert asked.known.matrix.sum(axis=1).ravel().tolist() == [[3, 49, 60] if plain else [52, 980, 50]]
    assert asked.listens.tolist() == [3, 49, 60]
    buckets = measure(models.fit("popularity", asked.known, {}, 1), asked, 1).buckets
    assert [(one.name, one.users) for one in buckets] == [("0 to 49", 2), ("50 to 199", 1)]
