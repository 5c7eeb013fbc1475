"""One statistic of one user over a span of days, on Spark: the job that makes it for everybody, on her listens alone.

Here planning is dearer than the data. So the tables are cut down before Spark sees them (jobs/span_tables.py) and
the results are taken by the driver, not written by tasks.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from conf.settings import Settings
from jobs import result_files
from jobs.computing import inputs_read
from jobs.engines.plays import Moment
from jobs.frames import Frames, uses
from jobs.inputs import OPTIONAL_TABLES, VALUES
from jobs.job import Job, Ranked, kind_of_rows
from jobs.lake import Landing
from jobs.messages import COLUMNS, Manifest, Part, Switch, inline_part
from jobs.run_applied import applied
from jobs.run_documents import documents
from jobs.run_lists import families, family_of
from jobs.served_run import computing_code
from jobs.span_tables import span_tables
from jobs.spans import LIST_RANGE, Span
from jobs.tables import TABLES


@dataclass(frozen=True)
class SpanOrder:
    """What a request asks for, checked."""

    query: str
    job: Job
    user_id: int
    span: Span

    @property
    def stats_range(self) -> str:
        """The range whose windows the span takes."""
        return LIST_RANGE if isinstance(self.job.output, Ranked) or self.job.made_from else self.span.like


def run_span(
    spark: SparkSession,
    settings: Settings,
    ordered: SpanOrder,
    landing: Landing,
    newest_listen_ts: int,
    *,
    run_id: UUID,
    request_id: UUID | None,
) -> Manifest:
    """Compute it at the landing's data version. An empty result is a result. `newest_listen_ts`: T."""
    stats_range, span = ordered.stats_range, ordered.span
    compared = isinstance(ordered.job.output, Ranked)
    moment = Moment(newest_listen_ts, (stats_range,), span.stretches(stats_range, compared=compared))
    asked = inputs_read([ordered.job])
    given = _given(spark, span_tables(settings.lake, landing, ordered.user_id, span, uses(asked)))
    with closing(Frames(spark, settings.lake, landing, moment, VALUES, asked, given, small=True)) as frames:
        found = _computed(frames, ordered.job)
    parts = _parts(settings, run_id, ordered, found)
    rows = sum(part.rows for part in parts if part.statistic)
    return Manifest(
        run_id=run_id,
        request_id=request_id,
        query=ordered.query,
        data_version=landing.landing_id,
        newest_listen_ts=newest_listen_ts,
        switches=[Switch(ordered.job.statistic, stats_range, span.from_ts, span.to_ts, rows, "all")],
        parts=parts,
        code=computing_code(),
        span_of=ordered.user_id,
    )


def _given(spark: SparkSession, tables: Mapping[str, pa.Table]) -> dict[str, DataFrame]:
    """As frames whose rows the planner knows."""
    return {name: _frame(spark, name, rows) for name, rows in tables.items()}


def _frame(spark: SparkSession, name: str, rows: pa.Table) -> DataFrame:
    if rows.num_rows:
        return spark.createDataFrame(rows.combine_chunks())
    declared = OPTIONAL_TABLES[name] if name in OPTIONAL_TABLES else TABLES[name].schema
    return spark.createDataFrame([], declared).where("false")


def _computed(frames: Frames, job: Job) -> Mapping[str, pa.Table]:
    """By kind of rows: those of the job, and the structs that its lists name."""
    made = families(frames, (job,))
    chosen = applied(frames)
    if isinstance(job.output, Ranked):
        rows = _columns("list", family_of(made, job).ranking(job).lists(), chosen)
        return {"list": rows, "entity": family_of(made, job).entities.toArrow()}
    given: Mapping[str, DataFrame] = {}
    if job.made_from is not None:
        family = family_of(made, job.made_from)
        given = family.documented(family.ranking(job.made_from).lists())
    return {kind_of_rows(job.output): _columns("document", documents(frames, job, given), chosen)}


def _columns(kind: str, rows: DataFrame, chosen: DataFrame) -> pa.Table:
    return rows.join(F.broadcast(chosen), "key", "left").select(*COLUMNS[kind]).toArrow()


def _parts(settings: Settings, run_id: UUID, ordered: SpanOrder, found: Mapping[str, pa.Table]) -> list[Part]:
    """Rows in the message, while all of them are few; else a file of each kind."""
    named = {"entity": ("", "")}
    whose = (ordered.job.statistic, ordered.stats_range)
    tables = {kind: table for kind, table in found.items() if table.num_rows}
    parts = [inline_part(kind, *named.get(kind, whose), _rows(table)) for kind, table in tables.items()]
    if sum(part.bytes for part in parts) <= settings.result_inline_bytes:
        return parts
    folder = result_files.run_folder(settings.lake, run_id)
    return [_file(kind, *named.get(kind, whose), table, folder) for kind, table in tables.items()]


def _rows(table: pa.Table) -> list[list[Any]]:
    return sorted(list(row.values()) for row in table.to_pylist())


def _file(kind: str, statistic: str, stats_range: str, table: pa.Table, folder: str) -> Part:
    path = f"{folder}/{kind}.parquet"
    result_files.write(path, table)
    size, sha256 = result_files.digest(path)
    return Part(kind, statistic, stats_range, table.num_rows, path, size, sha256)
