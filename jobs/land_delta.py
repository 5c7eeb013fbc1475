"""Delta plumbing of the one writer: create, version, transaction, append. Nothing else touches the log."""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from jobs.lake import open_version
from jobs.tables import METADATA_TABLES, TABLES, Table

_RAISED = re.compile(r"\[USER_RAISED_EXCEPTION\] ([^\n]*?)(?: SQLSTATE|\n|$)")


class RuleBrokenError(RuntimeError):
    """A row of our own broke a rule of its table, which the listen writer should have refused: names table and rule."""


FEW_ROWS = 20_000
"""Up to here an append is one task: starting more costs more than it saves."""
FEW_KEYS = 500
"""Up to here a look-up names its keys, one Spark job; beyond, it joins them."""


def location(lake: str, name: str) -> str:
    """Where a table is."""
    return f"{lake}/{name}"


def exists(spark: SparkSession, lake: str, name: str) -> bool:
    """Whether the table has been made."""
    return DeltaTable.isDeltaTable(spark, location(lake, name))


def create_tables(spark: SparkSession, lake: str, names: Iterable[str] = tuple(TABLES)) -> None:
    """Make the tables that are not there, and columns that tables of older code lack; repeatable."""
    known = TABLES | METADATA_TABLES
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda name: _make(spark, lake, known[name]), names))


def _make(spark: SparkSession, lake: str, table: Table) -> None:
    if not exists(spark, lake, table.name):
        _create(spark, lake, table)
        return
    there = DeltaTable.forPath(spark, location(lake, table.name)).toDF().columns
    if any(column.name not in there for column in table.columns):
        nothing = spark.createDataFrame([], table.schema)
        nothing.write.format("delta").mode("append").option("mergeSchema", "true").save(location(lake, table.name))


def _create(spark: SparkSession, lake: str, table: Table) -> None:
    builder = DeltaTable.createIfNotExists(spark).location(location(lake, table.name)).comment(table.about)
    for column in table.columns:
        builder = builder.addColumn(column.name, column.type, comment=column.about)
    for name, value in table.properties.items():
        builder = builder.property(name, value)
    builder.partitionedBy(*table.partition_by).execute()


def version(spark: SparkSession, lake: str, name: str) -> int:
    """Newest version of a table."""
    return int(_snapshot(spark, lake, name).version())


def last_transaction(spark: SparkSession, lake: str, name: str, application: str) -> int:
    """Greatest txnVersion an application has committed to a table; -1: none."""
    found = _snapshot(spark, lake, name).transactions().get(application)
    return int(found.get()) if found.isDefined() else -1


def file_count(spark: SparkSession, lake: str, name: str) -> int:
    """Files of a table's newest version."""
    return int(_snapshot(spark, lake, name).numOfFiles())


def shorten_log(spark: SparkSession, lake: str, name: str) -> None:
    """A checkpoint of the newest version; the log before it goes once it is as old as the table's properties say.

    Delta does so by itself only every so many commits, which a quiet table does not see for weeks.
    """
    snapshot = _snapshot(spark, lake, name)
    jvm: Any = spark._jvm
    nothing = jvm.scala.Option.empty()
    if snapshot.checkpointProvider().version() < snapshot.version():
        snapshot.deltaLog().checkpointAndCleanUpDeltaLog(snapshot, nothing)
    else:
        snapshot.deltaLog().doLogCleanup(snapshot, nothing)


def _snapshot(spark: SparkSession, lake: str, name: str) -> Any:
    jvm: Any = spark._jvm
    log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, location(lake, name))
    nothing = jvm.scala.Option.empty()
    return log.update(False, nothing, nothing)


def append(
    spark: SparkSession, lake: str, table: Table, rows: pa.Table, transaction: tuple[str, int] | None = None
) -> None:
    """One commit, one file per partition; a row that breaks a rule fails the commit with the rule's reason.

    With (txnAppId, txnVersion) the commit happens once however often it is repeated.
    """
    frame = guarded(table, spark.createDataFrame(rows, table.schema))
    writer = laid_out(table, frame, rows.num_rows).write.format("delta").mode("append")
    if transaction is not None:
        writer = writer.option("txnAppId", transaction[0]).option("txnVersion", transaction[1])
    with telling_rules():
        writer.save(location(lake, table.name))


@contextmanager
def telling_rules() -> Iterator[None]:
    """Turns Spark's long error about a guarded row into RuleBrokenError."""
    try:
        yield
    except PySparkException as problem:
        told = _RAISED.search(str(problem))
        if told is None:
            raise
        raise RuleBrokenError(
            f"landing stopped, nothing was committed: a row breaks a rule of table {told[1].strip()}. The listen "
            "writer should have refused it; correct or delete the row in PostgreSQL, then landing goes on by itself"
        ) from None


def guarded(table: Table, frame: DataFrame) -> DataFrame:
    """The frame, which fails when read if any row breaks a rule: the error says which, never the value."""
    first = table.columns[0]
    broken = F.expr(table.broken_sql)
    judged = F.when(broken.isNotNull(), F.raise_error(F.concat(F.lit(f"{table.name}: "), broken)).cast(first.type))
    return frame.withColumn(first.name, judged.otherwise(F.col(first.name)))


def laid_out(table: Table, frame: DataFrame, rows: int) -> DataFrame:
    """One file per partition, ordered by user and time; two where the rows of a month fall to two tasks.

    The rows come in order of the partitions, so that no shuffle is needed and neighbours stay together.
    """
    order = [*table.partition_by, "user_id", "listened_at"] if table.partition_by else []
    if not order:
        return frame.coalesce(1)
    tasks = 1 if rows <= FEW_ROWS else frame.sparkSession.sparkContext.defaultParallelism
    return frame.coalesce(tasks).sortWithinPartitions(*order)


def ids(spark: SparkSession, lake: str, name: str, columns: tuple[str, str]) -> dict[str, int]:
    """All of a table of ids; columns: (key, id)."""
    if version(spark, lake, name) == 0:
        return {}
    found = open_version(spark, lake, name).select(*columns).toArrow()
    return dict(zip(*(found[column].to_pylist() for column in columns), strict=True))


def lookup(spark: SparkSession, lake: str, name: str, columns: tuple[str, str], keys: list[str]) -> dict[str, int]:
    """The ids of those keys that a table of ids has; columns: (key, id)."""
    key, value = columns
    if not keys or version(spark, lake, name) == 0:
        return {}
    table = open_version(spark, lake, name).select(key, value)
    if len(keys) <= FEW_KEYS:
        found = table.where(F.col(key).isin(keys)).toArrow()
    else:
        wanted = spark.createDataFrame(pa.table({key: pa.array(keys, pa.string())}))
        found = table.join(F.broadcast(wanted), key).select(key, value).toArrow()
    return dict(zip(found[key].to_pylist(), found[value].to_pylist(), strict=True))


def greatest(spark: SparkSession, lake: str, name: str, column: str) -> int:
    """Greatest value of a whole-number column, 0 for an empty table."""
    row = open_version(spark, lake, name).agg(F.max(column)).first()
    return 0 if row is None or row[0] is None else int(row[0])
