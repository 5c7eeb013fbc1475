"""Top artists, of a user and of everybody (jobs.md 7.1, 7.6).

A listen with several artists counts once for each of them (named twice in one credit: once); one without artist
MBIDs counts for its credit text. Artists are the same when folded name and MBID are. The spelling shown is the one most
played in that range; ties: the greatest by UTF-8 bytes. The lists are whole, not cut at 1000 as in the original, and
sitewide a user's 500 plays are per artist, not per spelling and part of the data.
"""

from collections.abc import Mapping
from typing import Any

from jobs.job import Column
from jobs.stats.lists import list_jobs


def item(stored: Mapping[str, Any]) -> dict[str, Any]:
    """As answered: the newer `artist_mbid` beside the documented `artist_mbids`."""
    mbid = stored["artist_mbid"]
    return {"artist_name": stored["artist_name"], "artist_mbid": mbid, "artist_mbids": [] if mbid is None else [mbid]}


JOBS = list_jobs(
    "artists",
    "artists",
    "SELECT identity_id, artist_name, artist_mbid, artist_key FROM {identity_artist}",
    ("identity_artist",),
    (Column("artist_name", "string"), Column("artist_mbid", "string")),
    ("artist_key", "artist_mbid"),
    answered=(
        Column("artist_name", "string"),
        Column("artist_mbid", "string"),
        Column("artist_mbids", "array<string>"),
    ),
    answer=item,
)
