"""Statistics that are ordered lists, on Spark: what a job says of identities, joined with what was played, ranked.

Strings stay out of the large join: a display struct is its id (a hash) and its place in the order of all structs.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Protocol, TypeVar

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.engines.rank_lists import INPUT, OUTPUT, cap, rank
from jobs.frames import Frames
from jobs.job import Column as Shown
from jobs.job import Job, PerUser, Ranked, Sitewide
from jobs.order_key import ORDER_KEY, order_key

_INPUT_SCHEMA = ", ".join(f"{name} bigint" for name in INPUT)
LISTED = from_arrow_schema(OUTPUT)
"""Rows of `result_list`, as Spark's schema."""
_OF_EVERYBODY = "SELECT c.* FROM {counted} c LEFT ANTI JOIN {subjects} s ON s.key = c.key AND s.filtered"
"""Sitewide, nobody's own settings count: of a user who has some, the key without them."""


class Listing(Protocol):
    """What makes lists of one struct."""

    jobs: tuple[Job, ...]
    """Those whose lists are wanted themselves."""

    def makes(self, job: Job) -> bool:
        """Whether it makes the lists of this job."""

    def lists(self, job: Job) -> DataFrame:
        """The rows of `result_list` of one job, all ranges: jobs/engines/rank_lists.py OUTPUT."""

    @property
    def entities(self) -> DataFrame:
        """One row per display struct that may not be stored yet: id bigint, doc string."""

    def documented(self, lists: DataFrame) -> dict[str, DataFrame]:
        """What documents are made from (Job.made_from). `lists`: stats_range, key, ids, counts."""


Made = TypeVar("Made", bound=Listing)


class Family:
    """The jobs that count the same items: one text, one group, one struct. Frames are made when asked for."""

    def __init__(self, frames: Frames, jobs: Sequence[Job], asked: Collection[str]) -> None:
        """`asked`: the statistics whose lists are wanted themselves; documents are made from those of the others."""
        self._frames = frames
        self._uses = len(jobs)
        self.jobs = tuple(job for job in jobs if job.statistic in asked)
        self._counts = _counted_alike(jobs[0])
        self._run, self._inputs = jobs[0].run, jobs[0].inputs
        output = jobs[0].output
        assert isinstance(output, Ranked)
        self._output = output

    def makes(self, job: Job) -> bool:
        """As Listing."""
        return self._counts == _counted_alike(job)

    def lists(self, job: Job) -> DataFrame:
        """As Listing."""
        if isinstance(job.output, PerUser):
            return ranked(self._counted.repartition(self._frames.width, "key"))
        assert isinstance(job.output, Sitewide)
        return ranked(self.capped.repartition(1))

    @cached_property
    def capped(self) -> DataFrame:
        """What the users say together: rows of `cap` (jobs/engines/rank_lists.py), to be added up."""
        counted = self._frames.sql(_OF_EVERYBODY, ("subjects",), counted=self._counted)
        return self._frames.keep(counted.repartition(self._frames.width, "key").mapInArrow(_cap, _INPUT_SCHEMA))

    @cached_property
    def entities(self) -> DataFrame:
        """As Listing: all of them."""
        return with_documents(self.structs, self._output.struct)

    def documented(self, lists: DataFrame) -> dict[str, DataFrame]:
        """As Listing."""
        return documented(lists, self.structs)

    @cached_property
    def _items(self) -> DataFrame:
        group = F.xxhash64(*(F.coalesce(F.col(name).cast("string"), F.lit("\0")) for name in self._output.group))
        hashed = F.xxhash64(_document(self._output.struct))
        items = self._frames.sql(self._run, self._inputs).withColumn("id", hashed).withColumn("group_hash", group)
        return self._frames.keep(items)

    @cached_property
    def structs(self) -> DataFrame:
        """One row per display struct: id, the struct's columns, what it is grouped by, its order key and its place."""
        columns = [column.name for column in self._output.struct]
        folded = [name for name in self._output.group if name not in columns]
        one_each = self._items.select("id", *columns, *folded).dropDuplicates(["id"])
        return self._frames.keep(in_order(one_each, columns))

    @cached_property
    def _counted(self) -> DataFrame:
        placed = self._items.select("identity_id", "group_hash", "id").distinct()
        placed = placed.join(self.structs.select("id", "place"), "id")
        played = self._frames.named("user_track")
        joined = played.join(placed, "identity_id").withColumn("spelling_count", F.col("listen_count"))
        counted = joined.select(*(F.col(name).cast("bigint").alias(name) for name in INPUT))
        return self._frames.keep(counted) if self._uses > 1 else counted


def families(frames: Frames, jobs: Iterable[Job]) -> list[Family]:
    """The list jobs among these, and those that documents among these are made from; together what counts the same."""
    jobs = list(jobs)
    asked = [job.statistic for job in jobs]
    found: dict[tuple[object, ...], list[Job]] = {}
    for job in with_sources(jobs):
        if isinstance(job.output, Ranked):
            found.setdefault(_counted_alike(job), []).append(job)
    return [Family(frames, together, asked) for together in found.values()]


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


def _counted_alike(job: Job) -> tuple[object, ...]:
    assert isinstance(job.output, Ranked)
    return job.run, job.inputs, job.output.struct, job.output.group


def with_documents(structs: DataFrame, struct: Sequence[Shown]) -> DataFrame:
    """id bigint, doc string of display structs. Made again where they are stored: their text is large to carry."""
    return structs.select("id", _document(struct).alias("doc"))


def _document(struct: Sequence[Shown]) -> Column:
    """The text of a display struct, of rows with its columns."""
    shown = F.struct(*(F.col(column.name).cast(column.type).alias(column.name) for column in struct))
    return F.to_json(shown, {"ignoreNullFields": "false"})


def in_order(structs: DataFrame, columns: Sequence[str]) -> DataFrame:
    """One sorted partition: `place` follows the total order, and the same rows always have the same places."""
    keyed = structs.withColumn(ORDER_KEY, order_key(structs, columns))
    return keyed.repartition(1).sortWithinPartitions(ORDER_KEY).withColumn("place", F.monotonically_increasing_id())


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
    return {"listed": listed, "shown": structs.drop("place", ORDER_KEY)}


def ranked(counted: DataFrame) -> DataFrame:
    """Ordered lists of rows of jobs/engines/rank_lists.py INPUT; all rows of a key are in one partition."""
    return counted.mapInArrow(_rank, LISTED)


def _rank(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return rank(batches)


def _cap(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return cap(batches)
