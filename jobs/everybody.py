"""What everybody says together, kept from run to run. Spark side.

A sitewide statistic is made of sums over users. A large run keeps them beside its results (results/RUN_ID/state); the
run that continues it takes away what the touched users said at the base's data version and T, and adds what they say
now. So it costs what changed, and reading the sums: nothing of the other users' listens is read.

What is kept is layers: the files of the base, copied as they are, and one more of what differs. Rows of the same item
add up (to nothing: nobody says it any more), and who reads them adds them. Every MOST_LAYERS runs all become one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from jobs import result_files, standing_lists
from jobs.frames import Frames
from jobs.inputs import INPUTS
from jobs.job import Job, Ranked
from jobs.order_key import ORDER_KEY
from jobs.result_files import STATE
from jobs.run_lists import Family, Ranking, documented, family_of, with_documents
from jobs.shared_input import Input
from jobs.standing_lists import KEPT, SUMS

KEPT_FROM = 2_000_000
"""Listens; of a smaller lake everything is counted anew in the time that keeping sums takes (docs/performance.md)."""
MOST_TOUCHED = 0.3
"""Share of users; their listens are read twice: of more of them it is shorter to read everybody's once."""
MOST_LAYERS = 24
"""Files of one kept thing; the next run makes one layer of them."""


def sums_of(jobs: Iterable[Job]) -> list[Input]:
    """The kept inputs that these jobs read."""
    names = dict.fromkeys(name for job in jobs for name in job.inputs)
    return [INPUTS[name] for name in names if name in INPUTS and INPUTS[name].sums]


def is_kept(folder: str) -> bool:
    """Whether the run of this folder has kept its sums."""
    return bool(result_files.parquet_files(f"{folder}/{STATE}"))


def keep_inputs(frames: Frames, jobs: Sequence[Job], folder: str) -> None:
    """Keep the sums of a run of everything that are inputs; it reads them itself from then on."""
    for shared in sums_of(jobs):
        path = f"{folder}/{STATE}/{shared.name}"
        frames.named(shared.name).write.parquet(path)
        frames.give(shared.name, frames.read(path))


def keep_lists(made: Sequence[Family], jobs: Sequence[Job], folder: str) -> None:
    """Keep the sums of a run of everything that lists are made of."""
    for job in _lists(jobs):
        family = family_of(made, job)
        family.capped.select(*KEPT).write.parquet(f"{folder}/{STATE}/lists/{job.statistic}")
        family.structs.write.parquet(f"{folder}/{STATE}/structs/{job.statistic}")


@dataclass(frozen=True)
class Continued:
    """A kept input, continued."""

    rows: DataFrame
    """As it is now, of everybody; of one of users only what the touched said or say something about."""
    changed: DataFrame | None
    """Of one of users: the (mbid, slot) of which there may be other rows than there were."""


