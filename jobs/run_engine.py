"""Runs jobs that functions make (Job.by_engine): similarities, dataframes, models, recommendations. Spark side.

Such a job says in `run` the dotted name of a function that takes an EngineRun and gives what it made: rows, which are
written here as any run's, or files of its own. Nothing is continued; a function may make the rows of some users only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from conf.faults import fault_point
from conf.settings import Settings
from jobs import result_files
from jobs.dotted import function_of
from jobs.engines.plays import Moment
from jobs.frames import Frames
from jobs.inputs import VALUES
from jobs.job import PER_USER, Files, Job, Step, kind_of_rows
from jobs.lake import Landing
from jobs.messages import COLUMNS, Manifest, Part, Switch
from jobs.ranges import ALL_TIME, STATS_RANGES, period
from jobs.runner import newest_listen, switch_of
from jobs.served_run import ServedRun, computing_code
from jobs.written_parts import EVERYBODY, TOUCHED, inlined, written_parts

DAY = 86_400


@dataclass(frozen=True)
class EngineRun:
    """What a function works with: one data version, the params of its jobs, and who to tell."""

    spark: SparkSession
    settings: Settings
    frames: Frames
    """Tables and shared inputs at the data version, over all time up to T; kept frames are freed after the function."""
    landing: Landing
    newest: int
    """T, epoch seconds."""
    params: Mapping[str, object]
    """Every param of the jobs, checked; what was not given has its default."""
    run_id: UUID
    now: float
    """When the run began, epoch seconds: the only clock."""
    progress: Callable[[str], None]
    """Tell what is being done, for whoever waits."""
    folder: str
    """Of the run's files: what a function leaves here goes with the run. Rows are written below it by the runner."""
    base: ServedRun | None
    """The one run that all of these jobs are served from; without it rows of some users only cannot be given."""
    _opened: ExitStack = field(default_factory=ExitStack, repr=False)

    @property
    def nothing_left(self) -> bool:
        """No listen is left at this data version, and no window was asked for.

        What was deleted must be gone from results by the next run: then they become empty. Any other window without
        listens is a mistake of who asked, and an error that leaves results as they are.
        """
        return self.landing.newest_listen_ts is None and self.params.get("at") is None

    def within(
        self, days: int | None, until: int | None = None, since: int | None = None, reads: Iterable[str] = ()
    ) -> Frames:
        """Frames whose windowed_track and recording_plays are of the last so many days up to T; None: all of them.

        `until`, `since`: epoch seconds, both included, where the window ends and begins instead. The identity of tracks
        is that of the window's, so that no other listen is read. `reads`: as Frames has it. Freed with the run.
        """
        start = 0 if days is None else max(0, self.newest - days * DAY)
        window = {
            "window_from": start if since is None else since,
            "window_to": self.newest if until is None else until,
        }
        first = self.opened((), window)
        played = first.keep(first.named("windowed_track"))
        return self.opened(reads, window, {"windowed_track": played, "played_track": played})

    def opened(
        self, reads: Iterable[str], values: Mapping[str, object], given: Mapping[str, DataFrame] | None = None
    ) -> Frames:
        """Frames beside `frames`, over all time up to T too; freed with the run. Parameters as Frames has them."""
        moment = Moment(self.newest, (ALL_TIME,))
        of = (self.spark, self.settings.lake, self.landing, moment, {**VALUES, **values}, reads, given)
        return self._opened.enter_context(closing(Frames(*of, small=False)))


@dataclass(frozen=True)
class Made:
    """What a function made."""

    rows: DataFrame | pa.Table | Iterable[pa.RecordBatch] = ()
    """Columns: statistic string; key bigint (user, day) or entity string (UUID); doc string (JSON). Each key once."""
    said: str = ""
    """What was done, for a person to read."""
    touched: Sequence[int] | None = None
    """Users whose rows these are, the others keep theirs; only with a base. None: the rows are everybody's."""


@dataclass(frozen=True)
class EngineOrder:
    """What a request asks for, checked (jobs/catalog.py): the calls, in order."""

    query: str
    steps: Sequence[Step]

    @property
    def jobs(self) -> list[Job]:
        """Those of all steps that have results to read."""
        return [job for step in self.steps for job in step.jobs if not isinstance(job.output, Files)]


