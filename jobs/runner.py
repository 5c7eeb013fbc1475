"""Runs jobs on one data version and writes their results: the only place that knows what a job's `run` and output mean.

Results are a function of (data version, T, ranges): the same request again gives the same lists and documents. They
become Parquet files below results/RUN_ID, or rows inside the manifest when they are few.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Any
from uuid import UUID

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from conf.settings import Settings
from jobs import everybody, result_files
from jobs.base import Base, computing_code
from jobs.engines.plays import Moment
from jobs.frames import Frames
from jobs.inputs import VALUES
from jobs.job import PER_USER, EntityDocument, Job, Ranked, kind_of_rows
from jobs.lake import Landing, landing_of, open_table
from jobs.messages import COLUMNS, ROW_KINDS, Manifest, Part, Switch, inline_digest
from jobs.ranges import STATS_RANGES, Period, period
from jobs.run_applied import applied
from jobs.run_documents import documents
from jobs.run_lists import Listing, families, family_of, with_sources
from jobs.touched import Version, touched_users

EVERYBODY, TOUCHED = "everybody", "touched"
"""Folders of a run's files: what was computed from all users, and of a continued run what from those touched."""
_LISTS = "statistic string, stats_range int, key bigint, ids array<bigint>, counts array<int>"
"""Of written lists, what documents are made from."""


@dataclass(frozen=True)
class Ordered:
    """What a request asks for, checked (jobs/catalog.py)."""

    query: str
    jobs: tuple[Job, ...]
    params: Mapping[str, Any]
    """`at` replaces T, `stats_range` asks for one range instead of nine."""


