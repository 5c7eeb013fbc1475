"""Names to frames: tables at one data version, and shared inputs over them, each computed once. Spark side."""

from collections import Counter
from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame, SparkSession

from jobs.inputs import INPUTS
from jobs.job import Job
from jobs.lake import Landing, open_table
from jobs.tables import METADATA_TABLES, TABLES


class UnknownInputError(LookupError):
    """A job names an input that is neither a table nor a shared input."""


class Frames:
    """The frames of one run. Everything is read at the landing's versions; `close` frees what was kept in memory."""

    def __init__(
        self, spark: SparkSession, lake: str, landing: Landing, values: Mapping[str, int], jobs: Iterable[Job]
    ) -> None:
        self._spark = spark
        self._lake = lake
        self._landing = landing
        self._values = dict(values)
        self._uses = uses(name for job in jobs for name in job.inputs)
        self._made: dict[str, DataFrame] = {}
        self._kept: list[DataFrame] = []

    def sql(self, statement: str, reads: Iterable[str]) -> DataFrame:
        """A statement over named frames. Raises UnknownInputError."""
        frames = {name: self._frame(name) for name in reads}
        values = {name: value for name, value in self._values.items() if f":{name}" in statement}
        return self._spark.sql(statement, args=values or None, **frames)

    def keep(self, frame: DataFrame) -> DataFrame:
        """Computed once, until `close`: in memory, or on disk where that is too small."""
        self._kept.append(frame.persist())
        return frame

    def close(self) -> None:
        """Free what was kept."""
        for frame in reversed(self._kept):
            frame.unpersist()
        self._kept.clear()
        self._made.clear()

    def _frame(self, name: str) -> DataFrame:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> DataFrame:
        if name in INPUTS:
            made = self.sql(INPUTS[name].sql, INPUTS[name].reads)
            return self.keep(made) if self._uses[name] > 1 else made
        if name in METADATA_TABLES and name not in self._landing.versions:
            return self._spark.createDataFrame([], METADATA_TABLES[name].schema)
        if name in TABLES or name in METADATA_TABLES:
            return open_table(self._spark, self._lake, self._landing, name)
        raise UnknownInputError(f"no table and no shared input is called {name!r}; see jobs/inputs.py and jobs/tables")


def uses(names: Iterable[str]) -> Counter[str]:
    """How many statements read each shared input, the inputs' own statements included."""
    found: Counter[str] = Counter()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        found[name] += 1
        if name in INPUTS and found[name] == 1:
            waiting.extend(INPUTS[name].reads)
    return found