def continued_sums(shared: Input, before: Frames, now: Frames, folders: tuple[str, str]) -> Continued:
    """Continue a kept input, in the second folder.

    `folders`: of the base, of this run. `before` and `now` are of the touched users, at the base and now.
    """
    taken, added = before.named(shared.name), now.named(shared.name)
    paths = _paths(folders, shared.name)
    _continue(now, paths, _difference(now, taken, added, shared.sums), shared.sums)
    rows = now.read(paths[1])
    if not shared.of_users:
        return Continued(_added_up(rows, shared.sums), None)
    changed = now.keep(taken.unionByName(added).select("mbid", "slot").distinct())
    rows = rows.join(F.broadcast(changed), ["mbid", "slot"], "left_semi")
    return Continued(_added_up(rows, shared.sums), changed)


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
        self._now = now
        sums, structs = _paths(folders, f"lists/{job.statistic}"), _paths(folders, f"structs/{job.statistic}")
        self._sums, self._structs = sums[1], structs[1]
        self._differs = _difference(now, before.capped.select(*KEPT), after.capped.select(*KEPT), SUMS)
        _continue(now, sums, self._differs, SUMS)
        self._continue_structs(structs, after.structs)

    def makes(self, job: Job) -> bool:
        """As Listing."""
        return job is self._job

    def ranking(self, _job: Job) -> Ranking:
        """As Listing. One task reads the files whole: Spark would join, shuffle and hand over every row of them."""
        paths = [result_files.parquet_files(folder) for folder in (self._sums, self._structs)]

        def listed(_: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return standing_lists.ranked(*paths)

        return Ranking(self._now.one_row(), listed)

    @property
    def entities(self) -> DataFrame:
        """The structs of items of which something else is said: all others are as they were stored."""
        changed = self._differs.select("group_hash").distinct()
        ids = self._now.read(self._sums).join(F.broadcast(changed), "group_hash", "left_semi").select("id").distinct()
        return with_documents(self._now.read(self._structs).join(F.broadcast(ids), "id", "left_semi"), self._struct)

    def documented(self, lists: DataFrame) -> dict[str, DataFrame]:
        """As Listing."""
        return documented(lists, self._now.read(self._structs).drop(ORDER_KEY))

    def _continue_structs(self, paths: tuple[str, str], said: DataFrame) -> None:
        """Those of items that nobody names any more stay until the layers become one: they do no harm."""
        base = self._now.read(paths[0])
        known = base.select("id").join(F.broadcast(said.select("id")), "id", "left_semi")
        new = said.join(F.broadcast(known), "id", "left_anti")
        if _is_full(paths[0]):
            used = self._now.read(self._sums).select("id").distinct()
            base.unionByName(new).join(used, "id", "left_semi").write.parquet(paths[1])
        else:
            _add_layer(paths, new)


def standing_families(
    now: Frames, jobs: Sequence[Job], made: tuple[Sequence[Family], Sequence[Family]], folders: tuple[str, str]
) -> list[StandingFamily]:
    """One for every sitewide list among the jobs. `made`: the families of the touched, at the base and now."""
    return [
        StandingFamily(now, job, (family_of(made[0], job), family_of(made[1], job)), folders) for job in _lists(jobs)
    ]


def _lists(jobs: Iterable[Job]) -> list[Job]:
    return [job for job in jobs if isinstance(job.output, Ranked)]


def _paths(folders: tuple[str, str], name: str) -> tuple[str, str]:
    base, mine = (f"{folder}/{STATE}/{name}" for folder in folders)
    return base, mine


def _difference(now: Frames, taken: DataFrame, added: DataFrame, sums: Sequence[str]) -> DataFrame:
    """What is said now and was not, less what was and is not any more."""
    minus = taken.select(*((-F.col(name)).alias(name) if name in sums else F.col(name) for name in taken.columns))
    return now.keep(_added_up(added.unionByName(minus), sums))


def _added_up(rows: DataFrame, sums: Sequence[str]) -> DataFrame:
    """One row per item, without those of which nothing is left."""
    by = [name for name in rows.columns if name not in sums]
    totals = rows.groupBy(*by).agg(*(F.sum(name).alias(name) for name in sums))
    return totals.where(reduce(lambda some, name: some | (F.col(name) != 0), sums[1:], F.col(sums[0]) != 0))


def _continue(now: Frames, paths: tuple[str, str], differs: DataFrame, sums: Sequence[str]) -> None:
    """What is kept now, in the second folder."""
    if _is_full(paths[0]):
        _added_up(now.read(paths[0]).unionByName(differs), sums).write.parquet(paths[1])
    else:
        _add_layer(paths, differs)


def _is_full(folder: str) -> bool:
    return len(result_files.parquet_files(folder)) >= MOST_LAYERS


def _add_layer(paths: tuple[str, str], rows: DataFrame) -> None:
    result_files.copy_folder(*paths)
    rows.coalesce(1).write.mode("append").parquet(paths[1])
