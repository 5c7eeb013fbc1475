"""Listens of the most heard artists over time, of a user and of everybody (jobs.md 7.5, 7.6).

Artists are those that the metadata credit a recording to, by MBID and credited name, exactly: an alias is another line.
One named twice alike in a credit counts once, and a listen whose recording has no such credit counts nowhere, as in the
original. A lake that has no such metadata at all takes what listens themselves name: each of their artist MBIDs, or
none, with the credit's text as submitted. The 20 artists with the most listens stay, ties: the greatest (MBID, name),
no MBID being the least; the original took any. Nothing is filled with zeros.
"""

from collections.abc import Mapping
from typing import Any

from jobs.clock import time_unit
from jobs.job import Route, SitewideDocument, UserDocument
from jobs.stats.schemas import NO_MBID, TEXT, rows
from jobs.stats.whose import EVERYBODY, USER, statistic_job

OF_USER = """
WITH by_artist AS (
    SELECT key, slot, artist_id, sum(listen_count) AS listen_count,
           sort_array(collect_list(array(unit, listen_count))) AS units
      FROM {artist_unit} GROUP BY key, slot, artist_id
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY key, slot ORDER BY listen_count DESC, artist_id DESC) AS place
      FROM by_artist
)
SELECT r.key, r.slot, to_json(sort_array(collect_list(struct(a.artist_mbid, a.artist_name, r.units)))) AS doc
  FROM ranked r JOIN {credited_artist} a ON a.artist_id = r.artist_id
 WHERE r.place <= 20
 GROUP BY r.key, r.slot
"""
"""doc: [{"artist_mbid", "artist_name", "units": [[unit, listen_count], ...]}, ...], both ascending.

Of an artist without MBID the doc names none. Artist ids are in the order of (MBID, name).
"""
OF_EVERYBODY = """
WITH by_artist AS (
    SELECT slot, artist_mbid, artist_name, sum(listen_count) AS listen_count,
           sort_array(collect_list(array(unit, listen_count))) AS units
      FROM {everybody_artist_unit} GROUP BY slot, artist_mbid, artist_name
), ranked AS (
    SELECT *, row_number() OVER (
               PARTITION BY slot ORDER BY listen_count DESC, artist_mbid DESC, artist_name DESC) AS place
      FROM by_artist
)
SELECT slot, to_json(sort_array(collect_list(struct(artist_mbid, artist_name, units)))) AS doc
  FROM ranked WHERE place <= 20 GROUP BY slot
"""
SCHEMA = rows(
    {
        "time_unit": TEXT,
        "artist_mbid": NO_MBID,
        "artist_name": TEXT,
        "listen_count": {"type": "integer", "minimum": 1},
    }
)


def answer(stored: list[Mapping[str, Any]], stats_range: str, newest_listen_ts: int, zone: str) -> list[dict[str, Any]]:
    """One item per time unit and artist, both descending: days and years as numbers, names by their letters."""
    cells = [
        (time_unit(stats_range, number), place, listen_count)
        for place, artist in enumerate(stored)
        for number, listen_count in artist["units"]
    ]
    return [
        {
            "time_unit": str(unit),
            "artist_mbid": stored[place].get("artist_mbid"),
            "artist_name": stored[place]["artist_name"],
            "listen_count": listen_count,
        }
        for unit, place, listen_count in sorted(cells, reverse=True)
    ]


ROUTE = Route("", "artist_evolution_activity", answer=answer, schema=SCHEMA)
JOBS = (
    statistic_job(
        USER,
        "artist_evolution_activity",
        run=OF_USER,
        inputs=("artist_unit", "credited_artist"),
        output=UserDocument(),
        about="The twenty artists every user hears most, over time, in nine ranges",
        route=ROUTE,
    ),
    statistic_job(
        EVERYBODY,
        "artist_evolution_activity",
        run=OF_EVERYBODY,
        inputs=("everybody_artist_unit",),
        output=SitewideDocument(),
        about="The twenty artists everybody hears most, over time, in nine ranges",
        route=ROUTE,
    ),
)
