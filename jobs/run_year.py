"""Sections of the year in music, on Spark: those asked for of one year, all from one pass over its listens.

Two sets of frames share their subjects: one over the listens of the year, which every section reads, and, for sections
that ask what was there before, one over the years before it. The shared inputs of the statistics are asked of these
listens, under the windows of the range `year`. Nothing is continued from an earlier run. Results are a function of
(data version, year).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import reduce
from uuid import UUID

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from conf.faults import fault_point
from conf.settings import Settings
from jobs import result_files
from jobs.computing import inputs_read
from jobs.engines.plays import Moment
from jobs.frames import Frames, uses
from jobs.inputs import VALUES
from jobs.job import Job
from jobs.lake import Landing, open_table
from jobs.messages import COLUMNS, Manifest, Switch
from jobs.ranges import FIRST_DAY, STATS_RANGES, epoch_of
from jobs.run_applied import applied
from jobs.run_lists import families, family_of
from jobs.runner import newest_listen
from jobs.served_run import computing_code
from jobs.written_parts import EVERYBODY, inlined, written_parts
from jobs.year_inputs import HISTORY
from jobs.years import days_of, range_of

LIKE = "year"
"""The range whose windows and units of time a year takes."""
_INSIDE = 1 << STATS_RANGES.index(LIKE)
_DAY = 86_400
"""No clock is as far from UTC."""


@dataclass(frozen=True)
class YearOrder:
    """What a request asks for, checked."""

    query: str
    jobs: Sequence[Job]
    """Sections of the year in music."""
    year: int


def run_year(
    spark: SparkSession,
    settings: Settings,
    ordered: YearOrder,
    landing: Landing,
    *,
    run_id: UUID,
    request_id: UUID | None,
    progress: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Compute the sections at the landing's data version. Of who has no listens in the year there are no rows."""
    newest, folder = newest_listen(landing, None), result_files.run_folder(settings.lake, run_id)
    asked = inputs_read(ordered.jobs)
    with ExitStack() as opened:
        made = _Framed(spark, settings.lake, landing, newest, ordered.year, opened)
        progress("computing the sections")
        _write(made.of_year(asked), ordered.jobs, ordered.year, folder)
    fault_point("year.written")
    progress("checking results")
    parts, days, stats_range = written_parts(folder), days_of(ordered.year), range_of(ordered.year)
    counts = {job.statistic: sum(p.rows for p in parts if p.statistic == job.statistic) for job in ordered.jobs}
    return Manifest(
        run_id=run_id,
        request_id=request_id,
        query=ordered.query,
        data_version=landing.landing_id,
        newest_listen_ts=newest,
        switches=[
            Switch(statistic, stats_range, days.from_ts, days.to_ts, rows, "all") for statistic, rows in counts.items()
        ],
        parts=inlined(parts, settings.result_inline_bytes, settings.lake, run_id),
        code=computing_code(),
        together=True,
    )


def stretches_of(year: int) -> tuple[tuple[int, int], ...]:
    """Of the wall clock, as Moment takes them: the year."""
    days = days_of(year)
    return (days.from_ts, _INSIDE), (days.to_ts, 0)


def stretches_before(year: int) -> tuple[tuple[int, int], ...]:
    """All the years before it."""
    return (epoch_of(FIRST_DAY), _INSIDE), (days_of(year).from_ts, 0)


def of_year(listens: DataFrame, year: int) -> DataFrame:
    """What may be of the year on some clock: its partitions, and of those beside them a day."""
    days, month = days_of(year), F.col("year") * 12 + F.col("month")
    return listens.where(month.between(year * 12, year * 12 + 13)).where(
        (F.col("listened_at") >= _time(days.from_ts - _DAY)) & (F.col("listened_at") < _time(days.to_ts + _DAY))
    )


def before_year(listens: DataFrame, year: int) -> DataFrame:
    """What may be older than the year on some clock."""
    month = F.col("year") * 12 + F.col("month")
    return listens.where(month <= year * 12 + 1).where(F.col("listened_at") < _time(days_of(year).from_ts + _DAY))


def sections(frames: Frames, jobs: Iterable[Job]) -> dict[str, DataFrame]:
    """By statistic: one row per user who has something there, key bigint and doc string (JSON)."""
    jobs = list(jobs)
    made, listed = families(frames, jobs), {}
    for job in jobs:
        if job.made_from is not None and job.made_from.statistic not in listed:
            family = family_of(made, job.made_from)
            listed[job.made_from.statistic] = family.documented(frames.keep(family.ranking(job.made_from).lists()))
    return {
        job.statistic: frames.sql(
            job.run, job.inputs, **({} if job.made_from is None else listed[job.made_from.statistic])
        ).select("key", "doc")
        for job in jobs
    }


@dataclass(frozen=True)
class _Framed:
    """Frames of one data version, freed together."""

    spark: SparkSession
    lake: str
    landing: Landing
    newest: int
    year: int
    opened: ExitStack

    def of_year(self, asked: Sequence[str]) -> Frames:
        """Of the listens of the year, with what these inputs need of the years before."""
        listens = open_table(self.spark, self.lake, self.landing, "listens")
        given = {"subjects": self._subjects()}
        needed = [name for name in HISTORY if name in uses(asked)]
        if needed:
            older = given | {"listens": before_year(listens, self.year)}
            before = self._frames(stretches_before(self.year), needed, older)
            given |= {name: before.keep(before.named(name)) for name in needed}
        return self._frames(stretches_of(self.year), asked, given | {"listens": of_year(listens, self.year)})

    def _subjects(self) -> DataFrame:
        """Users as they want to be counted: there is no report without a user's own settings."""
        first = self._frames((), (), {})
        return first.keep(first.named("subjects").where("key > 0"))

    def _frames(
        self, stretches: tuple[tuple[int, int], ...], reads: Iterable[str], given: Mapping[str, DataFrame]
    ) -> Frames:
        moment, values = Moment(self.newest, (LIKE,), stretches), VALUES | {"year": self.year}
        made = Frames(self.spark, self.lake, self.landing, moment, values, reads, given)
        self.opened.enter_context(closing(made))
        return made


def _write(frames: Frames, jobs: Sequence[Job], year: int, folder: str) -> None:
    """All sections in one write: they share its scans and its tasks."""
    by = ("statistic", "stats_range")
    chosen = F.broadcast(frames.keep(applied(frames)))
    found = [rows.withColumn("statistic", F.lit(statistic)) for statistic, rows in sections(frames, jobs).items()]
    rows = reduce(DataFrame.unionByName, found).withColumn("stats_range", F.lit(year)).join(chosen, "key", "left")
    columns = rows.select(*by, *COLUMNS["document"])
    columns.sortWithinPartitions(*by, "key").write.partitionBy(*by).parquet(f"{folder}/{EVERYBODY}/document")


def _time(second: int) -> Column:
    return F.timestamp_seconds(F.lit(second))
