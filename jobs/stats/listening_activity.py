"""Listens over time, of a user and of everybody (jobs.md 7.5, 7.6): the range and the period before it.

this_week, this_month and this_year end where the day of T begins (jobs.md 4), so a listen of that day is in every other
statistic of these ranges and not in this one. Where the activity has no listen there is no answer. The buckets without
listens are filled in when answering; all_time shows only years that have some, as documented, where the original
showed all since 2002. Buckets begin and end at midnights of the user's clock, and from_ts, to_ts are the activity's.
"""

from jobs.clock import activity, activity_bounds, list_schema
from jobs.job import AT, DATABASE, REBUILD, STATS_RANGE, Command, Job, Route, SitewideDocument, UserDocument

OF_USER = """
SELECT key, slot, to_json(sort_array(collect_list(array(bucket, listen_count)))) AS doc
  FROM {activity_bucket} GROUP BY key, slot
"""
"""doc: [[first day of the bucket, listen_count], ...], ascending."""
OF_EVERYBODY = """
WITH summed AS (
    SELECT /*+ BROADCAST(s) */ b.slot, b.bucket, sum(b.listen_count) AS listen_count
      FROM {activity_bucket} b LEFT ANTI JOIN {subjects} s ON s.key = b.key AND s.filtered
     GROUP BY b.slot, b.bucket
)
SELECT slot, to_json(sort_array(collect_list(array(bucket, listen_count)))) AS doc FROM summed GROUP BY slot
"""
SCHEMA = list_schema(
    {
        "from_ts": {"type": "integer"},
        "to_ts": {"type": "integer"},
        "time_range": {"type": "string"},
        "listen_count": {"type": "integer", "minimum": 0},
    }
)
JOBS = (
    Job(
        name="stats.user.listening_activity",
        statistic="user_listening_activity",
        select={},
        params=(STATS_RANGE, AT, REBUILD, DATABASE),
        inputs=("activity_bucket",),
        run=OF_USER,
        output=UserDocument(),
        about="Listens of every user by day, month or year, in nine ranges and the periods before them",
        route=Route(
            "/1/stats/user/<path:user_name>/listening-activity",
            "listening_activity",
            answer=activity,
            bounds=activity_bounds,
            schema=SCHEMA,
        ),
        command=Command("request_user_stats", {"type": "listening_activity"}),
        refreshed=True,
    ),
    Job(
        name="stats.sitewide.listening_activity",
        statistic="sitewide_listening_activity",
        select={},
        params=(STATS_RANGE, AT, REBUILD),
        inputs=("activity_bucket", "subjects"),
        run=OF_EVERYBODY,
        output=SitewideDocument(),
        about="Listens of everybody by day, month or year, in nine ranges and the periods before them",
        route=Route(
            "/1/stats/sitewide/listening-activity",
            "listening_activity",
            answer=activity,
            bounds=activity_bounds,
            schema=SCHEMA,
        ),
        command=Command("request_sitewide_stats", {"type": "listening_activity"}),
        refreshed=True,
    ),
)
