"""Artist activity, of a user and of everybody (api.md 7): the 15 most heard artists with their albums.

Made from the whole list of release groups. A group counts for every artist of its credit as MusicBrainz has it, once
for each; without a credit, for its one artist MBID; else for its credit text, whatever its case. The name shown is the
one with the most listens (ties: the greatest by UTF-8 bytes). Artists and albums: most listens first, then by name,
then by MBID, descending, null last.
"""

from jobs.job import Route
from jobs.stats import release_groups
from jobs.stats.lists import document_jobs
from jobs.stats.schemas import COUNT, NO_MBID, TEXT, rows

# Numbers of artists first, names and albums of those alone who may be among the 15: an equal number of listens is one
# more place, so that names decide between all who have it.
ACTIVITY = """
WITH credited AS (
    SELECT id, release_group_name, release_group_mbid, artist,
           xxhash64(coalesce(artist.artist_mbid, ''), artist.artist_key) AS artist_hash
      FROM (SELECT id, release_group_name, release_group_mbid, explode(CASE
                       WHEN size(artists) > 0 THEN transform(array_distinct(transform(artists, a -> a.artist_mbid)),
                            m -> struct(get(filter(artists, a -> a.artist_mbid = m), 0).artist_credit_name AS name,
                                        m AS artist_mbid, '' AS artist_key))
                       WHEN size(artist_mbids) = 1
                            THEN array(struct(artist_name AS name, artist_mbids[0] AS artist_mbid, '' AS artist_key))
                       ELSE array(struct(artist_name AS name, CAST(NULL AS STRING) AS artist_mbid, artist_key)) END
                   ) AS artist
              FROM {shown})
), counted AS (
    SELECT l.key, l.slot, l.id, c.artist_hash, l.listen_count
      FROM {listed} l JOIN (SELECT id, artist_hash FROM credited) c ON c.id = l.id
), most_heard AS (
    SELECT key, slot, artist_hash
      FROM (SELECT *, rank() OVER (PARTITION BY key, slot ORDER BY listen_count DESC) AS place
              FROM (SELECT key, slot, artist_hash, sum(listen_count) AS listen_count
                      FROM counted GROUP BY key, slot, artist_hash))
     WHERE place <= 15
), named AS (
    SELECT p.key, p.slot, c.artist.artist_mbid, c.artist.artist_key, c.artist.name,
           sum(p.listen_count) AS listen_count,
           collect_list(struct(p.listen_count, c.release_group_name AS name, c.release_group_mbid)) AS albums
      FROM (SELECT p.* FROM counted p LEFT SEMI JOIN most_heard m
                ON m.key = p.key AND m.slot = p.slot AND m.artist_hash = p.artist_hash) p
      JOIN credited c ON c.id = p.id AND c.artist_hash = p.artist_hash
     GROUP BY p.key, p.slot, c.artist.artist_mbid, c.artist.artist_key, c.artist.name
), artist AS (
    SELECT key, slot, sum(listen_count) AS listen_count, max(struct(listen_count, name)).name AS name, artist_mbid,
           sort_array(flatten(collect_list(albums)), false) AS albums
      FROM named GROUP BY key, slot, artist_mbid, artist_key
), placed AS (
    SELECT *, row_number() OVER (
               PARTITION BY key, slot ORDER BY listen_count DESC, name DESC, artist_mbid DESC) AS place
      FROM artist
)
SELECT key, slot,
       to_json(transform(array_sort(collect_list(
                   struct(place, struct(name, name AS artist_name, artist_mbid, listen_count, albums) AS shown))),
               p -> p.shown), map('ignoreNullFields', 'false')) AS doc
  FROM placed WHERE place <= 15 GROUP BY key, slot
"""
SCHEMA = rows(
    {
        "name": TEXT,
        "artist_name": TEXT,
        "artist_mbid": NO_MBID,
        "listen_count": COUNT,
        "albums": rows({"name": TEXT, "listen_count": COUNT, "release_group_mbid": NO_MBID}),
    }
) | {"maxItems": 15}
JOBS = document_jobs(
    "artist_activity",
    "The most heard artists of {whose} with their albums, in nine ranges",
    ACTIVITY,
    (),
    route=Route("", "artist_activity", schema=SCHEMA),
    made_from=release_groups.JOBS,
)
