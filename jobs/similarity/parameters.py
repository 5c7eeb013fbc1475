"""Options of the similarity of recordings and artists: as documented, with the production values as defaults."""

from collections.abc import Mapping
from datetime import timedelta

from jobs.job import Param

DAYS = Param(
    "days", kind=int, default=7500, minimum=1, maximum=36_500, about="listens of the last so many days up to T"
)
SESSION = Param(
    "session", kind=int, default=300, minimum=0, maximum=86_400, about="seconds of pause that a session may have"
)
THRESHOLD = Param(
    "threshold", kind=int, default=10, minimum=0, maximum=1_000_000, about="a pair's score has to be above it"
)
LIMIT = Param("limit", kind=int, default=100, minimum=1, maximum=1_000, about="at most so many of each are kept")
IS_PRODUCTION_DATASET = Param(
    "is_production_dataset",
    kind=bool,
    about="in place of what is served; without it beside that, a week, for who asks for its algorithm",
    option="production",
)
ONLY_STAGE2 = Param(
    "only_stage2",
    kind=bool,
    about="accepted as the original does, and ignored: there are no stages that are kept",
    ignored=True,
)
ABOUT = {True: "as they are served", False: "beside those that are served"}
"""How the two datasets of a job are told apart."""
KEPT_BESIDE = timedelta(days=7)
"""How long: as old as what is served may be, which is made anew each week, without what was deleted since."""
_BESIDE = "_dev"


def statistics(served: str) -> Mapping[str, bool]:
    """Of a dataset: the statistic of what is served and of what is kept beside it, with whether it is production's."""
    return {served: True, served + _BESIDE: False}


def statistic(served: str, params: Mapping[str, object]) -> str:
    """The one that a request makes."""
    return served if params[IS_PRODUCTION_DATASET.name] else served + _BESIDE


def contribution(name: str) -> Param:
    """The most that one user adds to a pair's score, under the request's own name for it."""
    return Param(
        name,
        kind=int,
        default=5,
        minimum=1,
        maximum=1_000,
        about="the most that one user adds to a pair's score",
        option="contribution",
        aliases=() if name == "contribution" else (name,),
    )


def skip(name: str) -> Param:
    """After how early an end a listen was skipped, under the request's own name for it."""
    return Param(
        name,
        kind=int,
        default=30,
        minimum=0,
        maximum=86_400,
        about="seconds before a recording's end; a listen that ends still earlier was skipped",
        option="skip",
        aliases=() if name == "skip" else (name,),
    )


def algorithm(params: Mapping[str, object]) -> str:
    """What a dataset names itself (jobs.md 9). `params`: days, session, contribution, threshold, limit, skip."""
    return (
        f"session_based_days_{params['days']}_session_{params['session']}_contribution_{params['contribution']}"
        f"_threshold_{params['threshold']}_limit_{params['limit']}_skip_{params['skip']}"
    )
