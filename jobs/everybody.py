"""What everybody says together, kept from run to run. Spark side.

A sitewide statistic is made of sums over users. A large run keeps them beside its results (results/RUN_ID/state); the
run that continues it takes away what the touched users said at the base's data version and T, and adds what they say
now. So it costs what changed, and reading and writing the sums: nothing of the other users' listens is read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from jobs import result_files
from jobs.engines.rank_lists import INPUT, SOURCES
from jobs.frames import Frames
from jobs.inputs import INPUTS
from jobs.job import Job, Ranked
from jobs.result_files import STATE
from jobs.run_lists import Family, documented, family_of, in_order, ranked, with_documents
from jobs.shared_input import Input

KEPT_FROM = 2_000_000
"""Listens; of a smaller lake everything is counted anew in the time that keeping sums takes (docs/performance.md)."""
MOST_TOUCHED = 0.3
"""Share of users; their listens are read twice: of more of them it is shorter to read everybody's once."""
_SUMS = ("listen_count", "spelling_count", *SOURCES)
_KEPT = tuple(name for name in INPUT if name not in {"key", "place"})


def sums_of(jobs: Iterable[Job]) -> list[Input]:
    """The kept inputs that these jobs read."""
    names = dict.fromkeys(name for job in jobs for name in job.inputs)
    return [INPUTS[name] for name in names if name in INPUTS and INPUTS[name].sums]


def is_kept(folder: str) -> bool:
    """Whether the run of this folder has kept its sums."""
    return bool(result_files.parquet_files(f"{folder}/{STATE}"))


def keep_all(frames: Frames, made: Sequence[Family], jobs: Sequence[Job], folder: str) -> None:
    """Keep the sums of a run of everything."""
    for shared in sums_of(jobs):
        _write(frames.named(shared.name), folder, shared.name)
    for job in _lists(jobs):
        family = family_of(made, job)
        _write(family.capped.select(*_KEPT), folder, "lists", job.statistic)
        _write(family.structs.drop("place"), folder, "structs", job.statistic)


@dataclass(frozen=True)
class Continued:
    """A kept input, continued."""

    rows: DataFrame
    """As it is now, of everybody; of one of users only what the touched said or say something about."""
    changed: DataFrame | None
    """Of one of users: the (mbid, slot) of which there may be other rows than there were."""


def continued_sums(
    shared: Input, before: Frames, now: Frames, touched: DataFrame, folders: tuple[str, str]
) -> Continued:
    """Continue a kept input, and write what it is now to the second folder.

    `touched`: user_id; `folders`: of the base, of this run. Before it are the same users at the base.
    """
    kept, taken, added = (
        now.read(f"{folders[0]}/{STATE}/{shared.name}"),
        before.named(shared.name),
        now.named(shared.name),
    )
    if not shared.of_users:
        _write(_added_up(kept, added, taken, shared.sums), folders[1], shared.name)
        return Continued(now.read(f"{folders[1]}/{STATE}/{shared.name}"), None)
    _write(kept.join(F.broadcast(touched), "user_id", "left_anti").unionByName(added), folders[1], shared.name)
    changed = now.keep(taken.unionByName(added).select("mbid", "slot").distinct())
    rows = now.read(f"{folders[1]}/{STATE}/{shared.name}").join(F.broadcast(changed), ["mbid", "slot"], "left_semi")
    return Continued(rows, changed)


def with_gone(documents: DataFrame, changed: DataFrame) -> DataFrame:
    """Documents of entities, and a row without document for what was changed and has none now."""
    keys = changed.select(F.col("slot").cast("int").alias("stats_range"), F.col("mbid").alias("entity"))
    return keys.join(documents, ["stats_range", "entity"], "left")


class StandingFamily:
    """The sitewide list of a family, from kept sums. In place of a Family where that would read every listen."""

    def __init__(self, now: Frames, job: Job, families: tuple[Family, Family], folders: tuple[str, str]) -> None:
        """`families`: of the touched users alone, at the base and now; `folders`: of the base, of this run."""
        before, after = families
        assert isinstance(job.output, Ranked)
        self.jobs: tuple[Job, ...] = (job,)
        self._job = job
        self._struct = job.output.struct
        self._now, self._folder, self._statistic = now, folders[1], job.statistic
        taken, added = before.capped.select(*_KEPT), after.capped.select(*_KEPT)
        kept = now.read(f"{folders[0]}/{STATE}/lists/{job.statistic}")
        _write(_added_up(kept, added, taken, _SUMS), folders[1], "lists", job.statistic)
        known = now.read(f"{folders[0]}/{STATE}/structs/{job.statistic}").unionByName(after.structs.drop("place"))
        used = self._sums.select("id").distinct()
        _write(known.dropDuplicates(["id"]).join(used, "id", "left_semi"), folders[1], "structs", job.statistic)
        self._changed = now.keep(taken.unionByName(added).select("group_hash").distinct())

    def makes(self, job: Job) -> bool:
        """As Listing."""
        return job is self._job

    def lists(self, _job: Job) -> DataFrame:
        """As Listing."""
        placed = self._sums.join(self.structs.select("id", "place"), "id").withColumn("key", F.lit(0).cast("bigint"))
        return ranked(placed.select(*INPUT).repartition(1))

    @property
    def entities(self) -> DataFrame:
        """The structs of items that the touched played or have played: all others are as they were stored."""
        ids = self._sums.join(F.broadcast(self._changed), "group_hash", "left_semi").select("id").distinct()
        return with_documents(self.structs.join(ids, "id", "left_semi"), self._struct)

    def documented(self, lists: DataFrame) -> dict[str, DataFrame]:
        """As Listing."""
        return documented(lists, self.structs)

    @property
    def _sums(self) -> DataFrame:
        return self._now.read(f"{self._folder}/{STATE}/lists/{self._statistic}")

    @cached_property
    def structs(self) -> DataFrame:
        """As Listing."""
        found = self._now.read(f"{self._folder}/{STATE}/structs/{self._statistic}")
        return self._now.keep(in_order(found, [column.name for column in self._struct]))


def standing_families(
    now: Frames, jobs: Sequence[Job], made: tuple[Sequence[Family], Sequence[Family]], folders: tuple[str, str]
) -> list[StandingFamily]:
    """One for every sitewide list among the jobs. `made`: the families of the touched, at the base and now."""
    return [
        StandingFamily(now, job, (family_of(made[0], job), family_of(made[1], job)), folders) for job in _lists(jobs)
    ]


def _lists(jobs: Iterable[Job]) -> list[Job]:
    return [job for job in jobs if isinstance(job.output, Ranked)]


def _added_up(kept: DataFrame, added: DataFrame, taken: DataFrame, sums: Sequence[str]) -> DataFrame:
    minus = taken.select(*((-F.col(name)).alias(name) if name in sums else F.col(name) for name in taken.columns))
    rows = reduce(DataFrame.unionByName, (minus, added), kept)
    by = [name for name in kept.columns if name not in sums]
    totals = rows.groupBy(*by).agg(*(F.sum(name).alias(name) for name in sums))
    return totals.where(reduce(lambda some, name: some | (F.col(name) != 0), sums[1:], F.col(sums[0]) != 0))


def _write(rows: DataFrame, folder: str, *path: str) -> None:
    rows.write.parquet("/".join((folder, STATE, *path)))
