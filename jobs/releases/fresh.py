"""Fresh releases (jobs.md 11): what comes out about T, and whom of its artists each user has heard.

Of the imported table `releases` those are taken that come out at most 90 days before or after the day of T, UTC; a date
that no calendar has is passed over. They are stored by day, for everybody. A user is stored the releases of artists
whom she has heard, with their `confidence`: her listens, each counted once for every artist of its recording that the
release names too, by MBID. Releases below `threshold` are left out, and those of an artist whom she excludes.

Where this differs from the original: deleted listens are gone (jobs.md 14.9), the window of `days` is whole and ends
with T (14.3), and releases come from the import, not from another server. Order: confidence descending, ties the
greater MBID; the original leaves them in any.
"""

from jobs.job import AT, DATABASE, Command, DayDocument, Job, Output, Param, UserDocument
from jobs.ranges import ALL_TIME

NAME = "releases.fresh"
WINDOW = 90
"""Days before T, and after."""
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
    _job("everybody", OF_DAY, DayDocument(), "Releases that come out about now, by day"),
    _job("users", OF_USER, UserDocument(), "Releases that come out about now, of artists every user has heard"),
)