def run(
    spark: SparkSession,
    settings: Settings,
    ordered: Ordered,
    landing: Landing,
    *,
    run_id: UUID,
    request_id: UUID | None,
    base: Base | None = None,
    results: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Compute the jobs at the landing's data version and write their results. An empty result is a result.

    `base`: the run to continue, if that can be done: then only users whose results may be others are computed.
    `results`: the folder for results, in place of the lake.
    """
    newest = newest_listen(landing, ordered.params.get("at"))
    asked = tuple(period(name, newest) for name in _ranges(ordered.params.get("stats_range")))
    moment = Moment(newest, tuple(one.stats_range for one in asked))
    progress("looking for what has changed")
    touched = None if base is None else _touched(spark, settings.lake, base, Version(landing, moment))
    home = results or settings.lake
    folder = result_files.run_folder(home, run_id)
    task = _Task(spark, settings.lake, Version(landing, moment), ordered.jobs, folder, progress)
    named = False
    if touched is None or base is None:
        _everything(task)
    else:
        named = _continue(task, base, touched)
    progress("checking results")
    parts = _parts(folder)
    return Manifest(
        run_id=run_id,
        request_id=request_id,
        query=ordered.query,
        data_version=landing.landing_id,
        newest_listen_ts=newest,
        switches=[
            _switch(job, one, parts, _replaces(job, continued=touched is not None, named=named))
            for job in ordered.jobs
            for one in asked
        ],
        parts=_inlined(parts, settings.result_inline_bytes, home, run_id),
        code=computing_code(),
        base_run_id=base.run_id if base is not None and touched is not None else None,
        touched=touched or [],
    )


def _touched(spark: SparkSession, lake: str, base: Base, now: Version) -> list[int] | None:
    before = landing_of(spark, lake, base.data_version)
    if before is None or before.epoch != now.landing.epoch or before.landing_id > now.landing.landing_id:
        return None
    then = Version(before, Moment(base.newest_listen_ts, now.moment.ranges))
    return touched_users(spark, lake, then, now, clock=datetime.now(UTC))


def _continue(task: "_Task", base: Base, touched: list[int]) -> bool:
    """Whether of entities there are only those that changed."""
    base_folder = result_files.run_folder(task.lake, base.run_id)
    before = landing_of(task.spark, task.lake, base.data_version)
    users = open_table(task.spark, task.lake, task.version.landing, "users").count()
    if before is None or not everybody.is_kept(base_folder) or len(touched) > users * everybody.MOST_TOUCHED:
        _continued(task, touched)
        return False
    then = Version(before, Moment(base.newest_listen_ts, task.version.moment.ranges))
    _from_sums(task, then, base_folder, touched)
    return True


def newest_listen(landing: Landing, at: int | None) -> int:
    """T: as told, else the landing's newest listen; of a lake without listens, the time of the landing itself."""
    if at is not None:
        return at
    return landing.newest_listen_ts if landing.newest_listen_ts is not None else int(landing.landed_at.timestamp())


def _ranges(stats_range: str | None) -> tuple[str, ...]:
    return STATS_RANGES if stats_range is None else (stats_range,)


def inputs_read(jobs: Iterable[Job]) -> list[str]:
    """The inputs the run will ask for, once per statement: jobs of a family share theirs."""
    texts = {(job.run, job.inputs): isinstance(job.output, Ranked) for job in with_sources(jobs)}
    shared = ["user_track" for ranked in texts.values() if ranked]
    return [*shared, *(name for _, inputs in texts for name in inputs)]


@dataclass(frozen=True)
class _Task:
    """What a run computes, at which version, and where its files go."""

    spark: SparkSession
    lake: str
    version: Version
    jobs: Sequence[Job]
    folder: str
    progress: Callable[[str], None]

    @property
    def own(self) -> list[Job]:
        """Those whose keys are users."""
        return [job for job in self.jobs if isinstance(job.output, PER_USER)]

    @property
    def others(self) -> list[Job]:
        """Those of everybody."""
        return [job for job in self.jobs if not isinstance(job.output, PER_USER)]

    def frames(
        self, reads: Iterable[Job], given: Mapping[str, DataFrame] | None = None, at: Version | None = None
    ) -> Frames:
        """Frames for these jobs."""
        version = at or self.version
        return Frames(self.spark, self.lake, version.landing, version.moment, VALUES, inputs_read(reads), given)

    def users(self, user_ids: Sequence[int]) -> DataFrame:
        """One row per user."""
        return self.spark.createDataFrame([(user_id,) for user_id in user_ids], "user_id int")


def _everything(task: _Task) -> None:
    """Of all users, and what everybody says together kept for the run that continues this one."""
    with closing(task.frames(task.jobs)) as frames:
        made = families(frames, task.jobs)
        _write_all(frames, made, task.jobs, f"{task.folder}/{EVERYBODY}", task.progress)
        if open_table(task.spark, task.lake, task.version.landing, "listens").count() >= everybody.KEPT_FROM:
            task.progress("keeping sums")
            everybody.keep_all(frames, made, with_sources(task.others), task.folder)


def _continued(task: _Task, touched: list[int]) -> None:
    """The users' own results for those touched, the others from the listens of everybody."""
    with closing(task.frames(task.others)) as frames:
        _write_all(frames, families(frames, task.others), task.others, f"{task.folder}/{EVERYBODY}", task.progress)
        if not touched:
            return
        subjects = frames.keep(_only(frames.named("subjects"), task.users(touched)))
        with closing(task.frames(task.own, {"subjects": subjects})) as theirs:
            _write_all(theirs, families(theirs, task.own), task.own, f"{task.folder}/{TOUCHED}", task.progress)


def _from_sums(task: _Task, then: Version, base_folder: str, touched: list[int]) -> None:
    """As above, but the others from what everybody said at the base, and what the touched said then and say now."""
    users, sources = task.users(touched), with_sources(task.others)
    folders = (base_folder, task.folder)
    with closing(task.frames(task.jobs, at=then)) as before_all, closing(task.frames(task.jobs)) as now_all:
        subjects = [frames.keep(_only(frames.named("subjects"), users)) for frames in (before_all, now_all)]
        before_frames = task.frames(task.jobs, {"subjects": subjects[0]}, then)
        now_frames = task.frames(task.jobs, {"subjects": subjects[1]})
        with closing(before_frames) as before, closing(now_frames) as now:
            made = families(now, task.jobs)
            _write_all(now, made, task.own, f"{task.folder}/{TOUCHED}", task.progress)
            task.progress("adding up")
            sums = {
                shared.name: everybody.continued_sums(shared, before, now, users, folders)
                for shared in everybody.sums_of(sources)
            }
            given = {name: one.rows for name, one in sums.items()}
            changed = {name: one.changed for name, one in sums.items() if one.changed is not None}
            standing = everybody.standing_families(now, sources, (families(before, task.jobs), made), folders)
            with closing(task.frames(task.others, given)) as frames:
                _write_all(frames, standing, task.others, f"{task.folder}/{EVERYBODY}", task.progress, changed)


def _only(subjects: DataFrame, users: DataFrame) -> DataFrame:
    return subjects.join(F.broadcast(users), "user_id", "left_semi")


def _write_all(  # noqa: PLR0917 - from what, what, where to
    frames: Frames,
    made: Sequence[Listing],
    jobs: Sequence[Job],
    folder: str,
    progress: Callable[[str], None],
    changed: Mapping[str, DataFrame] | None = None,
) -> None:
    """Every kind of result in one write: the jobs of a run share its scans, its tasks and its Python workers.

    `changed`: by the name of an input, the entities (mbid, slot) of whose rows alone there are documents.
    """
    chosen = frames.keep(applied(frames)) if any(isinstance(job.output, PER_USER) for job in jobs) else None
    progress("computing lists")
    lists = [job for job in jobs if isinstance(job.output, Ranked)]
    _save([_named(family_of(made, job).lists(job), job, chosen) for job in lists], "list", folder)
    progress("computing documents")
    for kind, jobs_of_kind in _by_kind(jobs).items():
        _save(
            [_named(_document(frames, made, job, folder, changed or {}), job, chosen) for job in jobs_of_kind],
            kind,
            folder,
        )
    progress("collecting names")
    entities = [family.entities for family in made if any(family_of(made, job) is family for job in lists)]
    if entities:
        together = reduce(DataFrame.unionByName, entities)
        together.coalesce(frames.width).write.parquet(f"{folder}/entity")


def _by_kind(jobs: Sequence[Job]) -> dict[str, list[Job]]:
    """The jobs that make documents, by the kind of their rows."""
    found: dict[str, list[Job]] = {}
    for job in jobs:
        if not isinstance(job.output, Ranked):
            found.setdefault(kind_of_rows(job.output), []).append(job)
    return found


def _named(rows: DataFrame, job: Job, chosen: DataFrame | None) -> DataFrame:
    """With the statistic, and for users what of their settings was applied."""
    named = rows.withColumn("statistic", F.lit(job.statistic))
    if chosen is not None and isinstance(job.output, PER_USER):
        return named.join(F.broadcast(chosen), "key", "left")
    return named.withColumn("applied", F.lit(None).cast("string"))


def _document(
    frames: Frames, made: Sequence[Listing], job: Job, folder: str, changed: Mapping[str, DataFrame]
) -> DataFrame:
    found = documents(frames, job, {} if job.made_from is None else _lists(frames, made, job.made_from, folder))
    keys = next((changed[name] for name in job.inputs if name in changed), None)
    return found if keys is None else everybody.with_gone(found, keys)


def _lists(frames: Frames, made: Sequence[Listing], job: Job, folder: str) -> dict[str, DataFrame]:
    """What documents are made from: the lists of a job as they were written, else computed for them alone."""
    family = family_of(made, job)
    if job not in family.jobs:
        return family.documented(family.lists(job))
    written = frames.read(f"{folder}/list", _LISTS).where(F.col("statistic") == job.statistic)
    return family.documented(written.drop("statistic"))


def _save(frames: Sequence[DataFrame], kind: str, folder: str) -> None:
    if not frames:
        return
    by = ("statistic", "stats_range")
    rows = reduce(DataFrame.unionByName, (frame.select(*by, *COLUMNS[kind]) for frame in frames))
    rows.sortWithinPartitions(*by, COLUMNS[kind][0]).write.partitionBy(*by).parquet(f"{folder}/{kind}")


def _parts(folder: str) -> list[Part]:
    found = []
    for path in (path for part in (EVERYBODY, TOUCHED) for path in result_files.parquet_files(f"{folder}/{part}")):
        kind = next(kind for kind in COLUMNS if f"/{kind}/" in path.removeprefix(folder))
        named = (_value(path, "statistic"), _range_of(path)) if kind in ROW_KINDS else ("", "")
        found.append(_part(kind, *named, path))
    return [part for part in found if part.rows]


def _part(kind: str, statistic: str, stats_range: str, path: str) -> Part:
    size, sha256 = result_files.digest(path)
    return Part(kind, statistic, stats_range, result_files.row_count(path), path, size, sha256)


def _range_of(path: str) -> str:
    return STATS_RANGES[int(_value(path, "stats_range"))]


def _value(path: str, column: str) -> str:
    """Of a column that files are partitioned by."""
    return path.rpartition(f"/{column}=")[2].partition("/")[0]


def _replaces(job: Job, *, continued: bool, named: bool) -> str:
    if continued and isinstance(job.output, PER_USER):
        return "touched"
    return "named" if named and isinstance(job.output, EntityDocument) else "all"


def _switch(job: Job, asked: Period, parts: Sequence[Part], replace: str) -> Switch:
    own = [part for part in parts if (part.statistic, part.stats_range) == (job.statistic, asked.stats_range)]
    return Switch(job.statistic, asked.stats_range, asked.from_ts, asked.to_ts, sum(p.rows for p in own), replace)


def _inlined(parts: list[Part], limit: int, home: str, run_id: UUID) -> list[Part]:
    """The parts as rows in the message, and no files, when all of them are small; else the parts as they are."""
    if sum(part.bytes for part in parts) > limit:
        return parts
    rows: dict[tuple[str, str, str], list[list[Any]]] = {}
    for part in parts:
        read = result_files.rows(str(part.path), COLUMNS[part.kind])
        rows.setdefault((part.kind, part.statistic, part.stats_range), []).extend(list(row) for row in read)
    inline = [_inline_part(*what, sorted(found)) for what, found in rows.items()]
    if sum(part.bytes for part in inline) > limit:
        return parts
    result_files.remove_parts(home, run_id, (EVERYBODY, TOUCHED))
    return inline


def _inline_part(kind: str, statistic: str, stats_range: str, rows: list[list[Any]]) -> Part:
    size, sha256 = inline_digest(rows)
    return Part(kind, statistic, stats_range, len(rows), None, size, sha256, rows)
