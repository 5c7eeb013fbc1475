"""Top artists, of a user and of everybody (jobs.md 7.1, 7.6).

A listen with several artists counts once for each of them (named twice in one credit: once); one without artist
MBIDs counts for its credit text. Artists are the same when folded name and MBID are. The spelling shown is the one most
played in that range; ties: the greatest by UTF-8 bytes. The lists are whole, not cut at 1000 as in the original, and
sitewide a user's 500 plays are per artist, not per spelling and part of the data.
"""

from collections.abc import Mapping
from typing import Any

from jobs.job import AT, DATABASE, REBUILD, STATS_RANGE, Column, Command, Job, PerUser, Route, Sitewide

ITEMS = """
SELECT i.identity_id, i.artist_mbid, coalesce(a.artist_key, i.artist_key) AS artist_key,
       coalesce(a.artist_name, i.artist_name) AS artist_name
  FROM (SELECT identity_id, artist_key, artist_name, explode_outer(array_distinct(artist_mbids)) AS artist_mbid
          FROM {identity}) i
  LEFT JOIN {artist_names} a ON a.artist_mbid = i.artist_mbid
"""
INPUTS = ("identity", "artist_names")
STRUCT = (Column("artist_name", "string"), Column("artist_mbid", "string"))
GROUP = ("artist_key", "artist_mbid")


def item(stored: Mapping[str, Any]) -> dict[str, Any]:
    """As answered: the newer `artist_mbid` beside the documented `artist_mbids`."""
    mbid = stored["artist_mbid"]
    return {"artist_name": stored["artist_name"], "artist_mbid": mbid, "artist_mbids": [] if mbid is None else [mbid]}


ANSWERED = (
    Column("artist_name", "string"),
    Column("artist_mbid", "string"),
    Column("artist_mbids", "array<string>"),
)
JOBS = (
    Job(
        name="stats.user.entity",
        statistic="user_artists",
        select={"entity": "artists"},
        params=(STATS_RANGE, AT, REBUILD, DATABASE),
        inputs=INPUTS,
        run=ITEMS,
        output=PerUser(STRUCT, GROUP),
        about="Top artists of every user, in nine ranges",
        route=Route("/1/stats/user/<path:user_name>/artists", "artists", "total_artist_count", item, ANSWERED),
        command=Command("request_user_stats", {"type": "entity"}),
        refreshed=True,
    ),
    Job(
        name="stats.sitewide.entity",
        statistic="sitewide_artists",
        select={"entity": "artists"},
        params=(STATS_RANGE, AT, REBUILD),
        inputs=INPUTS,
        run=ITEMS,
        output=Sitewide(STRUCT, GROUP),
        about="Top artists of everybody, in nine ranges",
        route=Route("/1/stats/sitewide/artists", "artists", "total_artist_count", item, ANSWERED),
        command=Command("request_sitewide_stats", {"type": "entity"}),
        refreshed=True,
    ),
)
