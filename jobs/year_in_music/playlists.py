"""Both playlists of a year in one run, as the documented command asks for them."""

from jobs.job import Bundle, Command
from jobs.year_in_music.report import PLAYLISTS
from jobs.year_in_music.section import NAME
from jobs.years import YEAR

BUNDLE = Bundle(
    name=f"{NAME}.playlists",
    jobs=tuple(f"{NAME}_{section}" for section in PLAYLISTS),
    about="Both playlists of a year, of every user",
    params=(YEAR,),
    command=Command("request_yim_playlists"),
)
