"""Functions that jobs of the tests name in `run`: rows as each of the forms that a run takes, and none."""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import functions as F  # noqa: N812

from jobs.job import NothingToWorkOnError
from jobs.run_engine import EngineRun, Made

ROWS = [("tests_first", 1, "[1]"), ("tests_second", 1, "[2]"), ("tests_first", 2, "[3]")]
NAMES = ("statistic", "key", "doc")


def table(run: EngineRun) -> Made:
    run.progress(f"working on {run.landing.landing_id}")
    return Made(_arrow())


def frame(run: EngineRun) -> Made:
    return Made(run.spark.createDataFrame(ROWS, "statistic string, key bigint, doc string"))


def batches(run: EngineRun) -> Made:
    assert run.params["size"] == 2
    return Made(_batches())


def entities(_: EngineRun) -> Made:
    rows = [{"statistic": "tests_entities", "entity": "00000000-0000-4000-8000-000000000001", "doc": "{}"}]
    return Made(pa.Table.from_pylist(rows))


def one_user(run: EngineRun) -> Made:
    only = run.base is not None
    return Made(_arrow().slice(0, 1), touched=[1] if only else None)


def files(run: EngineRun) -> Made:
    return Made(said=f"made of version {run.landing.landing_id}")


def plays(run: EngineRun) -> Made:
    """recording_plays of the days asked for, a document per user."""
    days = run.params["days"]
    assert days is None or isinstance(days, int)
    rows = run.within(days).named("recording_plays")
    item = F.struct("recording", "msid", "listen_count", F.unix_seconds("latest").alias("latest"))
    documents = rows.groupBy("user_id").agg(F.to_json(F.sort_array(F.collect_list(item))).alias("doc"))
    return Made(documents.selectExpr("'tests_first' AS statistic", "CAST(user_id AS BIGINT) AS key", "doc"))


def refuses(run: EngineRun) -> Made:
    raise NothingToWorkOnError(f"no model yet at {run.now}")


def _arrow() -> pa.Table:
    return pa.table(dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True)))


def _batches() -> Iterator[pa.RecordBatch]:
    yield from _arrow().to_batches(max_chunksize=2)
