"""What the artists most heard in the year released in it (`new_releases_of_top_artists`).

Release groups that first came out in the year, by the artists of the fifty credits with the most listens (ties: the
greatest MBIDs; a credit is that of the listen, else of the recording in MusicBrainz; those without MBIDs lead to no
release and take no place), but for artists whom the user excludes, at most five of each artist: albums before
EPs, singles, others and broadcasts, those of an unknown type last (the original has them first, jobs.md 14.13), then
by MBID. The original gives them in no order; here those of the most heard credit come first.
"""

from collections.abc import Mapping
from typing import Any

from jobs.job import Teller
from jobs.stats.schemas import MBID, NO_MBID, TEXT, rows
from jobs.year_in_music.section import section_job

RUN = """
WITH credit AS (
    SELECT p.key, i.artist_mbids, sum(p.listen_count) AS listen_count
      FROM {user_track} p JOIN {identity_artist_mbids} i ON i.identity_id = p.identity_id
     GROUP BY p.key, i.artist_mbids
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY key ORDER BY listen_count DESC, artist_mbids DESC) AS place FROM credit
), artist AS (
    SELECT p.key, p.artist_mbid, min(p.place) AS place
      FROM (SELECT key, place, explode(artist_mbids) AS artist_mbid FROM placed WHERE place <= 50) p
      LEFT ANTI JOIN {excluded_key} e ON e.user_id = p.key AND e.kind = 'artist' AND e.value_key = p.artist_mbid
     GROUP BY p.key, p.artist_mbid
), released AS (
    SELECT release_group_mbid, explode(array_distinct(artist_credit_mbids)) AS artist_mbid,
           CASE primary_type WHEN 'Album' THEN 1 WHEN 'EP' THEN 2 WHEN 'Single' THEN 3 WHEN 'Other' THEN 4
                WHEN 'Broadcast' THEN 5 ELSE 6 END AS kind
      FROM {release_group_metadata_cache} WHERE first_release_date_year = :year
), ordered AS (
    SELECT a.key, a.place, r.kind, r.release_group_mbid,
           row_number() OVER (PARTITION BY a.key, a.artist_mbid ORDER BY r.kind, r.release_group_mbid) AS nth
      FROM artist a JOIN released r ON r.artist_mbid = a.artist_mbid
), kept AS (
    SELECT key, release_group_mbid, min(place) AS place, min(kind) AS kind
      FROM ordered WHERE nth <= 5 GROUP BY key, release_group_mbid
)
SELECT k.key, to_json(transform(array_sort(collect_list(struct(k.place, k.kind, g.release_group_mbid,
           struct(g.title, g.artist_credit_name, g.release_group_mbid, g.artist_credit_mbids, g.artists, g.caa_id,
                  g.caa_release_mbid) AS shown))), one -> one.shown), map('ignoreNullFields', 'false')) AS doc
  FROM kept k JOIN {release_group_metadata_cache} g ON g.release_group_mbid = k.release_group_mbid
 GROUP BY k.key
"""
"""doc: what is shown of each."""


def answer(stored: list[Mapping[str, Any]], teller: Teller) -> dict[str, Any]:
    """As stored; lists are never null."""
    del teller
    return {
        "new_releases_of_top_artists": [
            {**one, "artist_credit_mbids": one["artist_credit_mbids"] or [], "artists": one["artists"] or []}
            for one in stored
        ]
    }


JOB = section_job(
    "new_releases_of_top_artists",
    run=RUN,
    inputs=("user_track", "identity_artist_mbids", "excluded_key", "release_group_metadata_cache"),
    answer=answer,
    schema={
        "new_releases_of_top_artists": rows(
            {
                "title": TEXT,
                "artist_credit_name": TEXT,
                "release_group_mbid": MBID,
                "artist_credit_mbids": {"type": "array", "items": MBID},
                "artists": {"type": "array", "items": {"type": "object"}},
                "caa_id": {"type": ["integer", "null"]},
                "caa_release_mbid": NO_MBID,
            }
        )
    },
    about="New releases of the artists most heard",
    command="new_release_stats",
)
