"""Fresh releases (jobs.md 11): what comes out when, and whom of the artists of now each user has heard.

The imported table `releases` is stored by day, for everybody: whole, for any day may be asked for. A date that no
calendar has is passed over. A user is stored the releases of artists whom she has heard, of those that come out at most
90 days before or after today, UTC: the day of the run's clock, whenever the newest listen was, or of `at`. With them
goes their `confidence`: her listens, each counted once for every artist of its recording that the release names too, by
MBID (those of the listen, else MusicBrainz's). Releases below `threshold` are left out, and those of an artist whom she
excludes.

Where this differs from the original: deleted listens are gone (jobs.md 14.9), the window of `days` is whole and ends
with T (14.3), and releases come from the import, not from another server. Order: confidence descending, ties the
greater MBID; the original leaves them in any.
"""

from jobs.job import AT, DATABASE, Command, DayDocument, Job, Output, Param, UserDocument
from jobs.ranges import ALL_TIME

NAME = "releases.fresh"
WINDOW = 90
"""Days before today, and after."""
OF_DAY, OF_USER = "fresh_releases_of_day", "fresh_releases"
"""Statistics."""
_DAYS = Param(
    "days", kind=int, minimum=1, maximum=36_500, about="listens of the last so many days up to T; without it all"
)
_THRESHOLD = Param("threshold", kind=int, default=0, minimum=0, maximum=1_000_000, about="the least confidence")


def _job(whose: str, statistic: str, output: Output, about: str) -> Job:
    return Job(
        name=NAME,
        statistic=statistic,
        select={"whose": whose},
        params=(_DAYS, _THRESHOLD, AT, DATABASE),
        inputs=(),
        run=f"jobs.run_fresh_releases.of_{whose}",
        output=output,
        about=about,
        command=Command("request_fresh_releases"),
        ranges=(ALL_TIME,),
    )


JOBS = (
    _job("everybody", OF_DAY, DayDocument(), "Releases of every day that was imported"),
    _job("users", OF_USER, UserDocument(), "Releases that come out about now, of artists every user has heard"),
)
