"""Dataframes of play counts, which models, candidate sets and similar users are made of (jobs.md 8).

Otherwise than there: the window begins exactly so many days before T, not on the first of that month (jobs.md 4). Who
asks for 180 days gets 180; the original reads whole months, for its files are monthly. A listen without an MBID counts
for its MSID, one with an MBID that was merged for the recording it was merged into; a recording has one dense id,
whatever credits it was seen with; what a user leaves out of her statistics is left out. Whose a recording is
MusicBrainz says, else all who played it, MBIDs before texts; it has the credit of MusicBrainz, else the names played
most. What one user maps for herself counts where nothing else is known.
"""

from jobs.job import AT, Command, Files, Job, Param
from jobs.ranges import ALL_TIME

RECORDINGS, SIMILAR_USERS = "recommendation_recording", "similar_users"
DEFAULTS = {RECORDINGS: (180, 0), SIMILAR_USERS: (365, 50)}
"""By what they are for: days of the window, and listens that a user has more than."""

JOB = Job(
    name="cf.recommendations.recording.create_dataframes",
    statistic="recommendation_dataframes",
    select={},
    params=(
        Param(
            "train_model_window",
            default=180,
            about="days up to the newest listen whose listens count",
            kind=int,
            minimum=1,
            maximum=36_500,
            option="days",
        ),
        Param("job_type", (RECORDINGS, SIMILAR_USERS), default=RECORDINGS, about="what they are for"),
        Param(
            "minimum_listens_threshold",
            default=0,
            about="only users with more listens than that",
            kind=int,
            minimum=0,
            maximum=2**31 - 1,
            option="listens_threshold",
        ),
        AT,
    ),
    inputs=(),
    run="jobs.chain.dataframes.create",
    output=Files(),
    about="Play counts of users and recordings with dense ids, for models and similar users",
    command=Command("request_dataframes"),
    ranges=(ALL_TIME,),
)
