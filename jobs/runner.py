"""Runs jobs on one data version and writes their results: the only place that knows what a job's `run` and output mean.

Results are a function of (data version, T, ranges): the same request again gives the same lists and documents. Lists
and display structs become Parquet files below results/RUN_ID, or rows inside the manifest when they are few.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from conf.settings import Settings
from jobs import result_files
from jobs.frames import Frames
from jobs.inputs import bounds
from jobs.job import Job, PerUser
from jobs.lake import Landing
from jobs.messages import Manifest, Part, Switch, inline_digest
from jobs.ranges import STATS_RANGES, Period, period

COLUMNS = {"list": ("key", "ids", "counts"), "entity": ("id", "doc")}


def run(
    spark: SparkSession,
    settings: Settings,
    jobs: Sequence[Job],
    params: Mapping[str, Any],
    landing: Landing,
    *,
    run_id: UUID,
    request_id: UUID | None,
    progress: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Compute the jobs at the landing's data version and write their results. An empty result is a result.

    `params` as checked by the catalog: `at` replaces T, `stats_range` asks for one range instead of nine.
    """
    newest = newest_listen(landing, params.get("at"))
    asked = tuple(period(name, newest) for name in _ranges(params.get("stats_range")))
    folder = result_files.run_folder(settings.lake, run_id)
    frames = Frames(spark, settings.lake, landing, bounds(asked), jobs)
    try:
        for number, job in enumerate(jobs, 1):
            progress(f"computing {job.statistic} ({number} of {len(jobs)})")
            _write(frames, job, folder)
    finally:
        frames.close()
    progress("checking results")
    parts = _parts(jobs, folder)
    return Manifest(
        run_id=run_id,
        request_id=request_id,
        query=jobs[0].name,
        data_version=landing.landing_id,
        newest_listen_ts=newest,
        switches=[_switch(job, asked_for, parts) for job in jobs for asked_for in asked],
        parts=_inlined(parts, settings, run_id),
    )


def newest_listen(landing: Landing, at: int | None) -> int:
    """T: as told, else the landing's newest listen; of a lake without listens, the time of the landing itself."""
    if at is not None:
        return at
    return landing.newest_listen_ts if landing.newest_listen_ts is not None else int(landing.landed_at.timestamp())


def _ranges(stats_range: str | None) -> tuple[str, ...]:
    return STATS_RANGES if stats_range is None else (stats_range,)


def _write(frames: Frames, job: Job, folder: str) -> None:
    rows = frames.keep(_with_documents(job, frames.sql(job.run, job.inputs)))
    _lists(job, rows).write.partitionBy("stats_range").parquet(f"{folder}/list/{job.statistic}")
    rows.select("id", "doc").distinct().write.parquet(f"{folder}/entity/{job.statistic}")


def _with_documents(job: Job, rows: DataFrame) -> DataFrame:
    """Flat rows with their display struct as JSON and its 64-bit hash."""
    struct = F.struct(*(F.col(column.name).cast(column.type).alias(column.name) for column in job.output.struct))
    document = F.to_json(struct, {"ignoreNullFields": "false"})
    return rows.withColumn("doc", document).withColumn("id", F.xxhash64("doc"))


def _lists(job: Job, rows: DataFrame) -> DataFrame:
    """One row per key and range: ids and counts by listen count, then by the struct's columns, all descending."""
    key = F.col("user_id") if isinstance(job.output, PerUser) else F.lit(0)
    item = F.struct("listen_count", *(column.name for column in job.output.struct), "id")
    ordered = F.sort_array(F.collect_list(item), asc=False)
    grouped = rows.groupBy(key.cast("bigint").alias("key"), "stats_range").agg(ordered.alias("items"))
    lists = grouped.select(
        "stats_range",
        "key",
        F.col("items.id").alias("ids"),
        F.col("items.listen_count").cast("array<int>").alias("counts"),
    )
    return lists.sortWithinPartitions("stats_range", "key")


def _parts(jobs: Sequence[Job], folder: str) -> list[Part]:
    found = []
    for job in jobs:
        for path in result_files.parquet_files(f"{folder}/list/{job.statistic}"):
            found.append(_part("list", job.statistic, _range_of(path), path))
        for path in result_files.parquet_files(f"{folder}/entity/{job.statistic}"):
            found.append(_part("entity", "", "", path))
    return [part for part in found if part.rows]


def _part(kind: str, statistic: str, stats_range: str, path: str) -> Part:
    size, sha256 = result_files.digest(path)
    return Part(kind, statistic, stats_range, result_files.row_count(path), path, size, sha256)


def _range_of(path: str) -> str:
    return STATS_RANGES[int(path.rpartition("/stats_range=")[2].partition("/")[0])]


def _switch(job: Job, asked: Period, parts: Sequence[Part]) -> Switch:
    own = [part for part in parts if (part.statistic, part.stats_range) == (job.statistic, asked.stats_range)]
    return Switch(job.statistic, asked.stats_range, asked.from_ts, asked.to_ts, sum(p.rows for p in own), "all")


def _inlined(parts: list[Part], settings: Settings, run_id: UUID) -> list[Part]:
    """The parts as rows in the message, and no files, when all of them are small; else the parts as they are."""
    limit = settings.result_inline_bytes
    if sum(part.bytes for part in parts) > limit:
        return parts
    rows: dict[tuple[str, str, str], list[list[Any]]] = {}
    for part in parts:
        read = result_files.rows(str(part.path), COLUMNS[part.kind])
        rows.setdefault((part.kind, part.statistic, part.stats_range), []).extend(list(row) for row in read)
    inline = [_inline_part(*what, sorted(found)) for what, found in rows.items()]
    if sum(part.bytes for part in inline) > limit:
        return parts
    result_files.remove_run(settings.lake, run_id)
    return inline


def _inline_part(kind: str, statistic: str, stats_range: str, rows: list[list[Any]]) -> Part:
    size, sha256 = inline_digest(rows)
    return Part(kind, statistic, stats_range, len(rows), None, size, sha256, rows)
