"""Computes what a run asks for and writes it as files: of everybody, or of who was touched. Spark side.

The path of a run: shared inputs (jobs/frames.py), lists (jobs/run_lists.py), documents (jobs/run_documents.py), files.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from jobs import everybody, result_files
from jobs.engines.plays import Moment
from jobs.frames import Frames
from jobs.inputs import VALUES
from jobs.job import PER_USER, Job, Ranked, kind_of_rows
from jobs.lake import landing_of, row_count
from jobs.messages import COLUMNS
from jobs.run_applied import applied
from jobs.run_documents import documents
from jobs.run_lists import Listing, families, family_of, with_sources
from jobs.save_lists import save_lists
from jobs.served_run import ServedRun
from jobs.touched import Version
from jobs.written_parts import EVERYBODY, TOUCHED

MOST_CONTINUED = 0.5
"""Share of users. A day that touched 65 % of 5,000 took 677 s continued and 498 s anew, one that touched 89 % of 500
took 134 s and 96 s (docs/performance.md)."""
CONTINUED_BELOW = 100_000
"""Listens; of fewer it is the results not written again that count, not the listens not read."""
_LISTS = "statistic string, stats_range int, key bigint, ids array<bigint>, counts array<int>"
"""Of written lists, what documents are made from."""


def inputs_read(jobs: Iterable[Job]) -> list[str]:
    """The inputs the run will ask for, once per statement: jobs of a family share theirs."""
    texts = {(job.run, job.inputs): isinstance(job.output, Ranked) for job in with_sources(jobs)}
    shared = ["user_track" for ranked in texts.values() if ranked]
    return [*shared, *(name for _, inputs in texts for name in inputs)]


@dataclass(frozen=True)
class Task:
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
        self,
        reads: Iterable[Job],
        given: Mapping[str, DataFrame] | None = None,
        at: Version | None = None,
        *,
        small: bool | None = None,
    ) -> Frames:
        """Frames for these jobs; `given`, `small`: as Frames has them."""
        landing, moment = (at or self.version).landing, (at or self.version).moment
        return Frames(self.spark, self.lake, landing, moment, VALUES, inputs_read(reads), given, small=small)

    def users(self, user_ids: Sequence[int]) -> DataFrame:
        """One row per user."""
        return self.spark.createDataFrame([(user_id,) for user_id in user_ids], "user_id int")


def everything(task: Task) -> None:
    """Of all users, and what everybody says together kept for the run that continues this one."""
    with closing(task.frames(task.jobs)) as frames:
        _write_and_keep(task, frames, task.jobs)


def _write_and_keep(task: Task, frames: Frames, jobs: Sequence[Job]) -> None:
    task.progress("putting items in order")
    made, sources = families(frames, jobs), with_sources(task.others)
    keeps = row_count(task.spark, task.lake, task.version.landing, "listens") >= everybody.KEPT_FROM
    if keeps:
        task.progress("adding up")
        everybody.keep_inputs(frames, sources, task.folder)
    _write_all(frames, made, jobs, f"{task.folder}/{EVERYBODY}", task.progress)
    if keeps:
        task.progress("keeping sums")
        everybody.keep_lists(made, sources, task.folder)


def is_dearer(task: Task, touched: int) -> bool:
    """Whether to continue costs more than everything anew: of so many users the listens would be read twice."""
    landing = task.version.landing
    # The users first: their log is short, and most changes touch few of them.
    if touched <= row_count(task.spark, task.lake, landing, "users") * MOST_CONTINUED:
        return False
    return row_count(task.spark, task.lake, landing, "listens") >= CONTINUED_BELOW


def continue_run(task: Task, base: ServedRun, touched: list[int]) -> bool:
    """Whether of entities there are only those that changed."""
    base_folder = result_files.run_folder(task.lake, base.run_id)
    before = landing_of(task.spark, task.lake, base.data_version)
    users = row_count(task.spark, task.lake, task.version.landing, "users")
    if before is None or not everybody.is_kept(base_folder) or len(touched) > users * everybody.MOST_TOUCHED:
        _continued(task, touched)
        return False
    then = Version(before, Moment(base.newest_listen_ts, task.version.moment.ranges))
    _from_sums(task, then, base_folder, touched)
    return True


def _continued(task: Task, touched: list[int]) -> None:
    """The users' own results for those touched, the others from the listens of everybody."""
    with closing(task.frames(task.others)) as frames:
        _write_and_keep(task, frames, task.others)
        if not touched:
            return
        subjects = frames.keep(_only(frames.named("subjects"), task.users(touched)))
        with closing(task.frames(task.own, {"subjects": subjects})) as theirs:
            _write_all(theirs, families(theirs, task.own), task.own, f"{task.folder}/{TOUCHED}", task.progress)


def _from_sums(task: Task, then: Version, base_folder: str, touched: list[int]) -> None:
    """As above, but the others from what everybody said at the base, and what the touched said then and say now."""
    users, sources = task.users(touched), with_sources(task.others)
    folders = (base_folder, task.folder)
    with closing(task.frames(task.jobs, at=then)) as before_all, closing(task.frames(task.jobs)) as now_all:
        subjects = [frames.keep(_only(frames.named("subjects"), users)) for frames in (before_all, now_all)]
        before_frames = task.frames(task.jobs, {"subjects": subjects[0]}, then)
        now_frames = task.frames(task.jobs, {"subjects": subjects[1]})
        with closing(before_frames) as before, closing(now_frames) as now:
            task.progress("putting items in order")
            made = families(now, task.jobs)
            _write_all(now, made, task.own, f"{task.folder}/{TOUCHED}", task.progress)
            task.progress("adding up")
            sums = {
                shared.name: everybody.continued_sums(shared, before, now, folders)
                for shared in everybody.sums_of(sources)
            }
            given = {name: one.rows for name, one in sums.items()}
            changed = {name: one.changed for name, one in sums.items() if one.changed is not None}
            standing = everybody.standing_families(now, sources, (families(before, task.jobs), made), folders)
            # Only documents read these frames: to count what is small would read everybody's listens.
            with closing(task.frames(task.others, given, small=True)) as frames:
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
    save_lists(frames, made, lists, folder, None if chosen is None else chosen.sort("key").toArrow())
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
        return family.documented(family.ranking(job).lists())
    if not result_files.parquet_files(f"{folder}/list"):
        return family.documented(frames.none(_LISTS).drop("statistic"))
    written = frames.read(f"{folder}/list", _LISTS).where(F.col("statistic") == job.statistic)
    return family.documented(written.drop("statistic"))


def _save(frames: Sequence[DataFrame], kind: str, folder: str) -> None:
    if not frames:
        return
    by = ("statistic", "stats_range")
    rows = reduce(DataFrame.unionByName, (frame.select(*by, *COLUMNS[kind]) for frame in frames))
    rows.sortWithinPartitions(*by, COLUMNS[kind][0]).write.partitionBy(*by).parquet(f"{folder}/{kind}")
