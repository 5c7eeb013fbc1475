"""Listens that are dated later than a moment: they count once time has passed them, though nothing lands."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812


def earliest_after(listens: DataFrame, seconds: int | None) -> int | None:
    """When the first listen after a moment was, or will have been, played; None: there is none. Epoch seconds.

    None as the moment: the first of all. Months before it are not opened, nor what a file's footer says is older.
    """
    later = listens if seconds is None else listens.where(_after(seconds))
    row = later.agg(F.min(F.unix_seconds("listened_at")).alias("next")).first()
    return None if row is None or row["next"] is None else int(row["next"])


def _after(seconds: int) -> Column:
    moment = F.timestamp_seconds(F.lit(seconds))
    month = F.col("year") * 12 + F.col("month") >= F.year(moment) * 12 + F.month(moment)
    return month & (F.col("listened_at") > moment)
