"""Top artists of a user.

A listen with several artists counts once for each of them (named twice in one credit: once); one without artist
MBIDs counts for its credit text. Artists are the same when folded name and MBID are. The spelling shown is the one most
played in that range; ties: the greatest by UTF-8 bytes. The list is whole, not cut at 1000 as in the original.
"""

from collections.abc import Mapping
from typing import Any

from jobs.job import AT, DATABASE, STATS_RANGE, Column, Command, Job, PerUser, Route

RUN = """
WITH plays AS (
    SELECT u.user_id, r.artist_mbid, u.counts,
           coalesce(a.artist_key, t.artist_key) AS artist_key,
           coalesce(a.artist_name, t.artist_name) AS artist_name
      FROM {user_track} u
      JOIN {tracks} t ON t.track_id = u.track_id
      JOIN {user_track_artist} r ON r.user_id = u.user_id AND r.track_id = u.track_id
      LEFT JOIN {artist_names} a ON a.artist_mbid = r.artist_mbid
), spellings AS (
    SELECT user_id, stats_range, artist_key, artist_mbid, artist_name, sum(listen_count) AS listen_count
      FROM (SELECT user_id, artist_key, artist_mbid, artist_name,
                   posexplode(counts) AS (stats_range, listen_count) FROM plays)
     WHERE listen_count > 0
     GROUP BY user_id, stats_range, artist_key, artist_mbid, artist_name
)
SELECT user_id, stats_range, CAST(sum(listen_count) AS INT) AS listen_count,
       max(struct(listen_count, artist_name)).artist_name AS artist_name, artist_mbid
  FROM spellings
 GROUP BY user_id, stats_range, artist_key, artist_mbid
"""


def item(stored: Mapping[str, Any]) -> dict[str, Any]:
    """As answered: the newer `artist_mbid` beside the documented `artist_mbids`."""
    mbid = stored["artist_mbid"]
    return {"artist_name": stored["artist_name"], "artist_mbid": mbid, "artist_mbids": [] if mbid is None else [mbid]}


ANSWERED = (
    Column("artist_name", "string"),
    Column("artist_mbid", "string"),
    Column("artist_mbids", "array<string>"),
)
JOB = Job(
    name="stats.user.entity",
    statistic="user_artists",
    select={"entity": "artists"},
    params=(STATS_RANGE, AT, DATABASE),
    inputs=("user_track", "tracks", "user_track_artist", "artist_names"),
    run=RUN,
    output=PerUser((Column("artist_name", "string"), Column("artist_mbid", "string"))),
    about="Top artists of every user, in nine ranges",
    route=Route("/1/stats/user/<path:user_name>/artists", "artists", "total_artist_count", item, ANSWERED),
    command=Command("request_user_stats", {"type": "entity"}),
    refreshed=True,
)
