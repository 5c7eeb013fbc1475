"""Statistics that are documents, on Spark: the rows of a job's statement as the rows of their table."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from jobs.frames import Frames
from jobs.job import EntityDocument, Job, SitewideDocument


def documents(frames: Frames, job: Job, given: Mapping[str, DataFrame]) -> DataFrame:
    """Rows (stats_range int, key bigint or entity string, doc string) of one job.

    `given`: the inputs it has beside those it names.
    """
    rows = frames.sql(job.run, job.inputs, **given).withColumnRenamed("slot", "stats_range")
    if isinstance(job.output, SitewideDocument):
        rows = rows.withColumn("key", F.lit(0).cast("bigint"))
    key = "entity" if isinstance(job.output, EntityDocument) else "key"
    return rows.select(F.col("stats_range").cast("int"), key, "doc")
