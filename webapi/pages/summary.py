"""What the user page says of statistics: the first artists of all time, and listens over time as a small chart."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.catalog import catalog
from jobs.ranges import ALL_TIME
from webapi.charts import said
from webapi.db.versions import runs_of_range
from webapi.pages import charted
from webapi.statistics import Asked, payload_of

TOP = 10
"""Artists of the small list."""
ARTISTS, ACTIVITY = "user_artists", "user_listening_activity"


@dataclass(frozen=True)
class TopArtists:
    """The first of the stored statistic over all time."""

    artists: list[dict[str, Any]]
    computed: datetime


@dataclass(frozen=True)
class OverTime:
    """Listens over time, and what is said of them in words."""

    drawn: charted.Activity
    said: str


@dataclass(frozen=True)
class Summary:
    """None: not computed yet, or there are no listens."""

    top: TopArtists | None
    activity: OverTime | None


def summary_of(cursor: Cursor, user_id: int) -> Summary:
    """Of a user, from what is stored. Listens over time are those of this year, or where it has none, of all time."""
    return Summary(_top_artists(cursor, user_id), _this_year(cursor, user_id) or _all_time(cursor, user_id))


def summary_version(cursor: Cursor) -> tuple[str | None, ...]:
    """The runs that a summary is made from."""
    of_all_time, of_year = runs_of_range(cursor, ALL_TIME), runs_of_range(cursor, "this_year")
    return of_all_time.get(ARTISTS), of_all_time.get(ACTIVITY), of_year.get(ACTIVITY)


def _top_artists(cursor: Cursor, user_id: int) -> TopArtists | None:
    made = payload_of(cursor, catalog().jobs[ARTISTS], user_id, Asked(ALL_TIME, TOP))
    if made is None:
        return None
    return TopArtists(made["artists"], datetime.fromtimestamp(made["last_updated"], UTC))


def _this_year(cursor: Cursor, user_id: int) -> OverTime | None:
    drawn = _activity(cursor, user_id, "this_year")
    if drawn is None or not drawn.now:
        return None
    year = drawn.year
    return OverTime(drawn, f"In {year} so far {said(drawn.now)}, in the whole of {year - 1} {drawn.before:,}")


def _all_time(cursor: Cursor, user_id: int) -> OverTime | None:
    drawn = _activity(cursor, user_id, ALL_TIME)
    return None if drawn is None else OverTime(drawn, f"By year, {said(drawn.now)} in all")


def _activity(cursor: Cursor, user_id: int, stats_range: str) -> charted.Activity | None:
    made = payload_of(cursor, catalog().jobs[ACTIVITY], user_id, Asked(stats_range))
    return None if made is None else charted.listening_activity(made)
