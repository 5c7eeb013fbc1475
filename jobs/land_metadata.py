"""Metadata tables in the lake: staged rows judged by the tables' rules, then each table made equal to what came.

A table that is equal already gets no new version. Of one that is not, only rows that differ change, so that its change
feed says what to compute anew. Nothing is visible before a landing names the new versions.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from delta.tables import DeltaTable
from pyspark import inheritable_thread_target
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from conf.faults import fault_point
from jobs import land_delta
from jobs.import_run import ImportRun
from jobs.job import ImportRefusedError
from jobs.lake import newest_landing, open_version
from jobs.landing import Landing
from jobs.tables import METADATA_TABLES, Table

TABLES_AT_ONCE = 4
FILES_PER_TABLE = 32
"""A table of more files, small ones of small changes among them, is written anew."""


@dataclass(frozen=True)
class Digest:
    """Whether two tables hold the same rows: how many, and all of them in one number. Rows differ in their keys."""

    rows: int
    content: int | None


@dataclass(frozen=True)
class Replaced:
    """What became of the tables."""

    rows: Mapping[str, int]
    changed: list[str]
    landing: Landing | None
    """The data version that has them; None: it was there already."""


def judge(spark: SparkSession, folder: str, tables: Iterable[Table]) -> dict[str, Digest]:
    """Ask every rule of every staged row. Raises ImportRefusedError: reason and count of whatever is broken."""
    found, wrong = {}, []
    asked = list(tables)
    # Planning takes longer than counting, and is done by one thread per table. Spark's jobs stay in the group of the
    # request, which a cancel ends, and in its pool.
    one = inheritable_thread_target(spark)(lambda table: _judge(spark, folder, table))
    with ThreadPoolExecutor(max_workers=TABLES_AT_ONCE) as pool:
        judged = list(pool.map(one, asked))
    for table, (digest, broken) in zip(asked, judged, strict=True):
        found[table.name] = digest
        wrong += [f"{table.name}: {reason} in {count:,} rows" for reason, count in broken.items()]
    if wrong:
        raise ImportRefusedError("; ".join(wrong))
    return found


def replace(run: ImportRun, folder: str, digests: Mapping[str, Digest]) -> Replaced:
    """Make the tables equal to what is staged, and a landing name them."""
    lake, versions, changed = run.settings.lake, {}, []
    run.lock.check()
    land_delta.create_tables(run.spark, lake, digests)
    for name, digest in digests.items():
        table = METADATA_TABLES[name]
        run.progress(f"writing {name}")
        run.lock.check()
        if _digest(run.spark, lake, table) != digest:
            _write(run, table, _staged(run.spark, folder, table))
            changed.append(name)
        versions[name] = land_delta.version(run.spark, lake, name)
        fault_point("import.replaced")
    last = newest_landing(run.spark, lake)
    landing = None
    if last is None or any(last.versions.get(name) != version for name, version in versions.items()):
        run.progress("landing")
        landing = run.conclude(versions)
    return Replaced({name: digest.rows for name, digest in digests.items()}, changed, landing)


def _write(run: ImportRun, table: Table, rows: DataFrame) -> None:
    lake = run.settings.lake
    if land_delta.file_count(run.spark, lake, table.name) == 0:
        run.lock.check()
        rows.write.format("delta").mode("append").save(land_delta.location(lake, table.name))
        return
    delta = DeltaTable.forPath(run.spark, land_delta.location(lake, table.name))
    run.lock.check()
    (
        delta.alias("t")
        .merge(rows.alias("s"), _all(_same(name) for name in table.key))
        .whenMatchedUpdateAll(~_all(_same(column.name) for column in table.columns))
        .whenNotMatchedInsertAll()
        .whenNotMatchedBySourceDelete()
        .execute()
    )
    if land_delta.file_count(run.spark, lake, table.name) > FILES_PER_TABLE:
        run.lock.check()
        delta.optimize().executeCompaction()


def _judge(spark: SparkSession, folder: str, table: Table) -> tuple[Digest, dict[str, int]]:
    """One scan: digest, and how many rows break what, by reason."""
    rules = {rule.name: rule for rule in table.rules}
    answers = (F.count_if(~F.expr(rule.sql)).alias(name) for name, rule in rules.items())
    keys = F.count_distinct(F.struct(*table.key)).alias("keys")
    counts = _staged(spark, folder, table).agg(*_digests(table), keys, *answers).collect()[0]
    broken = {rule.reason: counts[name] for name, rule in rules.items() if counts[name]}
    if counts["keys"] != counts["rows"]:
        broken[f"{', '.join(table.key)} not unique"] = counts["rows"] - counts["keys"]
    return Digest(counts["rows"], counts["content"]), broken


def _digest(spark: SparkSession, lake: str, table: Table) -> Digest:
    if land_delta.file_count(spark, lake, table.name) == 0:
        return Digest(0, None)
    found = open_version(spark, lake, table.name).agg(*_digests(table)).collect()[0]
    return Digest(found["rows"], found["content"])


def _digests(table: Table) -> list[Column]:
    """As JSON, for a hash of columns passes over nulls and does not see where a list ends."""
    row = F.to_json(F.struct(*(column.name for column in table.columns)), {"ignoreNullFields": "false"})
    return [F.count("*").alias("rows"), F.bit_xor(F.xxhash64(row)).alias("content")]


def _same(name: str) -> Column:
    return F.col(f"t.{name}").eqNullSafe(F.col(f"s.{name}"))


def _all(conditions: Iterable[Column]) -> Column:
    made = F.lit(True)
    for condition in conditions:
        made = made & condition
    return made


def _staged(spark: SparkSession, folder: str, table: Table) -> DataFrame:
    return spark.read.schema(table.schema).parquet(f"{folder}/{table.name}")
