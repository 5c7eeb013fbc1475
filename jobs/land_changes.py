"""The parts of a landing that change rows: users, mapping and settings merged, deleted users removed with all that is
theirs, listens deleted, T found. Idempotent by nature.
"""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from jobs import land_delta
from jobs.coming import earliest_after
from jobs.lake import open_version
from jobs.listens.changes import Increment
from jobs.lock import LakeLock
from jobs.tables import EXCLUSIONS, LISTENS, MAPPING, REJECTED_LISTENS, USER_SETTINGS, USERS, Table

_USER_KEY = "t.user_id = s.user_id"
_MAPPING_KEY = "t.user_id <=> s.user_id AND t.recording_msid = s.recording_msid AND t.source = s.source"
_EXCLUSION_KEY = "t.user_id = s.user_id AND t.kind = s.kind AND t.value_key = s.value_key"
_OF_USERS = (USERS, MAPPING, USER_SETTINGS, EXCLUSIONS)
MONTHS_NAMED = 24
"""Up to so many months a delete names its partitions, so that Delta opens no other file."""


def merge_changes(spark: SparkSession, lake: str, lock: LakeLock, increment: Increment) -> None:
    """Users, mapping and settings as they are now; rows that left, where their position is smaller."""
    kinds = (
        (USERS, _USER_KEY, increment.users, None),
        (MAPPING, _MAPPING_KEY, increment.mapping, increment.mapping_deletes),
        (USER_SETTINGS, _USER_KEY, increment.user_settings, None),
        (EXCLUSIONS, _EXCLUSION_KEY, increment.exclusions, increment.exclusion_deletes),
    )
    for table, key, rows, deletes in kinds:
        if deletes is not None and deletes.num_rows:
            lock.check()
            _take_out(spark, lake, table, deletes, key)
        if rows.num_rows:
            lock.check()
            _upsert(spark, lake, table, rows, key)
    if increment.user_deletes.num_rows:
        _remove_users(spark, lake, lock, increment.user_deletes)


def _remove_users(spark: SparkSession, lake: str, lock: LakeLock, user_deletes: pa.Table) -> None:
    """Every row of users who are gone, where its position is smaller; their listens go with `delete_listens`."""
    gone = F.broadcast(spark.createDataFrame(user_deletes)).alias("s")
    older = F.col("t.position") < F.col("s.position")
    for table in _OF_USERS:
        if land_delta.file_count(spark, lake, table.name):
            lock.check()
            theirs = (F.col("t.user_id") == F.col("s.user_id")) & older
            _target(spark, lake, table).merge(gone, theirs).whenMatchedDelete().execute()
    if land_delta.file_count(spark, lake, REJECTED_LISTENS.name):
        lock.check()
        # The body is a row of listens as JSON; one that has no position is older than any delete.
        user_id = F.get_json_object("t.body", "$.user_id").try_cast("int")
        position = F.coalesce(F.get_json_object("t.body", "$.position").try_cast("bigint"), F.lit(0))
        theirs = (user_id == F.col("s.user_id")) & (position < F.col("s.position"))
        _target(spark, lake, REJECTED_LISTENS).merge(gone, theirs).whenMatchedDelete().execute()


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


class Clock:
    """T of the lake, landing after landing, and the earliest listen beyond it that time has yet to reach."""

    def __init__(self, spark: SparkSession, lake: str, newest: int | None) -> None:
        self._spark = spark
        self._lake = lake
        self._newest = newest
        self._next = earliest_after(_listens(spark, lake), newest)

    def advance(self, increment: Increment, now: datetime) -> int | None:
        """T after an increment was landed: the latest listen not later than now; null in an empty lake."""
        moment = int(now.timestamp())
        if _may_have_left(increment.deletes, self._newest):
            self._newest = _latest(_listens(self._spark, self._lake), now)
        seconds = pc.divide(increment.listens["listened_at"].cast(pa.int64()), 1_000_000)
        passed = pc.max(seconds.filter(pc.less_equal(seconds, moment))).as_py()
        coming = pc.min(seconds.filter(pc.greater(seconds, moment))).as_py()
        self._newest = max((t for t in (self._newest, passed) if t is not None), default=None)
        self._next = min((t for t in (self._next, coming) if t is not None), default=None)
        if self._next is not None and self._next <= moment:
            self._look_again(now)
        return self._newest

    def _look_again(self, now: datetime) -> None:
        """Listens once dated in the future have come to pass."""
        fresh = Clock(self._spark, self._lake, _latest(_listens(self._spark, self._lake), now))
        self._newest, self._next = fresh._newest, fresh._next


def count_after(spark: SparkSession, lake: str, position: int) -> int:
    """Listens in the lake beyond a position."""
    return _listens(spark, lake).where(F.col("position") > position).count()


def _listens(spark: SparkSession, lake: str) -> DataFrame:
    return open_version(spark, lake, LISTENS.name)


def _target(spark: SparkSession, lake: str, table: Table) -> DeltaTable:
    return DeltaTable.forPath(spark, land_delta.location(lake, table.name)).alias("t")


def _take_out(spark: SparkSession, lake: str, table: Table, deletes: pa.Table, key: str) -> None:
    gone = spark.createDataFrame(deletes).alias("s")
    older = F.expr(key) & (F.col("t.position") < F.col("s.position"))
    _target(spark, lake, table).merge(gone, older).whenMatchedDelete().execute()


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


def _may_have_left(deletes: pa.Table, newest: int | None) -> bool:
    if deletes.num_rows == 0 or newest is None:
        return False
    times = deletes["listened_at"]
    return times.null_count > 0 or bool(pc.any(pc.equal(times.cast(pa.int64()), newest * 1_000_000)).as_py())


def _latest(listens: DataFrame, now: datetime) -> int | None:
    seconds = F.max(F.unix_seconds("listened_at"))
    row = listens.where(F.col("listened_at") <= F.lit(now)).agg(seconds.alias("newest")).first()
    return None if row is None or row["newest"] is None else int(row["newest"])
