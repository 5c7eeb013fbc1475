"""Whose results may be others than in an earlier run: from the change feeds of the lake and the windows that moved.

A touched set may be too large, never too small. Spark side; every read is of one of two data versions, or of the feed
between them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from jobs.change_feed import changes
from jobs.engines.plays import Moment
from jobs.lake import Landing, open_table, open_version
from jobs.ranges import moved
from jobs.touched_by_metadata import changed_metadata, users_reached

FEED_KEPT = timedelta(hours=20)
"""Change feeds are vacuumed after 24 hours: changes older than this are not asked for."""
_OF_USERS = ("user_settings", "exclusions")
_WITHOUT_EFFECT = ("clients", "landing", "rejected_listens", "tracks", "users")
"""Their rows change no result by themselves: tracks and clients are only added, with listens; results of users who go
are removed with them."""
_FOLLOWED = ("listens", "mapping", *_OF_USERS)
DAY_AND_ZONE_SECONDS = 26 * 3600
"""No wall clock is further from UTC."""


@dataclass(frozen=True)
class Version:
    """A data version and the T that was, or is to be, counted to."""

    landing: Landing
    moment: Moment


def touched_users(
    spark: SparkSession, lake: str, before: Version, now: Version, *, tables: Collection[str], clock: datetime
) -> list[int] | None:
    """Users whose results may differ between the two, ascending; None: everybody's, or it cannot be told.

    `now` is the newer data version, or the same with another T. `tables`: those that the results are made from.
    `clock`: the present, UTC, which vacuum goes by.
    """
    if not _feed_reaches(spark, lake, before.landing, clock):
        return None
    found = [*_fed(spark, lake, before.landing, now.landing), *_moved(spark, lake, before, now)]
    if names := changed_metadata(before.landing, now.landing, metadata_of(tables)):
        reached = users_reached(spark, lake, before.landing, now.landing, names)
        if reached is None:
            return None
        found.append(reached)
    if not found:
        return []
    users = reduce(DataFrame.unionByName, (frame.select("user_id") for frame in found)).distinct()
    return sorted(row["user_id"] for row in users.collect())


def metadata_of(tables: Collection[str]) -> set[str]:
    """Tables of names and links, among these."""
    return set(tables) - {*_FOLLOWED, *_WITHOUT_EFFECT}


def _feed_reaches(spark: SparkSession, lake: str, before: Landing, clock: datetime) -> bool:
    """Whether the first landing after `before` is young enough for its change feed to be there."""
    landings = open_version(spark, lake, "landing").where(F.col("landing_id") > before.landing_id)
    first = landings.agg(F.min("landed_at").alias("at")).collect()[0]["at"]
    return first is None or clock - first.replace(tzinfo=UTC) < FEED_KEPT


def _fed(spark: SparkSession, lake: str, before: Landing, now: Landing) -> Iterable[DataFrame]:
    for name in ("listens", *_OF_USERS):
        feed = changes(spark, lake, before, now, name)
        if feed is not None:
            yield feed.select("user_id").distinct()
    mapping = changes(spark, lake, before, now, "mapping")
    if mapping is not None:
        yield mapping.where("user_id IS NOT NULL").select("user_id").distinct()
        msids = mapping.where("user_id IS NULL").select("recording_msid").distinct()
        tracks = open_table(spark, lake, now, "tracks").join(F.broadcast(msids), "recording_msid").select("track_id")
        listens = open_table(spark, lake, now, "listens").select("user_id", "track_id")
        yield listens.join(F.broadcast(tracks), "track_id", "left_semi").select("user_id").distinct()


def _moved(spark: SparkSession, lake: str, before: Version, now: Version) -> Iterable[DataFrame]:
    """Users with a listen that T has passed, or that lies in other windows than before."""
    listens = open_table(spark, lake, now.landing, "listens").select("user_id", "listened_at")
    first, last = sorted((before.moment.newest_listen_ts, now.moment.newest_listen_ts))
    if first < last:
        yield _between(listens, first + 1, last)
    edges = [moved(before.moment.local_day(zone), now.moment.local_day(zone)) for zone in _zones(spark, lake, now)]
    known = [edge for edge in edges if edge is not None]
    if known:
        yield _between(listens, min(known) - DAY_AND_ZONE_SECONDS, last)


def _zones(spark: SparkSession, lake: str, now: Version) -> list[str]:
    if "user_settings" not in now.landing.versions:
        return ["UTC"]
    settings = open_table(spark, lake, now.landing, "user_settings").select("zone").distinct()
    return ["UTC", *(row["zone"] for row in settings.collect())]


def _between(listens: DataFrame, first: int, last: int) -> DataFrame:
    """Users with a listen in [first, last], epoch seconds."""
    at = F.col("listened_at")
    inside = (at >= F.timestamp_seconds(F.lit(first))) & (at <= F.timestamp_seconds(F.lit(last)))
    return listens.where(inside).select("user_id").distinct()
