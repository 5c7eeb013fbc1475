"""What is measured of a model: each figure of the users of a bucket is that of a trial of these users alone."""

from dataclasses import replace

import numpy as np
import pytest

from jobs.engines import models, ranking_metrics
from jobs.engines.evaluate import trials
from jobs.engines.quality import BUCKETS, Quality, measure
from jobs.engines.ranking_metrics import Interval
from jobs.engines.timeline import Trial
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
    stretches = [(name, mask) for name, mask in ranking_metrics.activity_buckets(listens, BUCKETS) if mask.any()]
    assert len(stretches) > 1

    buckets = measure(model, trial, 1).buckets

    assert [(one.name, one.users) for one in buckets] == [(name, int(mask.sum())) for name, mask in stretches]
    for bucket, (name, mask) in zip(buckets, stretches, strict=True):
        alone = measure(model, replace(trial, users=trial.users[mask], held_out=trial.held_out[mask]), 1)
        assert [getattr(bucket, metric) for metric in METRICS] == pytest.approx(figures(alone)), name
        assert bucket.precision > 0
