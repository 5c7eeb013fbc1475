"""Who listens most to an artist or a release group (jobs.md 7.7): the ten with the most listens, and totals over all.

Of artists and groups that MusicBrainz has (a row of artist_country_code, of release_group_metadata_cache), named as it
names them. Ties: the greater user id first. Nobody's own settings count. The original keeps nine listeners instead of
ten (`rank < 10`). A listen whose credit names an artist twice counts once.
"""

from jobs.job import AT, DATABASE, REBUILD, STATS_RANGE, Column, Command, EntityDocument, Job, Route
from jobs.stats.schemas import COUNT, TEXT, rows

_TOP = """
WITH top AS (
    SELECT mbid, slot, sum(listen_count) AS total_listen_count, count(*) AS total_user_count,
           transform(slice(sort_array(collect_list(struct(listen_count, user_id)), false), 1, 10),
                     l -> array(CAST(l.user_id AS BIGINT), l.listen_count)) AS listeners
      FROM {listener} GROUP BY mbid, slot
)
SELECT t.mbid AS entity, t.slot, to_json(struct({named}, t.listeners, t.total_listen_count, t.total_user_count),
       map('ignoreNullFields', 'false')) AS doc
  FROM top t JOIN {metadata} m ON m.{mbid} = t.mbid
"""
"""{named}: what is shown of a row of {metadata}."""
ARTISTS = (
    _TOP.replace("{listener}", "{artist_listener}")
    .replace("{named}", "m.artist_mbid, m.artist_name")
    .replace("{metadata}", "{artist_names}")
    .replace("{mbid}", "artist_mbid")
)
RELEASE_GROUPS = (
    _TOP.replace("{listener}", "{release_group_listener}")
    .replace(
        "{named}",
        """m.release_group_mbid, m.title AS release_group_name, m.artist_credit_name AS artist_name,
       coalesce(m.artist_credit_mbids, CAST(array() AS ARRAY<STRING>)) AS artist_mbids, m.caa_id, m.caa_release_mbid""",
    )
    .replace("{metadata}", "{release_group_metadata_cache}")
    .replace("{mbid}", "release_group_mbid")
)
_TOTALS = (Column("total_listen_count", "bigint"), Column("total_user_count", "bigint"))
SCHEMA = rows({"user_name": TEXT, "listen_count": COUNT}) | {"maxItems": 10}
JOBS = (
    Job(
        name="stats.entity.listeners",
        statistic="artist_listeners",
        select={"entity": "artists"},
        params=(STATS_RANGE, AT, REBUILD, DATABASE),
        inputs=("artist_listener", "artist_names"),
        run=ARTISTS,
        output=EntityDocument(),
        about="Top listeners of every artist, in nine ranges",
        route=Route(
            "/1/stats/artist/<mbid>/listeners",
            "listeners",
            columns=(Column("artist_mbid", "string"), Column("artist_name", "string"), *_TOTALS),
            schema=SCHEMA,
        ),
        command=Command("request_entity_stats", {"type": "listeners"}),
        refreshed=True,
    ),
    Job(
        name="stats.entity.listeners",
        statistic="release_group_listeners",
        select={"entity": "release_groups"},
        params=(STATS_RANGE, AT, REBUILD, DATABASE),
        inputs=("release_group_listener", "release_group_metadata_cache"),
        run=RELEASE_GROUPS,
        output=EntityDocument(),
        about="Top listeners of every release group, in nine ranges",
        route=Route(
            "/1/stats/release-group/<mbid>/listeners",
            "listeners",
            columns=(
                Column("release_group_mbid", "string"),
                Column("release_group_name", "string"),
                Column("artist_name", "string"),
                Column("artist_mbids", "array<string>"),
                Column("caa_id", "bigint"),
                Column("caa_release_mbid", "string"),
                *_TOTALS,
            ),
            schema=SCHEMA,
        ),
        command=Command("request_entity_stats", {"type": "listeners"}),
        refreshed=True,
    ),
)
