"""Top releases, of a user and of everybody (jobs.md 7.3, 7.6).

A release is what MusicBrainz says of it where its MBID is known there: name, artists, cover; what it does not say, the
listen does. Without an MBID it is known by the names submitted. A listen without a release name is of no release.
Releases are the same when folded names and MBIDs are, so equal titles of two artists are two.
"""

from jobs.job import Column
from jobs.stats.lists import ALBUM_ARTIST, SHOWN_BESIDE, list_jobs

ITEMS = """
SELECT * FROM (
    SELECT i.identity_id, i.release_mbid, coalesce(r.release_name, i.release_name) AS release_name,
           coalesce(r.release_key, i.release_key) AS release_key,
           coalesce(r.album_artist_name, i.artist_name) AS artist_name,
           coalesce(r.album_artist_key, i.artist_key) AS artist_key,
           coalesce(r.artist_credit_mbids, i.artist_mbids) AS artist_mbids, r.artists, r.caa_id, r.caa_release_mbid
      FROM {identity} i LEFT JOIN {release_metadata_cache} r ON r.release_mbid = i.release_mbid
) WHERE release_key <> ''
"""
JOBS = list_jobs(
    "releases",
    "releases",
    ITEMS,
    ("identity", "release_metadata_cache"),
    (Column("release_name", "string"), Column("release_mbid", "string"), *ALBUM_ARTIST, *SHOWN_BESIDE),
    ("release_key", "release_mbid", "artist_key", "artist_mbids"),
)
