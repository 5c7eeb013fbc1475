"""The lake, read-only, through Spark: for jobs and notebooks. Everything is read at one data version."""

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from jobs.landing import Landing

__all__ = ["Landing", "TableUnknownError", "landing_of", "newest_landing", "open_table"]


class TableUnknownError(LookupError):
    """A table that the data version does not have: names those it has."""


def newest_landing(spark: SparkSession, lake: str) -> Landing | None:
    """The newest data version; None before the first landing."""
    where = f"{lake}/landing"
    if not DeltaTable.isDeltaTable(spark, where):
        return None
    rows = spark.read.format("delta").load(where).orderBy("landing_id", ascending=False).limit(1).collect()
    return Landing.of(rows[0].asDict()) if rows else None


def landing_of(spark: SparkSession, lake: str, landing_id: int) -> Landing | None:
    """A data version by its number; None when there is none, or its row has gone."""
    found = spark.read.format("delta").load(f"{lake}/landing").where(F.col("landing_id") == landing_id).collect()
    return Landing.of(found[0].asDict()) if found else None


def open_table(spark: SparkSession, lake: str, landing: Landing, name: str) -> DataFrame:
    """A table as the data version has it. Raises TableUnknownError."""
    if name not in landing.versions:
        raise TableUnknownError(f"table {name!r}: the lake has {', '.join(sorted(landing.versions))}")
    reader = spark.read.format("delta").option("versionAsOf", landing.versions[name])
    return reader.load(f"{lake}/{name}")
