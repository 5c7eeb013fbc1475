"""Both similarity indexes in one run, with the production values: what cron asks for once a week."""

from jobs.job import AT, Bundle, Command

BUNDLE = Bundle(
    name="similarity.datasets",
    jobs=("similar_recordings", "similar_artists"),
    about="Recordings and artists that are heard in the same sessions, with the values of production",
    params=(AT,),
    command=Command("cron_request_similarity_datasets"),
)
