"""Listens over time, of a user and of everybody (jobs.md 7.5, 7.6): the range and the period before it.

this_week, this_month and this_year end where the day of T begins (jobs.md 4), so a listen of that day is in every other
statistic of these ranges and not in this one. Where the activity has no listen there is no answer. The buckets without
listens are filled in when answering; all_time shows only years that have some, as documented, where the original
showed all since 2002. Buckets begin and end at midnights of the user's clock, and from_ts, to_ts are the activity's.
"""

from jobs.clock import activity, activity_bounds, span_activity
from jobs.job import Route, SitewideDocument, UserDocument
from jobs.stats.schemas import rows
from jobs.stats.whose import EVERYBODY, USER, statistic_job

OF_USER = """
SELECT key, slot, to_json(sort_array(collect_list(array(bucket, listen_count)))) AS doc
  FROM {activity_bucket} GROUP BY key, slot
"""
"""doc: [[first day of the bucket, listen_count], ...], ascending."""
OF_EVERYBODY = """
SELECT slot, to_json(sort_array(collect_list(array(bucket, listen_count)))) AS doc
  FROM {everybody_activity} GROUP BY slot
"""
SCHEMA = rows(
    {
        "from_ts": {"type": "integer"},
        "to_ts": {"type": "integer"},
        "time_range": {"type": "string"},
        "listen_count": {"type": "integer", "minimum": 0},
    }
)
ROUTE = Route(
    "", "listening_activity", answer=activity, answer_span=span_activity, bounds=activity_bounds, schema=SCHEMA
)
JOBS = (
    statistic_job(
        USER,
        "listening_activity",
        run=OF_USER,
        inputs=("activity_bucket",),
        output=UserDocument(),
        about="Listens of every user by day, month or year, in nine ranges and the periods before them",
        route=ROUTE,
    ),
    statistic_job(
        EVERYBODY,
        "listening_activity",
        run=OF_EVERYBODY,
        inputs=("everybody_activity",),
        output=SitewideDocument(),
        about="Listens of everybody by day, month or year, in nine ranges and the periods before them",
        route=ROUTE,
    ),
)
