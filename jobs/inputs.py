"""Shared inputs: named frames that several jobs read, computed once per run. SQL as text; nothing here knows Spark.

`{name}` is another input or a table at the run's data version, `:name` a value. The bounds of the nine ranges are
values, so one scan of listens serves them all.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jobs.listens.mapping import RESOLVED_TRACKS_SQL
from jobs.ranges import STATS_RANGES, Period


@dataclass(frozen=True)
class Input:
    """A frame made by one statement from tables and other inputs."""

    name: str
    about: str
    """Grain and meaning, one sentence."""
    reads: tuple[str, ...]
    sql: str


_INPUTS = (
    Input(
        "user_track",
        "One row per (user, track) with a listen in any range; counts: listens in each of the nine, as STATS_RANGES.",
        ("listens", "users"),
        """
        SELECT p.* FROM (
            SELECT user_id, track_id, array(
                   CAST(count_if(at >= :this_week_from AND at < :this_week_until) AS INT),
                   CAST(count_if(at >= :this_month_from AND at < :this_month_until) AS INT),
                   CAST(count_if(at >= :this_year_from AND at < :this_year_until) AS INT),
                   CAST(count_if(at >= :week_from AND at < :week_until) AS INT),
                   CAST(count_if(at >= :month_from AND at < :month_until) AS INT),
                   CAST(count_if(at >= :quarter_from AND at < :quarter_until) AS INT),
                   CAST(count_if(at >= :half_yearly_from AND at < :half_yearly_until) AS INT),
                   CAST(count_if(at >= :year_from AND at < :year_until) AS INT),
                   CAST(count_if(at >= :all_time_from AND at < :all_time_until) AS INT)) AS counts
              FROM (SELECT user_id, track_id, unix_seconds(listened_at) AS at
                      FROM {listens}
                     WHERE listened_at >= timestamp_seconds(:first) AND listened_at < timestamp_seconds(:end))
             GROUP BY user_id, track_id) p
         LEFT SEMI JOIN {users} u ON u.user_id = p.user_id
        """,
    ),
    Input(
        "user_track_resolved",
        "One row per row of user_track: the MBIDs the track has for that user.",
        ("user_track", "tracks", "mapping"),
        RESOLVED_TRACKS_SQL,
    ),
    Input(
        "user_track_artist",
        "One row per (user, track, artist of it), each artist once; artist_mbid null when none is known.",
        ("user_track_resolved",),
        """
        SELECT user_id, track_id, explode_outer(array_distinct(artist_mbids)) AS artist_mbid
          FROM {user_track_resolved}
        """,
    ),
    Input(
        "artist_names",
        "One row per artist MBID of the metadata: its name and folded name.",
        ("artist_country_code",),
        """
        SELECT artist_mbid, best.artist_name, best.artist_key
          FROM (SELECT artist_mbid, max(struct(artist_name, artist_key)) AS best
                  FROM {artist_country_code} GROUP BY artist_mbid)
        """,
    ),
)
INPUTS = {shared.name: shared for shared in _INPUTS}


def bounds(periods: Iterable[Period]) -> dict[str, int]:
    """The values of the ranges' bounds, epoch seconds; a range that is not asked for is empty."""
    asked = {period.stats_range: period for period in periods}
    values: dict[str, int] = {}
    for name in STATS_RANGES:
        period = asked.get(name)
        values[f"{name}_from"] = period.from_ts if period else 0
        values[f"{name}_until"] = period.until_ts if period else 0
    values["first"] = min(period.from_ts for period in asked.values())
    values["end"] = max(period.until_ts for period in asked.values())
    return values
