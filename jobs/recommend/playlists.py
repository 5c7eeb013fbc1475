"""Playlists that users get by themselves (jobs.md 11), from what is recommended to them (jobs/engines/jams.py).

weekly-jams: heard, but not in the last 60 days. weekly-exploration: never heard. daily-jams: heard, not in the last 7
days. A daily one is made once a user's day has begun on her clock, a weekly one once her Monday has, for whoever has
none yet of that day or week: the schedule asks every hour, and where nothing ran in the first one a later one does it.
Of a kind the two newest of a user are kept, two weeks at most. Recordings without an MBID are in none, for JSPF has no
name for them; who has no recording that fits gets none, and is not seen to again on that day, or in that week.

They come of the list `raw` as it is served. By default that leaves nothing of the model's window, so what a user has
heard there is added, behind the list, where a playlist is of what was heard.
"""

from jobs.engines.jams import JAMS
from jobs.job import AT, Command, Job, Param, UserPlaylist
from jobs.ranges import ALL_TIME

DAILY = "daily-jams"
CREATE_ALL = Param(
    "create_all", default=False, about="for every user, whether she has one or not, of the day on her clock", kind=bool
)
_ABOUT = {
    "weekly-jams": "A playlist of recordings that a user has not heard for a while",
    "weekly-exploration": "A playlist of recordings that a user has never heard",
    DAILY: "A playlist of recordings that a user knows, for a day",
}


def statistic_of(slug: str) -> str:
    """What the runs of these playlists are known by."""
    return f"playlist_{slug.replace('-', '_')}"


def _job(slug: str) -> Job:
    weekly = JAMS[slug].weekly
    return Job(
        name="troi.playlists" if weekly else "troi.daily_jams",
        statistic=statistic_of(slug),
        select={"slug": slug} if weekly else {},
        params=(CREATE_ALL, AT),
        inputs=(),
        run=f"jobs.chain.playlists.make_{'weekly' if weekly else 'daily'}",
        output=UserPlaylist(),
        about=_ABOUT[slug],
        command=Command("request_troi_playlists" if weekly else "run_daily_jams"),
        ranges=(ALL_TIME,),
    )


JOBS = tuple(map(_job, JAMS))
