"""Statistics that are ordered lists, on Spark: what a job says of identities, joined with what was played, ranked.

Strings stay out of the large join: a display struct is its id (a hash) and its place in the order of all structs.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from jobs.engines.rank_lists import INPUT, OUTPUT, SOURCES, cap, rank
from jobs.frames import Frames
from jobs.job import Job, PerUser, Ranked, Sitewide

_INPUT_SCHEMA = ", ".join(f"{name} bigint" for name in INPUT)
_OUTPUT_SCHEMA = (
    "stats_range int, key bigint, ids array<bigint>, counts array<int>, previous_ranks array<int>, "
    "previous_counts array<int>, gone_ids array<bigint>, gone_counts array<int>, seconds array<int>, "
    "by_time array<int>, time_by_source array<bigint>"
)
_OF_EVERYBODY = "SELECT c.* FROM {counted} c LEFT ANTI JOIN {subjects} s ON s.key = c.key AND s.filtered"
"""Sitewide, nobody's own settings count: of a user who has some, the key without them."""


class Family:
    """The jobs that count the same items: one text, one group, one struct. Frames are made when asked for."""

    def __init__(self, frames: Frames, jobs: Sequence[Job]) -> None:
        self._frames = frames
        self.jobs = tuple(jobs)
        self._run, self._inputs = jobs[0].run, jobs[0].inputs
        output = jobs[0].output
        assert isinstance(output, Ranked)
        self._output = output

    def lists(self, job: Job) -> DataFrame:
        """The rows of `result_list` of one job, all ranges: jobs/engines/rank_lists.py OUTPUT."""
        width = self._frames.width
        if isinstance(job.output, PerUser):
            return _ranked(self._counted.repartition(width, "key"))
        assert isinstance(job.output, Sitewide)
        counted = self._frames.sql(_OF_EVERYBODY, ("subjects",), counted=self._counted)
        capped = counted.repartition(width, "key").mapInArrow(_cap, _INPUT_SCHEMA)
        return _ranked(capped.repartition(1))

    @cached_property
    def entities(self) -> DataFrame:
        """One row per display struct: id bigint, doc string."""
        return self._structs.select("id", "doc")

    @cached_property
    def _items(self) -> DataFrame:
        struct = F.struct(*(F.col(column.name).cast(column.type).alias(column.name) for column in self._output.struct))
        document = F.to_json(struct, {"ignoreNullFields": "false"})
        group = F.xxhash64(*(F.coalesce(F.col(name).cast("string"), F.lit("\0")) for name in self._output.group))
        items = self._frames.sql(self._run, self._inputs).withColumn("doc", document)
        items = items.withColumn("id", F.xxhash64("doc")).withColumn("group_hash", group)
        return self._frames.keep(items)

    @cached_property
    def _structs(self) -> DataFrame:
        """One sorted partition: `place` follows the total order, and the same rows always have the same places."""
        columns = [column.name for column in self._output.struct]
        one_each = self._items.select("id", "doc", *columns).dropDuplicates(["id"]).repartition(1)
        return self._frames.keep(
            one_each.sortWithinPartitions(*columns).withColumn("place", F.monotonically_increasing_id())
        )

    @cached_property
    def _counted(self) -> DataFrame:
        placed = self._items.select("identity_id", "group_hash", "id").distinct()
        placed = placed.join(self._structs.select("id", "place"), "id")
        played = self._frames.named("user_track")
        joined = played.join(placed, "identity_id").withColumn("spelling_count", F.col("listen_count"))
        counted = joined.select(*(F.col(name).cast("bigint").alias(name) for name in INPUT))
        return self._frames.keep(counted) if len(self.jobs) > 1 else counted


def families(frames: Frames, jobs: Iterable[Job]) -> list[Family]:
    """The list jobs among these, those that count the same items together."""
    found: dict[tuple[object, ...], list[Job]] = {}
    for job in jobs:
        if isinstance(job.output, Ranked):
            found.setdefault((job.run, job.inputs, job.output.struct, job.output.group), []).append(job)
    return [Family(frames, together) for together in found.values()]


def _ranked(counted: DataFrame) -> DataFrame:
    return counted.mapInArrow(_rank, _OUTPUT_SCHEMA)


def _rank(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return rank(batches)


def _cap(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return cap(batches)


__all__ = ["OUTPUT", "SOURCES", "Family", "families"]
