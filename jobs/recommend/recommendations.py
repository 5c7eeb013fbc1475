"""What users may like to hear (jobs.md 8): three lists each, by the newest model, each with its reasons.

raw: of all recordings that the model knows; top: by the user's top artists; similar: by artists similar to those
(jobs/recommend/candidate_sets.py). At most a share of a list was heard in the window before (by default nothing of it).
Who has heard fewer than FEW recordings, and whom the model has nothing for, gets what is declared in its place, and the
list says why: what most listeners here hear (by her artists, and where they have nothing and she has heard so few, by
anybody), else recordings of her own, all of which were heard, whatever share was asked for. What cannot explain itself
is not served.
"""

from jobs.job import AT, Bundle, Command, Job, Param, UserDocument
from jobs.ranges import ALL_TIME
from jobs.recommend.candidate_sets import USERS

NAME = "cf.recommendations.recording.recommendations"
ARTIST_TYPES = ("raw", "top", "similar")
FEW = 5
"""Recordings that a user must have heard in the window for the model to say something of her."""
EXPLAINED = 100
"""Items of a list that have reasons."""
MOST_REASONS = 20
"""Of one item; what all others say together is one reason more, without an id."""
MOST_ITEMS = 1000


def _limit(artist_type: str, default: int) -> Param:
    about = f"recordings of the list {artist_type!r}"
    return Param(
        f"recommendation_{artist_type}_limit",
        default=default,
        about=about,
        kind=int,
        minimum=1,
        maximum=MOST_ITEMS,
        option=artist_type,
    )


_PARAMS = (
    _limit("top", 200),
    _limit("similar", 200),
    _limit("raw", 1000),
    USERS,
    Param(
        "max_heard_share",
        default=0.0,
        about="at most so much of a list was heard in the window before; recordings of her own, which a user gets "
        "where nothing else is left, are not limited by it",
        kind=float,
        minimum=0.0,
        maximum=1.0,
    ),
    AT,
)
_ABOUT = {
    "raw": "Recordings that every user may like",
    "top": "Recordings that every user may like, by her top artists",
    "similar": "Recordings that every user may like, by artists similar to her top artists",
}

JOBS = tuple(
    Job(
        name=NAME,
        statistic=f"recommendations_{artist_type}",
        select={"artist_type": artist_type},
        params=_PARAMS,
        inputs=(),
        run="jobs.chain.recommending.recommend",
        output=UserDocument(),
        about=_ABOUT[artist_type],
        command=Command("request_recommendations"),
        ranges=(ALL_TIME,),
    )
    for artist_type in ARTIST_TYPES
)

BUNDLE = Bundle(
    name="cf.recommendations.recording.all",
    jobs=(
        "recommendation_dataframes",
        "recommendation_model",
        "recommendation_discovery",
        "recommendation_candidate_sets",
        *(job.statistic for job in JOBS),
    ),
    about="Dataframes, model, discovery, candidate sets and recommendations, one after the other, of one data version",
    params=(AT,),
    command=Command("cron_request_recommendations"),
)
