"""Top recordings, of a user and of everybody (jobs.md 7.2, 7.6).

Names are those submitted, MBIDs those of the identity rule. Recordings are the same when the folded names of track,
artist and release and all their MBIDs are: a track heard on two releases is two items, as in the original. A release
name that is empty, or nothing but blanks, is none. Credit and cover are those of the recording and the release.
The combination of spellings shown is the one most played in that range; ties: the greatest by UTF-8 bytes.
"""

from jobs.job import Column
from jobs.stats.lists import SHOWN_BESIDE, list_jobs

ITEMS = """
SELECT i.identity_id, i.track_name, i.track_name_key, i.recording_mbid, i.artist_name, i.artist_key, i.artist_mbids,
       CASE WHEN i.release_key <> '' THEN i.release_name END AS release_name,
       nullif(i.release_key, '') AS release_key, i.release_mbid, c.artists, r.caa_id, r.caa_release_mbid
  FROM {identity} i
  LEFT JOIN {recording_artist} c ON c.recording_mbid = i.recording_mbid
  LEFT JOIN {release_metadata_cache} r ON r.release_mbid = i.release_mbid
"""
JOBS = list_jobs(
    "recordings",
    "recordings",
    ITEMS,
    ("identity", "recording_artist", "release_metadata_cache"),
    (
        Column("track_name", "string"),
        Column("recording_mbid", "string"),
        Column("artist_name", "string"),
        Column("artist_mbids", "array<string>"),
        Column("release_name", "string"),
        Column("release_mbid", "string"),
        *SHOWN_BESIDE,
    ),
    ("track_name_key", "recording_mbid", "artist_key", "artist_mbids", "release_key", "release_mbid"),
)
