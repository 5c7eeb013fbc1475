"""Statistics that are ordered lists, on Spark: what a job says of identities, joined with what was played, ranked.

Strings stay out of the large join: a display struct is its id (a hash) and its place in the order of all structs.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol, TypeVar

import pyarrow as pa
from pyspark import Broadcast
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.engines.int_order import Ints, columns_of
from jobs.engines.rank_lists import INPUT, OUTPUT, cap, rank, rank_apart
from jobs.engines.shown_items import PLAYED, ShownItems, played_of, shown_items
from jobs.frames import Frames
from jobs.job import Column as Shown
from jobs.job import Job, PerUser, Ranked, Sitewide
from jobs.order_key import ORDER_KEY, order_key

_INPUT_SCHEMA = ", ".join(f"{name} bigint" for name in INPUT)
LISTED = from_arrow_schema(OUTPUT)
"""Rows of `result_list`, as Spark's schema."""
_OF_EVERYBODY = """
SELECT /*+ BROADCAST(s) */ p.* FROM {played} p LEFT ANTI JOIN {subjects} s ON s.key = p.key AND s.filtered
"""
"""Sitewide, nobody's own settings count: of a user who has some, the key without them. Nothing of p is shuffled."""


class Listing(Protocol):
    """What makes lists of one struct."""

    jobs: tuple[Job, ...]
    """Those whose lists are wanted themselves."""

    def makes(self, job: Job) -> bool:
        """Whether it makes the lists of this job."""

    def ranking(self, job: Job) -> "Ranking":
        """What makes the lists of one job."""

    @property
    def entities(self) -> DataFrame:
        """One row per display struct that may not be stored yet: id bigint, doc string."""

    def documented(self, lists: DataFrame) -> dict[str, DataFrame]:
        """What documents are made from (Job.made_from). `lists`: stats_range, key, ids, counts."""


@dataclass(frozen=True)
class Ranking:
    """Rows, and what one task makes of a partition of them."""

    rows: DataFrame
    rank: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
    """To jobs/engines/rank_lists.py OUTPUT: one batch for each range."""

    def lists(self) -> DataFrame:
        """The rows of `result_list` of all ranges."""
        return self.rows.mapInArrow(self.rank, LISTED)


Made = TypeVar("Made", bound=Listing)


@dataclass(frozen=True)
class Arranged:
    """The items that jobs count, as they are shown and as they are ranked."""

    structs: DataFrame
    """One row per display struct: id, the struct's columns, what it is grouped by, and its order key."""
    items: "Broadcast[ShownItems]"
    """What identities count for, for every task that ranks: all of it is ints."""


