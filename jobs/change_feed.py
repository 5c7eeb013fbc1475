"""What changed in a table of the lake between two data versions: its change feed. Spark side."""

from pyspark.sql import DataFrame, SparkSession

from jobs.landing import Landing


def changes(spark: SparkSession, lake: str, before: Landing, now: Landing, name: str) -> DataFrame | None:
    """Rows that came, went or are others, as Delta's change feed gives them; None: there are none."""
    if name not in now.versions:
        return None
    first, last = before.versions.get(name, -1) + 1, now.versions[name]
    if first > last:
        return None
    reader = spark.read.format("delta").option("readChangeFeed", "true")
    return reader.option("startingVersion", first).option("endingVersion", last).load(f"{lake}/{name}")
