"""Every zone that may be chosen is one that Spark has too, and both mean the same by it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from jobs.zones import UnknownZoneError, check_zone, zones

FIRST, END = datetime(2002, 10, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
"""Later rules may be known to one of them only: both take them from updates of their own."""
STEP = timedelta(days=7)
"""Shorter than the shortest time between two changes of a clock, which is a month of fasting in Morocco."""


def test_names_that_mean_nothing_certain_are_none() -> None:
    assert {"UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Argentina/Buenos_Aires", "Etc/GMT+5"} <= {*zones()}
    for name in ("", "localtime", "Factory", "EST", "utc", "Europe", "+01:00", "UTC ", "posix/UTC", "GMT+0"):
        with pytest.raises(UnknownZoneError, match="expected a name of the IANA database"):
            check_zone(name)
    assert len(zones()) == 590
    assert {*zones()} <= available_timezones()


def offset(zone: ZoneInfo, instant: int) -> int:
    found = datetime.fromtimestamp(instant, zone).utcoffset()
    assert found is not None
    return int(found.total_seconds())


def change(zone: ZoneInfo, low: int, high: int) -> int:
    """The second in (low, high] from which on the offset is that of `high`."""
    before = offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(zone, middle) == before else (low, middle)
    return high


def offsets(name: str) -> list[tuple[str, int, int]]:
    """(zone, instant, offset in seconds) every STEP, and on both sides of each change of the clock."""
    zone = ZoneInfo(name)
    regular = range(int(FIRST.timestamp()), int(END.timestamp()), int(STEP.total_seconds()))
    changes = [change(zone, a, b) for a, b in pairwise(regular) if offset(zone, a) != offset(zone, b)]
    instants = [*regular, *changes, *(instant - 1 for instant in changes)]
    return [(name, instant, offset(zone, instant)) for instant in instants]


@pytest.mark.spark
def test_spark_and_python_mean_the_same_by_every_zone(spark: SparkSession) -> None:
    rows = [row for name in zones() for row in offsets(name)]
    names, instants, expected = zip(*rows, strict=True)
    frame = spark.createDataFrame(pa.table({"zone": names, "instant": instants, "expected": expected}))
    frame.createOrReplaceTempView("asked")
    try:
        different = spark.sql(
            "SELECT DISTINCT zone FROM asked WHERE expected <>"
            " unix_seconds(from_utc_timestamp(timestamp_seconds(instant), zone)) - instant"
        ).collect()
    finally:
        spark.catalog.dropTempView("asked")
    assert [row.zone for row in different] == []
    assert len(rows) > 600_000
