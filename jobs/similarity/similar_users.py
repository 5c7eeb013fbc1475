"""Users who hear the same recordings: exact cosine of play counts, all pairs (jobs.md 8).

Ties: the greater user id first. Made of the dataframes for similar users, which are made anew where something has
landed since. Names are joined when it is served, so a user who is gone is gone from every list at once.
"""

from jobs.job import AT, Bundle, Command, Job, Param, UserDocument
from jobs.ranges import ALL_TIME
from jobs.recommend.dataframes import DEFAULTS, SIMILAR_USERS

JOB = Job(
    name="similarity.similar_users",
    statistic="similar_users",
    select={},
    params=(
        Param("max_num_users", default=25, about="most similar users of a user", kind=int, minimum=1, maximum=1000),
        AT,
    ),
    inputs=(),
    run="jobs.chain.similar_users.similar_users",
    output=UserDocument(),
    about="Users who hear the same recordings, of every user",
    command=Command("request_similar_users"),
    ranges=(ALL_TIME,),
)

BUNDLE = Bundle(
    name="similarity.similar_users.all",
    jobs=("recommendation_dataframes", "similar_users"),
    about="Dataframes for similar users, then these",
    params=(AT,),
    given={
        "recommendation_dataframes": {
            "job_type": SIMILAR_USERS,
            "train_model_window": DEFAULTS[SIMILAR_USERS][0],
            "minimum_listens_threshold": DEFAULTS[SIMILAR_USERS][1],
        }
    },
    command=Command("cron_request_similar_users"),
)
