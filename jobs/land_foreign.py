"""Rows from elsewhere (dumps), split by the rules of their table in one pass: the good, and the rest with a reason."""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from jobs.tables import LISTENS, Table

_REASON = "_reason"


def judged(frame: DataFrame, table: Table = LISTENS) -> DataFrame:
    """The frame with a column `_reason`: name and reason of the first rule a row breaks, null for a good row."""
    return frame.withColumn(_REASON, F.expr(table.broken_sql))


def split_foreign(
    frame: DataFrame, source: str, now: datetime, table: Table = LISTENS
) -> tuple[DataFrame, DataFrame, DataFrame]:
    """(rows to append, rows of rejected_listens, the persisted frame of both: unpersist it after writing them).

    The rules are asked once per row; both results read the answers.
    """
    both = judged(frame, table).persist()
    columns = [column.name for column in table.columns]
    good = both.where(F.col(_REASON).isNull()).select(*columns)
    bad = both.where(F.col(_REASON).isNotNull()).select(
        F.lit(now).cast("timestamp").alias("rejected_at"),
        F.lit(source).alias("source"),
        F.col(_REASON).alias("reason"),
        F.to_json(F.struct(*columns)).alias("body"),
    )
    return good, bad, both
