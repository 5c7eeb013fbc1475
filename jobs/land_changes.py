"""The parts of a landing that change rows: users and mapping merged, listens deleted, T found. Idempotent by nature."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from jobs import land_delta
from jobs.landing import Landing
from jobs.listens.changes import Increment
from jobs.lock import LakeLock
from jobs.tables import LISTENS, MAPPING, USERS, Table

_MAPPING_KEY = "t.user_id <=> s.user_id AND t.recording_msid = s.recording_msid AND t.source = s.source"
MONTHS_NAMED = 24
"""Up to so many months a delete names its partitions, so that Delta opens no other file."""


def merge_changes(spark: SparkSession, lake: str, lock: LakeLock, increment: Increment) -> None:
    """Users and mapping as they are now; rows of mapping that left, where their position is smaller."""
    if increment.users.num_rows:
        lock.check()
        _upsert(spark, lake, USERS, increment.users, "t.user_id = s.user_id")
    if increment.mapping_deletes.num_rows:
        lock.check()
        gone = spark.createDataFrame(increment.mapping_deletes).alias("s")
        condition = f"{_MAPPING_KEY} AND t.position < s.position"
        _target(spark, lake, MAPPING).merge(gone, condition).whenMatchedDelete().execute()
    if increment.mapping.num_rows:
        lock.check()
        _upsert(spark, lake, MAPPING, increment.mapping, _MAPPING_KEY)


def delete_listens(spark: SparkSession, lake: str, lock: LakeLock, deletes: pa.Table) -> None:
    """Remove from the lake what was deleted: only rows with a smaller position than their delete's."""
    if deletes.num_rows == 0:
        return
    lock.check()
    wipes = deletes.filter(pc.is_null(deletes["listened_at"]))
    single = deletes.filter(pc.is_valid(deletes["listened_at"]))
    if single.num_rows:
        same = (
            (F.col("t.user_id") == F.col("s.user_id"))
            & (F.col("t.listened_at") == F.col("s.listened_at"))
            & (F.col("t.recording_msid") == F.col("s.recording_msid"))
        )
        _delete(spark, lake, single, _months(single) & same)
    if wipes.num_rows:
        lock.check()
        _delete(spark, lake, wipes, F.col("t.user_id") == F.col("s.user_id"))


def newest_listen(
    spark: SparkSession, lake: str, last: Landing | None, increment: Increment, now: datetime
) -> int | None:
    """T: the latest listen of the lake not later than now. Looks only beyond the last T, unless that may be gone."""
    known = last.newest_listen_ts if last else None
    if known is not None and not _may_have_left(increment.deletes, known):
        later = _latest(_listens(spark, lake).where(_not_before(known)), now)
        return known if later is None else max(known, later)
    return _latest(_listens(spark, lake), now)


def count_after(spark: SparkSession, lake: str, position: int) -> int:
    """Listens in the lake beyond a position."""
    return _listens(spark, lake).where(F.col("position") > position).count()


def _listens(spark: SparkSession, lake: str) -> DataFrame:
    return spark.read.format("delta").load(land_delta.location(lake, LISTENS.name))


def _target(spark: SparkSession, lake: str, table: Table) -> DeltaTable:
    return DeltaTable.forPath(spark, land_delta.location(lake, table.name)).alias("t")


def _upsert(spark: SparkSession, lake: str, table: Table, rows: pa.Table, key: str) -> None:
    source = land_delta.guarded(table, spark.createDataFrame(rows, table.schema)).alias("s")
    merge = _target(spark, lake, table).merge(source, key)
    with land_delta.telling_rules():
        merge.whenMatchedUpdateAll("s.position > t.position").whenNotMatchedInsertAll().execute()


def _delete(spark: SparkSession, lake: str, deletes: pa.Table, condition: Column) -> None:
    source = F.broadcast(spark.createDataFrame(deletes)).alias("s")
    older = F.col("t.position") < F.col("s.position")
    _target(spark, lake, LISTENS).merge(source, condition & older).whenMatchedDelete().execute()


def _months(deletes: pa.Table) -> Column:
    """Names the partitions of the deleted listens, and their users while they are few."""
    times = deletes["listened_at"]
    months = set(zip(pc.year(times).to_pylist(), pc.month(times).to_pylist(), strict=True))
    if len(months) > MONTHS_NAMED:
        return F.lit(True)
    named = F.lit(False)
    for year, month in sorted(months):
        named = named | ((F.col("t.year") == year) & (F.col("t.month") == month))
    return named


def _may_have_left(deletes: pa.Table, newest: int) -> bool:
    if deletes.num_rows == 0:
        return False
    times = deletes["listened_at"]
    if times.null_count:
        return True
    return bool(pc.any(pc.equal(pc.floor_temporal(times, unit="second").cast(pa.int64()), newest * 1_000_000)).as_py())


def _not_before(seconds: int) -> Column:
    moment = F.timestamp_seconds(F.lit(seconds))
    month = F.col("year") * 12 + F.col("month") >= F.year(moment) * 12 + F.month(moment)
    return month & (F.col("listened_at") >= moment)


def _latest(listens: DataFrame, now: datetime) -> int | None:
    seconds = F.max(F.unix_seconds("listened_at"))
    row = listens.where(F.col("listened_at") <= F.lit(now)).agg(seconds.alias("newest")).first()
    return None if row is None or row["newest"] is None else int(row["newest"])
