"""The whole report of a year, in one run: one pass over the listens of the year, one over those before it."""

from jobs.job import Bundle, Command, Param
from jobs.year_in_music.playlist import EXPORT_TO_SPOTIFY
from jobs.year_in_music.section import NAME
from jobs.years import YEAR

SECTIONS = (
    "listen_count",
    "listening_time",
    "listens_per_day",
    "day_of_week",
    "most_listened_year",
    "top_artists",
    "top_recordings",
    "top_release_groups",
    "artist_map",
    "top_genres",
    "genre_activity",
    "artist_evolution_activity",
    "new_releases_of_top_artists",
    "new_artists_discovered",
    "similar_users",
    "top_discoveries",
    "top_missed_recordings",
)
"""In the order in which they are told."""
IMPORT_PG_TABLES = Param(
    "import_pg_tables",
    kind=bool,
    about="accepted as the original does, and ignored: metadata is imported by request_import_pg_tables",
    ignored=True,
)
PLAYLISTS = ("top_discoveries", "top_missed_recordings")
BUNDLE = Bundle(
    name=NAME,
    jobs=tuple(f"{NAME}_{section}" for section in SECTIONS),
    about="The year in music of every user: all sections, which become visible together",
    params=(YEAR, IMPORT_PG_TABLES, EXPORT_TO_SPOTIFY),
    command=Command("request_year_in_music"),
)