def run_engines(
    spark: SparkSession,
    settings: Settings,
    ordered: EngineOrder,
    landing: Landing,
    *,
    run_id: UUID,
    request_id: UUID | None,
    now: float,
    base: ServedRun | None = None,
    results: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Manifest | str:
    """One call after the other, at one data version. The manifest of all rows; what was done, where there are none.

    `results`: the folder for results, in place of the lake. Raises InvalidRequestError before a call has begun its
    work, and what else a call raises.
    """
    home = results or settings.lake
    folder = result_files.run_folder(home, run_id)
    said, touched = [], None
    for step in ordered.steps:
        newest = newest_listen(landing, _whole(step.params.get("at")))
        moment = Moment(newest, (ALL_TIME,))
        tell = _telling(progress, f"engine.{step.jobs[0].statistic}")
        with ExitStack() as opened:
            reads = [name for job in step.jobs for name in job.inputs]
            frames = opened.enter_context(
                closing(Frames(spark, settings.lake, landing, moment, VALUES, reads, small=False))
            )
            call = EngineRun(
                spark, settings, frames, landing, newest, step.params, run_id, now, tell, folder, base, opened
            )
            made: Made = function_of(step.jobs[0].run)(call)
            _write(step, made, folder, tell)
        said.append(made.said)
        touched = made.touched if made.touched is not None else touched
    if not ordered.jobs:
        return "; ".join(filter(None, said))
    progress("checking results")
    return _manifest(settings, home, ordered, landing, run_id, request_id, base, touched)


def _manifest(  # noqa: PLR0917 - what ran, then what came of it
    settings: Settings,
    home: str,
    ordered: EngineOrder,
    landing: Landing,
    run_id: UUID,
    request_id: UUID | None,
    base: ServedRun | None,
    touched: Sequence[int] | None,
) -> Manifest:
    parts = written_parts(result_files.run_folder(home, run_id))
    newest = newest_listen(landing, _whole(ordered.steps[0].params.get("at")))
    return Manifest(
        run_id=run_id,
        request_id=request_id,
        query=ordered.query,
        data_version=landing.landing_id,
        newest_listen_ts=newest,
        switches=[switch for job in ordered.jobs for switch in _switches(job, newest, parts, touched)],
        parts=inlined(parts, settings.result_inline_bytes, home, run_id),
        code=computing_code(),
        base_run_id=base.run_id if base is not None and touched is not None else None,
        touched=list(touched or ()),
    )


def _switches(job: Job, newest: int, parts: list[Part], touched: Sequence[int] | None) -> list[Switch]:
    replaces = "touched" if touched is not None and isinstance(job.output, PER_USER) else "all"
    return [switch_of(job, period(name, newest), parts, replaces) for name in job.ranges]


def _telling(progress: Callable[[str], None], point: str) -> Callable[[str], None]:
    """Tell, and be a place where tests let the process die: in the middle of what was told."""

    def tell(text: str) -> None:
        progress(text)
        fault_point(point)

    return tell


def _whole(value: object) -> int | None:
    assert value is None or isinstance(value, int)
    return value


def _write(step: Step, made: Made, folder: str, progress: Callable[[str], None]) -> None:
    """The rows as files of the run, by statistic. Jobs of one call have rows of one kind and one range."""
    jobs = [job for job in step.jobs if not isinstance(job.output, Files)]
    if not jobs:
        return
    progress("writing results")
    [kind] = {kind_of_rows(job.output) for job in jobs}
    [ranges] = {job.ranges for job in jobs}
    [slot] = [STATS_RANGES.index(name) for name in ranges]
    home = f"{folder}/{EVERYBODY if made.touched is None else TOUCHED}/{kind}"
    if isinstance(made.rows, DataFrame):
        _write_frame(made.rows, kind, slot, home)
        return
    batches = made.rows.to_batches() if isinstance(made.rows, pa.Table) else made.rows
    _write_batches(batches, kind, slot, home)


def _write_frame(rows: DataFrame, kind: str, slot: int, home: str) -> None:
    by = ("statistic", "stats_range")
    ranged = rows.withColumn("stats_range", F.lit(slot))
    if "applied" in COLUMNS[kind]:
        ranged = ranged.withColumn("applied", F.lit(None).cast("string"))
    chosen = ranged.select(*by, *COLUMNS[kind])
    sorted_rows = chosen.sortWithinPartitions(*by, COLUMNS[kind][0])
    sorted_rows.write.mode("append").partitionBy(*by).parquet(home)


def _write_batches(batches: Iterable[pa.RecordBatch], kind: str, slot: int, home: str) -> None:
    """As they come: no more than one of them is in memory."""
    schema = pa.schema([(name, pa.int64() if name == "key" else pa.string()) for name in COLUMNS[kind]])
    with ExitStack() as opened:
        writers: dict[str, pyarrow.parquet.ParquetWriter] = {}
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            for statistic in rows["statistic"].unique().to_pylist():
                if statistic not in writers:
                    path = f"{home}/statistic={statistic}/stats_range={slot}/rows.parquet"
                    writers[statistic] = opened.enter_context(result_files.writer(path, schema))
                own = rows.filter(pa.compute.equal(rows["statistic"], statistic))
                writers[statistic].write_table(_typed(own, schema))


def _typed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    nothing = pa.nulls(rows.num_rows, pa.string())
    columns = [rows[name] if name in rows.column_names else nothing for name in schema.names]
    return pa.table(columns, names=schema.names).cast(schema)
