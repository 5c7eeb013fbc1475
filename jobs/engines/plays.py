"""Listens as statistics count them: for whom, in whose clock, in which windows. Spark; one scan of int columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from zoneinfo import ZoneInfo

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from jobs.listens.msid import fold
from jobs.ranges import activity_slots, range_slots, window_masks

UTC_ZONE = "UTC"


@dataclass(frozen=True)
class Moment:
    """When a run counts: T, and which ranges are asked for."""

    newest_listen_ts: int
    """T, epoch seconds UTC."""
    ranges: tuple[str, ...]
    stretches: tuple[tuple[int, int], ...] = ()
    """Instead of the ranges' own windows, (first second of the wall clock, mask), ascending: those of a span."""

    def local_day(self, zone: str) -> date:
        """The date of T on the wall clock of a zone."""
        return datetime.fromtimestamp(self.newest_listen_ts, ZoneInfo(zone)).date()

    def masks(self, day: date) -> list[tuple[int, int]]:
        """What time lies in which windows, where T is on that day: as jobs/ranges.py window_masks."""
        return list(self.stretches) or window_masks(day, self.ranges)


def plays(frames: Mapping[str, DataFrame], moment: Moment) -> DataFrame:
    """One row per listen up to T and key that it counts for, in any window.

    Columns: key bigint, user_id int, track_id int, client_id int, local_at bigint (wall clock of the key's zone, as if
    UTC), windows int, played_ms int, duration_ms int. Reads listens, subjects, excluded_track, excluded_client.
    """
    listens = _listens(frames["listens"], moment)
    subjects = frames["subjects"]
    zones = [row["zone"] for row in subjects.where("filtered OR key < 0").select("zone").distinct().collect()]
    plain = listens.join(F.broadcast(subjects.where("NOT filtered AND key > 0").select("key", "user_id")), "user_id")
    found = _windowed(plain.withColumn("local_at", F.col("at")), [(None, moment.local_day(UTC_ZONE))], moment)
    if not zones:
        return found
    chosen = listens.join(F.broadcast(subjects.where("filtered OR key < 0")), "user_id")
    local = chosen.withColumn("local_at", _local_at()).drop("filtered")
    windowed = _windowed(local, [(zone, moment.local_day(zone)) for zone in zones], moment)
    kept = windowed.join(F.broadcast(frames["excluded_track"]), ["key", "track_id"], "left_anti")
    return found.unionByName(kept.join(F.broadcast(frames["excluded_client"]), ["key", "client_id"], "left_anti"))


def window_slots(frames: Mapping[str, DataFrame], moment: Moment) -> DataFrame:
    """One row per value of windows and range it is in: windows int, slot int. Reads subjects."""
    return _slots(frames["subjects"], moment, range_slots)


def window_activities(frames: Mapping[str, DataFrame], moment: Moment) -> DataFrame:
    """One row per value of windows and range whose listening activity shows it, as above. Reads subjects."""
    return _slots(frames["subjects"], moment, activity_slots)


def excluded_clients(frames: Mapping[str, DataFrame], moment: Moment) -> DataFrame:
    """One row per (key, client) that the user leaves out, however it is spelled. Reads clients, exclusions: both small.

    Columns: key bigint, client_id int. Names are folded here, for Spark does not fold as Python does.
    """
    asked = frames["exclusions"].where("kind = 'client'").select("user_id", "value_key").collect()
    users: dict[str, list[int]] = {}
    for user_id, name in asked:
        users.setdefault(name, []).append(user_id)
    clients = frames["clients"].select("client_id", "name").collect() if users else []
    rows = [(user_id, client_id) for client_id, name in clients for user_id in users.get(fold(name), ())]
    return frames["clients"].sparkSession.createDataFrame(rows, "key bigint, client_id int")


def _slots(subjects: DataFrame, moment: Moment, slots_of: Callable[[int], list[int]]) -> DataFrame:
    days = {moment.local_day(row["zone"]) for row in subjects.select("zone").distinct().collect()}
    masks = sorted({mask for day in days for _, mask in moment.masks(day)})
    rows = [(mask, slot) for mask in masks for slot in slots_of(mask)]
    # So few that Spark need not shuffle what they are joined with; it cannot know their number.
    return F.broadcast(subjects.sparkSession.createDataFrame(rows, "windows int, slot int"))


def _listens(listens: DataFrame, moment: Moment) -> DataFrame:
    until = F.timestamp_seconds(F.lit(moment.newest_listen_ts))
    at = F.unix_seconds("listened_at").alias("at")
    return listens.where(F.col("listened_at") <= until).select(
        "user_id", "track_id", "client_id", "played_ms", "duration_ms", "listened_at", at
    )


def _local_at() -> Column:
    return F.unix_seconds(F.from_utc_timestamp("listened_at", F.col("zone")))


def _windowed(rows: DataFrame, days: list[tuple[str | None, date]], moment: Moment) -> DataFrame:
    """With the mask of each row's windows; rows in none are left out. `days`: (zone or any, the date there)."""
    by_day: dict[date, list[str]] = {}
    for zone, day in days:
        by_day.setdefault(day, []).extend([] if zone is None else [zone])
    masks = [(zones, _mask(moment.masks(day))) for day, zones in by_day.items()]
    (_, last), *others = reversed(masks)
    mask = reduce(lambda rest, one: F.when(F.col("zone").isin(one[0]), one[1]).otherwise(rest), others, last)
    columns = ("key", "user_id", "track_id", "client_id", "local_at", "played_ms", "duration_ms")
    return rows.withColumn("windows", mask).where("windows <> 0").select(*columns, "windows")


def _mask(stretches: list[tuple[int, int]]) -> Column:
    """The oldest stretch is asked first: most listens are in it."""
    ends = [end for end, _ in stretches[1:]]
    before = F.when(F.col("local_at") < stretches[0][0], F.lit(0))
    for end, (_, mask) in zip(ends, stretches, strict=False):
        before = before.when(F.col("local_at") < end, F.lit(mask))
    return before.otherwise(F.lit(stretches[-1][1]))
