"""What of a user's settings a result was made with: told beside the result, so that it explains itself."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame

from jobs.engines.plays import Moment
from jobs.frames import Frames
from jobs.ranges import ALL_TIME, CALENDAR, FIRST_DAY, STATS_RANGES

_APPLIED = """
SELECT s.key, z.stats_range, to_json(struct(s.zone AS timezone, z.from_ts, z.to_ts,
       coalesce(e.artists, 0L) AS artists, coalesce(e.recordings, 0L) AS recordings,
       coalesce(e.clients, 0L) AS clients)) AS applied
  FROM {subjects} s JOIN {zones} z ON z.zone = s.zone
  LEFT JOIN (SELECT user_id, count_if(kind = 'artist') AS artists, count_if(kind = 'recording') AS recordings,
                    count_if(kind = 'client') AS clients FROM {exclusions} GROUP BY user_id) e
    ON e.user_id = s.user_id
 WHERE s.filtered
"""
"""artists, recordings, clients: how many are excluded; from_ts, to_ts: the range on the clock of that zone."""


def applied(frames: Frames, moment: Moment) -> DataFrame:
    """One row per key with settings and range: key bigint, stats_range int, applied (JSON text)."""
    subjects = frames.named("subjects")
    zones = [row["zone"] for row in subjects.where("filtered").select("zone").distinct().collect()]
    rows = [
        (zone, STATS_RANGES.index(name), *_bounds(name, zone, moment.newest_listen_ts))
        for zone in zones
        for name in moment.ranges
    ]
    bounds = subjects.sparkSession.createDataFrame(rows, "zone string, stats_range int, from_ts bigint, to_ts bigint")
    return frames.sql(_APPLIED, ("subjects", "exclusions"), zones=bounds)


def _bounds(stats_range: str, zone: str, newest_listen_ts: int) -> tuple[int, int]:
    """As Period's from_ts and to_ts, with midnights of a zone."""
    clock = ZoneInfo(zone)
    if stats_range == ALL_TIME:
        return _midnight(FIRST_DAY, clock), newest_listen_ts
    first, last = CALENDAR[stats_range](datetime.fromtimestamp(newest_listen_ts, clock).date())
    return _midnight(first, clock), _midnight(last, clock)


def _midnight(day: date, clock: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=clock).timestamp())
