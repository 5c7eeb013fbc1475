"""Both similarity indexes in one run, with the production values: what cron asks for once a week."""

from jobs.job import AT, Bundle, Command
from jobs.similarity import artist, recording
from jobs.similarity.parameters import IS_PRODUCTION_DATASET, statistics

_SERVED = (recording.STATISTIC, artist.STATISTIC)
BESIDE = tuple(name for served in _SERVED for name, production in statistics(served).items() if not production)
"""Statistics of what is kept for a while beside what is served."""

BUNDLE = Bundle(
    name="similarity.datasets",
    jobs=_SERVED,
    about="Recordings and artists that are heard in the same sessions, with the values of production",
    params=(AT,),
    given={statistic: {IS_PRODUCTION_DATASET.name: True} for statistic in _SERVED},
    command=Command("cron_request_similarity_datasets"),
)
