"""Artist map, of a user and of everybody (jobs.md 7.1, 7.6): where the artists of the artists' lists are from.

Made from the first 1000 artists of a list, as in the original, in the list's own order; of these, those whose country
is known. The country with the most artists first (ties: with the most listens, then by code, descending), and in it the
most played artist. Where the country of none is known, there is no map.
"""

from jobs.job import Route
from jobs.stats import artists
from jobs.stats.lists import document_jobs
from jobs.stats.schemas import COUNT, MBID, TEXT, rows

MAP = """
WITH placed AS (
    SELECT l.key, l.slot, a.country_code AS country, l.listen_count, s.artist_name, s.artist_mbid
      FROM {listed} l JOIN {shown} s ON s.id = l.id JOIN {artist_names} a ON a.artist_mbid = s.artist_mbid
     WHERE l.place <= 1000 AND a.country_code IS NOT NULL
), country AS (
    SELECT key, slot, country, count(*) AS artist_count, sum(listen_count) AS listen_count,
           sort_array(collect_list(struct(listen_count, artist_name, artist_mbid)), false) AS artists
      FROM placed GROUP BY key, slot, country
)
SELECT key, slot,
       to_json(sort_array(collect_list(struct(artist_count, listen_count, country, artists)), false)) AS doc
  FROM country GROUP BY key, slot
"""
SCHEMA = rows(
    {
        "country": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "artist_count": COUNT,
        "listen_count": COUNT,
        "artists": rows({"artist_mbid": MBID, "artist_name": TEXT, "listen_count": COUNT}),
    }
)
JOBS = document_jobs(
    "artist_map",
    "Countries of the artists of {whose}, in nine ranges",
    MAP,
    ("artist_names",),
    route=Route("", "artist_map", schema=SCHEMA, says_stats_range=True, ignored=("force_recalculate",)),
    made_from=artists.JOBS,
)
