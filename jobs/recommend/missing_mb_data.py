"""What each user hears that MusicBrainz does not know (jobs.md 11): listens without a recording MBID.

Otherwise than there: an MSID is listed once, in the spelling the user played most (ties: the greatest), however often
it was spelled otherwise; a tie at the end of the list is cut by the later listen, then the greater MSID; what a user
leaves out of her statistics is left out. The window begins exactly so many days before T, not on the first of that
month (jobs.md 4): who asks for 180 days gets 180; the original reads whole months, for its files are monthly.
"""

from jobs.job import AT, Command, Job, Param, UserDocument
from jobs.ranges import ALL_TIME

DAYS = 180
MOST = 1000
"""MSIDs of a user: those with the most listens."""

JOB = Job(
    name="cf.missing_mb_data",
    statistic="missing_musicbrainz_data",
    select={},
    params=(
        Param(
            "days",
            default=DAYS,
            about="days up to the newest listen whose listens count",
            kind=int,
            minimum=1,
            maximum=36_500,
        ),
        AT,
    ),
    inputs=(),
    run="jobs.run_missing_mb_data.missing_mb_data",
    output=UserDocument(),
    about="What MusicBrainz does not know of what every user hears",
    command=Command("request_missing_mb_data"),
    ranges=(ALL_TIME,),
)
"""doc: [{listened_at, recording_msid, track_name, artist_name, release_name}, ...], the last heard first."""
