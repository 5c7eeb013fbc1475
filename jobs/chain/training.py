"""The job that trains: listens cut by time, kinds and parameters measured, the best one fitted on all of them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from pyspark.sql import functions as F  # noqa: N812

from jobs.chain import model_store
from jobs.chain.dataframes import Dataframes, current
from jobs.engines import models
from jobs.engines.evaluate import NEW, Evaluation, evaluate
from jobs.engines.interactions import Interactions
from jobs.engines.model_card import model_card
from jobs.engines.search import CANDIDATES, Candidate
from jobs.engines.timeline import NothingToMeasureError, Timeline
from jobs.recommend.dataframes import RECORDINGS
from jobs.recommend.train_model import ALS_DEFAULTS
from jobs.run_engine import EngineRun, Made

STATISTIC = "recommendation_model"
STEPS = 5000
"""Into so many steps the time of all listens is cut: a split by time is as fine as that."""
_ALS = {"ranks": "factors", "iterations": "iterations", "lambdas": "regularization", "alphas": "alpha"}
_LISTENS = """
SELECT CAST(u.spark_user_id - 1 AS BIGINT) AS user_row, CAST(r.recording_id - 1 AS BIGINT) AS item_row, s.step_at,
       sum(s.listen_count) AS listen_count
  FROM {stepped} s JOIN {users} u ON u.user_id = s.user_id
  LEFT JOIN {personal_track} o ON o.user_id = s.user_id AND o.track_id = s.track_id
  JOIN {played_recording} i ON i.identity_id = coalesce(o.identity_id, CAST(s.track_id AS BIGINT))
  JOIN {recordings} r ON r.recording = i.recording
 GROUP BY u.spark_user_id, r.recording_id, s.step_at
"""
_REPEATS_ONLY = "own_history"
"""The kind that lists nothing new."""


def train(run: EngineRun) -> Made:
    """A document per model that is kept: its card. Raises NothingToWorkOnError for an empty window.

    Where no listen is left none is trained: lists become empty with the last one (EngineRun.nothing_left).
    """
    seed, transformed = run.params["seed"], bool(run.params["use_transformed_listencounts"])
    assert isinstance(seed, int)
    dataframes = current(run, RECORDINGS)
    if run.nothing_left:
        return Made(_documents(run), said="no model: there are no listens")
    run.progress("reading listens in the order of time")
    timeline = _timeline(run, dataframes, transformed=transformed)
    measured, said = _measured(timeline, candidates_of(run.params), seed, run)
    interactions = dataframes.interactions(transformed=transformed)
    chosen = _chosen(measured, interactions)
    run.progress(f"fitting {chosen[0].kind}")
    fitted = [models.fit(one.kind, interactions, one.parameters, seed) for one in chosen]
    card = model_card(
        str(run.run_id),
        chosen[0].kind,
        chosen[0].parameters,
        data_version=run.landing.landing_id,
        created=int(run.now),
        seed=seed,
        users=interactions.user_ids.size,
        items=interactions.items.size,
        interactions=interactions.latest.size,
        evaluation=measured,
        said=said,
    )
    card |= {
        "dataframe_id": str(dataframes.kept.id),
        "use_transformed_listencounts": transformed,
        "for_what_is_new": None if len(chosen) == 1 else chosen[1]._asdict(),
    }
    model_store.save(run.settings.lake, run.run_id, fitted, card, run.now)
    return Made(_documents(run), said=f"model {run.run_id}: {card['kind']}; {card['said']}")


def candidates_of(params: Any) -> Sequence[Candidate]:
    """What is tried: every kind, and of ALS what the request names, where it names something."""
    if not any(params.get(name) for name in _ALS):
        return CANDIDATES
    grid = product(*(params.get(name) or ALS_DEFAULTS[name] for name in _ALS))
    named = [Candidate("als", dict(zip(_ALS.values(), values, strict=True))) for values in grid]
    return [*(one for one in CANDIDATES if one.kind != "als"), *named]


def _measured(
    timeline: Timeline, candidates: Sequence[Candidate], seed: int, run: EngineRun
) -> tuple[Evaluation | None, str]:
    """The evaluation; without one, why nothing could be measured."""
    try:
        return evaluate(timeline, timeline.windows(), seed, candidates=candidates, progress=run.progress), ""
    except NothingToMeasureError as problem:
        return None, f"Not measured, for {problem}"


def _chosen(measured: Evaluation | None, interactions: Interactions) -> list[Candidate]:
    """What is served; where that only repeats, also what was best at the new among what explains itself."""
    if measured is None:
        alone = interactions.user_ids.size == 1
        return [Candidate(_REPEATS_ONLY if alone else "item_item", {})]
    served = measured.served
    if served.kind != _REPEATS_ONLY:
        return [served]
    others = [one for one in measured.tested if one.explains and one.candidate.kind != _REPEATS_ONLY]
    best = max((one for one in others if NEW in one.quality), key=lambda one: one.quality[NEW].ndcg.mean, default=None)
    return [served] if best is None else [served, best.candidate]


def _timeline(run: EngineRun, dataframes: Dataframes, *, transformed: bool) -> Timeline:
    """The listens of the dataframes, each step of time at its first second."""
    frames = run.within(dataframes.metadata["train_model_window"])
    listens = frames.named("windowed_listen").withColumn("second", F.unix_seconds("listened_at"))
    [(oldest,)] = listens.agg(F.min("second")).collect()
    step = max(1, (run.newest - (oldest or 0)) // STEPS)
    stepped = listens.withColumn("step_at", F.col("second") - F.col("second") % step)
    counted = stepped.groupBy("user_id", "track_id", "step_at").agg(F.count("*").alias("listen_count"))
    tables = {name: run.spark.read.parquet(f"{dataframes.kept.url}/{name}") for name in ("users", "recordings")}
    rows = frames.sql(_LISTENS, ("personal_track", "played_recording"), stepped=counted, **tables).toArrow()
    columns = (rows[name].to_numpy().astype(np.int64) for name in ("user_row", "item_row", "step_at", "listen_count"))
    known = dataframes.interactions()
    kind = TransformedTimeline if transformed else Timeline
    return kind(known.user_ids, known.items, known.msid, *columns)


class TransformedTimeline(Timeline):
    """A timeline whose play counts are the transformed ones."""

    def before(self, end: int) -> Interactions:
        """20 for one play, 30 + min(n, 20) for n."""
        plain = super().before(end)
        counts = plain.matrix.data
        matrix = plain.matrix.copy()
        matrix.data = np.where(counts == 1, 20, 30 + np.minimum(counts, 20)).astype(np.float32)
        return replace(plain, matrix=matrix)


def _documents(run: EngineRun) -> pa.Table:
    found = model_store.cards(model_store.last(run.settings, run.run_id))
    return pa.table(
        {
            "statistic": pa.array([STATISTIC] * len(found), pa.string()),
            "entity": pa.array([model_id for model_id, _ in found], pa.string()),
            "doc": pa.array([orjson.dumps(card).decode() for _, card in found], pa.string()),
        }
    )
