"""Top release groups, of a user and of everybody (jobs.md 7.4, 7.6): all releases of an album together.

The group is that of the release, as MusicBrainz has it; of a release it does not know, the one the player sent, so that
an instance without metadata has these charts too (the original never asks the player). A group is what MusicBrainz says
of it: title, artists, cover; what it does not say, the listen does, the release's name being the group's. A listen
without such a name is of no group. Groups are the same when folded names and MBIDs are.
"""

from jobs.job import Column
from jobs.stats.lists import ALBUM_ARTIST, SHOWN_BESIDE, list_jobs

ITEMS = """
SELECT identity_id, release_group_mbid, release_group_name, release_group_key, artist_name, artist_key, artist_mbids,
       artists, caa_id, caa_release_mbid
  FROM {identity_release_group} WHERE release_group_key <> ''
"""
JOBS = list_jobs(
    "release_groups",
    "release groups",
    ITEMS,
    ("identity_release_group",),
    (Column("release_group_name", "string"), Column("release_group_mbid", "string"), *ALBUM_ARTIST, *SHOWN_BESIDE),
    ("release_group_key", "release_group_mbid", "artist_key", "artist_mbids"),
)
