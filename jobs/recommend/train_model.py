"""The model that recommends: the kind and parameters that rank best what was heard next (jobs/engines/evaluate.py).

Otherwise than in the original (jobs.md 8 and 14.11): play counts are split by time, never at random; models are ranked
by nDCG@10 over the whole catalogue, not by RMSE; ALS is one kind among several; what is served is the best that was
measured at what is new to users and can explain itself, fitted on all play counts, not on one fold. A model that does
not beat the best baseline there is not promoted, the baseline's lists are served, and the card says so.
"""

from jobs.job import AT, Command, EntityDocument, Job, Param
from jobs.ranges import ALL_TIME

MODELS_KEPT = 3
SEED = 45
ALS_DEFAULTS = {"ranks": (64,), "iterations": (15,), "lambdas": (10.0,), "alphas": (1.0,)}
"""Of what is not said, where something is."""


def _grid(  # noqa: PLR0917 - what, then its bounds
    name: str, option: str, what: str, kind: type[int | float], minimum: float, maximum: float
) -> Param:
    unnamed = ", ".join(f"{value:g}" for value in ALS_DEFAULTS[name])
    about = (
        f"{what} of ALS; may be repeated; {unnamed} if only others of --rank, --itr, --lmbda and --alpha are named; if "
        "none is, as jobs/engines/search.py has them"
    )
    return Param(name, about=about, kind=kind, many=True, minimum=minimum, maximum=maximum, option=option)


JOB = Job(
    name="cf.recommendations.recording.train_model",
    statistic="recommendation_model",
    select={},
    params=(
        _grid("ranks", "rank", "factors", int, 1, 512),
        _grid("iterations", "itr", "iterations", int, 1, 1000),
        _grid("lambdas", "lmbda", "regularization", float, 1e-6, 1e6),
        _grid("alphas", "alpha", "confidence per play", float, 1e-6, 1e6),
        Param(
            "use_transformed_listencounts",
            default=False,
            about="20 for one play, 30 + min(n, 20) for n plays, in place of the plays themselves",
            kind=bool,
        ),
        Param("seed", default=SEED, about="of everything that is drawn", kind=int, minimum=0, maximum=2**31 - 1),
        AT,
    ),
    inputs=(),
    run="jobs.chain.training.train",
    output=EntityDocument(),
    about="The model that recommends, chosen among several by what users heard next, with its card",
    command=Command("request_model"),
    ranges=(ALL_TIME,),
)
