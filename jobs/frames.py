"""Names to frames: tables at one data version, and shared inputs over them, each computed once. Spark side."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

from pyspark import Broadcast, inheritable_thread_target
from pyspark.sql import DataFrame, SparkSession

from jobs.dotted import function_of
from jobs.engines.plays import Moment
from jobs.inputs import INPUTS, OPTIONAL_TABLES
from jobs.lake import Landing, open_table
from jobs.shared_input import Input
from jobs.tables import TABLES

SMALL = 100_000
"""Rows of played_track that one task ranks in a second."""
AT_ONCE = 3
"""Threads: two cores are busy while a third one waits."""

Sent = TypeVar("Sent")


class UnknownInputError(LookupError):
    """A job names an input that is neither a table nor a shared input."""


class Frames:
    """The frames of one run. Everything is read at the landing's versions; `close` frees what was kept in memory."""

    def __init__(  # noqa: PLR0917 - the data version, then what is asked of it
        self,
        spark: SparkSession,
        lake: str,
        landing: Landing,
        moment: Moment,
        values: Mapping[str, Any],
        reads: Iterable[str],
        given: Mapping[str, DataFrame] | None = None,
        *,
        small: bool | None = None,
    ) -> None:
        """`values`: what statements name as :name; `reads`: the inputs that will be asked for, once per statement.

        `given`: frames that stand in for the inputs of their names. `small`: whether all of it is small, where that is
        known; else it is counted.
        """
        self._spark = spark
        self._lake = lake
        self._landing = landing
        self._moment = moment
        self._values = dict(values)
        self._small = small
        self._uses = uses(reads)
        self._kept: list[DataFrame] = []
        self._sent: list[Broadcast[Any]] = []
        self._made: dict[str, DataFrame] = dict(given or {})

    def sql(self, statement: str, reads: Iterable[str], **given: DataFrame) -> DataFrame:
        """A statement over named frames, and those given. Raises UnknownInputError."""
        frames = {name: self.named(name) for name in reads} | given
        values = {name: value for name, value in self._values.items() if f":{name}" in statement}
        return self._spark.sql(statement, args=values or None, **frames)

    def read(self, folder: str, schema: str | None = None) -> DataFrame:
        """What this run or its base has written; some columns of it, or all."""
        reader = self._spark.read
        return (reader if schema is None else reader.schema(schema)).parquet(folder)

    def give(self, name: str, frame: DataFrame) -> None:
        """From now on this stands in for the input of that name."""
        self._made[name] = frame

    def none(self, schema: str) -> DataFrame:
        """No row. Only of a filter that lets nothing through does the planner know that there is nothing to join."""
        return self._spark.createDataFrame([], schema).where("false")

    def one_row(self) -> DataFrame:
        """One row in one partition: for what a single task makes."""
        return self._spark.range(1, numPartitions=1)

    def keep(self, frame: DataFrame) -> DataFrame:
        """Computed once, until `close`: in memory, or on disk where that is too small. Its plan ends here.

        A frame over a merely cached one still has its whole text in its plan: with a dozen inputs over each other,
        Spark would plan longer than it computes.
        """
        self._kept.append(frame.persist())
        jvm: Any = self._spark._jsparkSession
        rows = frame._jdf.queryExecution().toRdd()
        return DataFrame(jvm.internalCreateDataFrame(rows, frame._jdf.schema(), False), self._spark)

    def at_once(self, calls: Iterable[Callable[[], Any]]) -> list[Any]:
        """What these make, in threads, as parts of the same request. What two of them read must be made before.

        Raises what the first of them raises, once all have ended.
        """
        with ThreadPoolExecutor(AT_ONCE) as threads:
            # Each its own copy of the properties: Spark writes into them which statement a thread is at.
            made = [threads.submit(inheritable_thread_target(self._spark)(call)) for call in calls]
        return [one.result() for one in made]

    def send(self, value: Sent) -> "Broadcast[Sent]":
        """For every task to read, until `close`: each Python worker holds it once."""
        sent = self._spark.sparkContext.broadcast(value)
        self._sent.append(sent)
        return sent

    def close(self) -> None:
        """Free what was kept and sent."""
        for sent in self._sent:
            sent.destroy()
        self._sent.clear()
        for frame in reversed(self._kept):
            frame.unpersist()
        self._kept.clear()
        self._made.clear()

    @cached_property
    def width(self) -> int:
        """Partitions of what is computed per key: one where all of it is small, for starting a task costs more."""
        small = self.named("played_track").count() <= SMALL if self._small is None else self._small
        if small:
            return 1
        return int(self._spark.conf.get("spark.sql.shuffle.partitions") or 1)

    def named(self, name: str) -> DataFrame:
        """A table or shared input. Raises UnknownInputError."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _compute(self, shared: Input) -> DataFrame:
        if not shared.engine:
            return self.sql(shared.sql, shared.reads)
        made: DataFrame = function_of(shared.engine)({name: self.named(name) for name in shared.reads}, self._moment)
        return made

    def _make(self, name: str) -> DataFrame:
        if name in INPUTS:
            made = self._compute(INPUTS[name])
            return self.keep(made) if self._uses[name] > 1 else made
        if name in OPTIONAL_TABLES and name not in self._landing.versions:
            return self.none(OPTIONAL_TABLES[name])
        if name in TABLES or name in OPTIONAL_TABLES:
            return open_table(self._spark, self._lake, self._landing, name)
        raise UnknownInputError(f"no table and no shared input is called {name!r}; see jobs/inputs.py and jobs/tables")


def tables_read(names: Iterable[str]) -> set[str]:
    """The tables that these inputs are made from, however many inputs are between."""
    return set(uses(names)) - set(INPUTS)


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
