"""Lists of a run, ranked and written by the same tasks. Spark side of jobs/list_files.py."""

from collections.abc import Iterator, Sequence
from functools import reduce

import pyarrow as pa
from pyspark import Broadcast, TaskContext
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.engines.int_order import columns_of
from jobs.engines.rank_lists import rank
from jobs.engines.shown_items import PLAYED, ShownItems, played_of
from jobs.frames import Frames
from jobs.job import Job, PerUser
from jobs.list_files import WRITTEN, write_lists
from jobs.run_lists import Family, Listing, Ranking, family_of, played

_WRITTEN = from_arrow_schema(WRITTEN)


def save_lists(
    frames: Frames, made: Sequence[Listing], jobs: Sequence[Job], folder: str, applied: pa.Table | None
) -> None:
    """Write the lists of these jobs; those of users in one pass over what was played. `applied`: as write_lists.

    Those of everybody are each ranked as a whole, so one after the other: of ten million listens that takes 1.4 GB.
    """
    own = [job for job in jobs if isinstance(job.output, PerUser)]
    others = [_saved(family_of(made, job).ranking(job), job.statistic, folder) for job in jobs if job not in own]
    saved = [reduce(DataFrame.unionByName, others).coalesce(1)] if others else []
    if own:
        items = [(job.statistic, _items_of(made, job)) for job in own]
        saved.append(_saved_of_users(frames, items, folder, applied))
    if saved:
        reduce(DataFrame.unionByName, saved).collect()


def _items_of(made: Sequence[Listing], job: Job) -> "Broadcast[ShownItems]":
    family = family_of(made, job)
    assert isinstance(family, Family)
    return family.items


def _saved_of_users(
    frames: Frames, items: "Sequence[tuple[str, Broadcast[ShownItems]]]", folder: str, applied: pa.Table | None
) -> DataFrame:
    def saved(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        part = _part()
        rows = played_of(columns_of(batches, PLAYED))
        for statistic, shown in items:
            yield from write_lists(rank(shown.value.columns(rows)), statistic, folder, part, applied)

    return played(frames).mapInArrow(saved, _WRITTEN)


def _saved(ranking: Ranking, statistic: str, folder: str) -> DataFrame:
    rank_rows = ranking.rank  # tasks take no frames along

    def saved(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return write_lists(rank_rows(batches), statistic, folder, _part(), None)

    return ranking.rows.mapInArrow(saved, _WRITTEN)


def _part() -> int:
    context = TaskContext.get()
    assert context is not None
    return context.partitionId()