class Family:
    """The jobs that count the same items: one text, one group, one struct."""

    def __init__(self, frames: Frames, jobs: Sequence[Job], asked: Collection[str], arranged: Arranged) -> None:
        """`asked`: the statistics whose lists are wanted themselves; documents are made from those of the others."""
        self._frames = frames
        self.jobs = tuple(job for job in jobs if job.statistic in asked)
        self._counts = _counted_alike(jobs[0])
        self._struct = _ranked(jobs[0]).struct
        self.structs, self.items = arranged.structs, arranged.items

    def makes(self, job: Job) -> bool:
        """As Listing."""
        return self._counts == _counted_alike(job)

    def ranking(self, job: Job) -> "Ranking":
        """As Listing."""
        if isinstance(job.output, PerUser):
            items = self.items
            return Ranking(played(self._frames), lambda rows: rank(_counted(rows, items)))
        assert isinstance(job.output, Sitewide)
        return Ranking(self.capped.repartition(1), _ranked_together)

    @cached_property
    def capped(self) -> DataFrame:
        """What the users say together: rows of `cap` (jobs/engines/rank_lists.py), to be added up."""
        items = self.items
        counted = self._frames.sql(_OF_EVERYBODY, ("subjects",), played=played(self._frames))

        def said(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return map(items.value.hashed, cap(_counted(rows, items)))

        return self._frames.keep(counted.mapInArrow(said, _INPUT_SCHEMA))

    @property
    def entities(self) -> DataFrame:
        """As Listing: all of them."""
        return with_documents(self.structs, self._struct)

    def documented(self, lists: DataFrame) -> dict[str, DataFrame]:
        """As Listing."""
        return documented(lists, self.structs)


def played(frames: Frames) -> DataFrame:
    """Rows of jobs/engines/shown_items.py PLAYED; all rows of a key are in one partition."""
    return frames.named("user_track").select(*(F.col(name).cast("bigint").alias(name) for name in PLAYED))


def families(frames: Frames, jobs: Iterable[Job]) -> list[Family]:
    """The list jobs among these, and those that documents among these are made from; together what counts the same."""
    jobs = list(jobs)
    asked = [job.statistic for job in jobs]
    found: dict[tuple[object, ...], list[Job]] = {}
    for job in with_sources(jobs):
        if isinstance(job.output, Ranked):
            found.setdefault(_counted_alike(job), []).append(job)
    return [
        Family(frames, together, asked, arranged)
        for together, arranged in zip(found.values(), _all_arranged(frames, list(found.values())), strict=True)
    ]


def _all_arranged(frames: Frames, alike: Sequence[Sequence[Job]]) -> list[Arranged]:
    """At once, and what was played with them: each has steps of a single task, which leave cores idle."""
    if not alike:
        return []
    for jobs in alike:
        for name in jobs[0].inputs:
            frames.named(name)
    played_too = partial(frames.named, "user_track")
    _, *made = frames.at_once([played_too, *(partial(_arranged, frames, jobs[0]) for jobs in alike)])
    return made


def _arranged(frames: Frames, job: Job) -> Arranged:
    rows = _items(frames, job)
    structs = frames.keep(_one_each(rows, _ranked(job)))
    in_order = structs.select("id", ORDER_KEY).repartition(1).sortWithinPartitions(ORDER_KEY).select("id")
    columns = rows.select("identity_id", "group_hash", "id").toArrow().columns
    identity_id, group_hash, item_id = (column.to_numpy() for column in columns)
    ids = in_order.toArrow()["id"].to_numpy()
    return Arranged(structs, frames.send(shown_items(identity_id, group_hash, item_id, ids)))


def _items(frames: Frames, job: Job) -> DataFrame:
    output = _ranked(job)
    group = F.xxhash64(*(F.coalesce(F.col(name).cast("string"), F.lit("\0")) for name in output.group))
    hashed = F.xxhash64(_document(output.struct))
    items = frames.sql(job.run, job.inputs).withColumn("id", hashed).withColumn("group_hash", group)
    return frames.keep(items.withColumn("identity_id", F.col("identity_id").cast("bigint")))


def _one_each(items: DataFrame, output: Ranked) -> DataFrame:
    """The least identity stands for all that are shown alike: to choose a row by its texts would sort them."""
    columns = [column.name for column in output.struct]
    folded = [name for name in output.group if name not in columns]
    least = items.groupBy("id").agg(F.min("identity_id").alias("identity_id"))
    one_each = items.join(least, ["id", "identity_id"], "left_semi").select("id", *columns, *folded)
    return one_each.withColumn(ORDER_KEY, order_key(one_each, columns))


def family_of(made: Iterable[Made], job: Job) -> Made:
    """The one that makes the lists of a job."""
    return next(family for family in made if family.makes(job))


def with_sources(jobs: Iterable[Job]) -> list[Job]:
    """The jobs, and the list jobs that documents among them are made from; each once."""
    found = {job.statistic: job for job in jobs}
    for job in list(found.values()):
        if job.made_from is not None:
            found.setdefault(job.made_from.statistic, job.made_from)
    return list(found.values())


def _ranked(job: Job) -> Ranked:
    assert isinstance(job.output, Ranked)
    return job.output


def _counted_alike(job: Job) -> tuple[object, ...]:
    output = _ranked(job)
    return job.run, job.inputs, output.struct, output.group


def with_documents(structs: DataFrame, struct: Sequence[Shown]) -> DataFrame:
    """id bigint, doc string of display structs. Made again where they are stored: their text is large to carry."""
    return structs.select("id", _document(struct).alias("doc"))


def _document(struct: Sequence[Shown]) -> Column:
    """The text of a display struct, of rows with its columns."""
    shown = F.struct(*(F.col(column.name).cast(column.type).alias(column.name) for column in struct))
    return F.to_json(shown, {"ignoreNullFields": "false"})


def documented(lists: DataFrame, structs: DataFrame) -> dict[str, DataFrame]:
    """Inputs of documents that are made from lists, by name (jobs/job.py Job.made_from)."""
    one = F.posexplode(F.arrays_zip("ids", "counts")).alias("before", "one")
    listed = lists.select("key", F.col("stats_range").alias("slot"), one).select(
        "key",
        "slot",
        (F.col("before") + 1).alias("place"),
        F.col("one.ids").alias("id"),
        F.col("one.counts").cast("bigint").alias("listen_count"),
    )
    return {"listed": listed, "shown": structs.drop(ORDER_KEY)}


def _ranked_together(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    received = list(batches)
    return rank_apart(pa.Table.from_batches(received)) if received else iter(())


def _counted(batches: Iterable[pa.RecordBatch], items: "Broadcast[ShownItems]") -> dict[str, Ints]:
    return items.value.columns(played_of(columns_of(batches, PLAYED)))
