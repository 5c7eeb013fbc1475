"""Whose recordings are recommended: a user's top artists of the last days, and artists similar to those (jobs.md 8).

A candidate set is every recording of its artists that anybody here hears. Similar artists are those of the index that
similarity.artist made; where it does not know an artist, those whose listeners hear hers too. The sets do not overlap.
Who heard nothing in these days has the artists of the whole window of the dataframes.
"""

from jobs.job import AT, Command, Files, Job, Param
from jobs.ranges import ALL_TIME

DAYS, TOP, SIMILAR = 7, 20, 20
USERS = Param("users", about="only of this user; may be repeated", many=True, option="user_name")

JOB = Job(
    name="cf.recommendations.recording.candidate_sets",
    statistic="recommendation_candidate_sets",
    select={},
    params=(
        Param(
            "days",
            default=DAYS,
            about="days up to the newest listen whose listens say who is a top artist",
            kind=int,
            minimum=1,
            maximum=36_500,
        ),
        Param("top", default=TOP, about="top artists of a user", kind=int, minimum=1, maximum=1000),
        Param("similar", default=SIMILAR, about="artists similar to those", kind=int, minimum=1, maximum=1000),
        Param("html", kind=bool, about="accepted as the original does, and ignored", ignored=True),
        USERS,
        AT,
    ),
    inputs=(),
    run="jobs.chain.candidate_sets.create",
    output=Files(),
    about="Artists whose recordings may be recommended, of every user",
    command=Command("request_candidate_sets"),
    ranges=(ALL_TIME,),
)
