"""Whose results a change of metadata may reach: from rows that changed to MBIDs, to tracks, to users. Spark side.

What a listen counts for are the MBIDs that it names or that its mapping gives it (jobs/identity.py), and the release
group of its release. So who has heard nothing with an MBID whose row changed has the results she had.
"""

from collections.abc import Collection, Mapping
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from jobs.change_feed import changes
from jobs.lake import Landing, open_table

MOST_CHANGED = 100_000
"""MBIDs whose rows changed: of more, such as of a first import, it is not asked who heard them; everybody's results are
computed anew."""
KEYS: Mapping[str, str] = {
    "artist_country_code": "artist_mbid",
    "recording_length": "recording_mbid",
    "recording_artist": "recording_mbid",
    "recording_genre": "recording_mbid",
    "release_metadata_cache": "release_mbid",
    "release_group_metadata_cache": "release_group_mbid",
}
"""By table the column by which statistics look up its rows."""
_ALL_OR_NOTHING = "recording_artist"
"""Where this has no row at all the credits of all listens come from elsewhere (jobs/clock_inputs.py)."""
_NAMED = {
    "tracks": ("recording_mbid", "release_mbid", "release_group_mbid"),
    "mapping": ("recording_mbid", "release_mbid"),
}
"""What says MBIDs of an MSID, each beside artist_mbids."""


def changed_metadata(before: Landing, now: Landing, names: Collection[str]) -> set[str]:
    """Those of these tables that are other ones."""
    return {name for name in names if before.versions.get(name) != now.versions.get(name)}


def users_reached(
    spark: SparkSession, lake: str, before: Landing, now: Landing, names: Collection[str]
) -> DataFrame | None:
    """Users (user_id) whose results a change of these tables may reach; None: everybody, or it cannot be told.

    A mapping that changed between the two is not looked at: whom that reaches its own feed says.
    """
    if not KEYS.keys() >= set(names) or any(_version(now, name) < _version(before, name) for name in names):
        return None
    if _ALL_OR_NOTHING in names and _began_or_ended(spark, lake, before, now):
        return None
    keys = [_keys(spark, lake, before, now, name) for name in sorted(names)]
    found = reduce(DataFrame.unionByName, keys).distinct().limit(MOST_CHANGED + 1).toArrow()
    if found.num_rows > MOST_CHANGED:
        return None
    mbids = spark.createDataFrame(found)
    tracks = _tracks_naming(spark, lake, now, _with_releases(spark, lake, now, mbids))
    listens = open_table(spark, lake, now, "listens").select("user_id", "track_id")
    return listens.join(F.broadcast(tracks), "track_id", "left_semi").select("user_id").distinct()


def _version(landing: Landing, name: str) -> int:
    return landing.versions.get(name, -1)


def _began_or_ended(spark: SparkSession, lake: str, before: Landing, now: Landing) -> bool:
    empty = [
        _ALL_OR_NOTHING not in one.versions or open_table(spark, lake, one, _ALL_OR_NOTHING).isEmpty()
        for one in (before, now)
    ]
    return empty[0] != empty[1]


def _keys(spark: SparkSession, lake: str, before: Landing, now: Landing, name: str) -> DataFrame:
    """mbid: keys of the rows of a table that came, went or are others."""
    feed = changes(spark, lake, before, now, name)
    if feed is None:
        return spark.createDataFrame([], "mbid string")
    return feed.select(F.col(KEYS[name]).alias("mbid")).distinct()


def _with_releases(spark: SparkSession, lake: str, now: Landing, mbids: DataFrame) -> DataFrame:
    """These MBIDs, and the releases of those that are release groups: listens name releases."""
    if "release_metadata_cache" not in now.versions:
        return mbids
    releases = open_table(spark, lake, now, "release_metadata_cache")
    of_groups = releases.join(F.broadcast(mbids), releases.release_group_mbid == mbids.mbid, "left_semi")
    return mbids.unionByName(of_groups.select(F.col("release_mbid").alias("mbid")))


def _tracks_naming(spark: SparkSession, lake: str, now: Landing, mbids: DataFrame) -> DataFrame:
    """track_id of what names one of the MBIDs, or is mapped to one by anybody."""
    tracks = open_table(spark, lake, now, "tracks")
    named = _naming(tracks, _NAMED["tracks"], mbids).select("track_id")
    if "mapping" not in now.versions:
        return named.distinct()
    mapped = _naming(open_table(spark, lake, now, "mapping"), _NAMED["mapping"], mbids).select("recording_msid")
    of_mapping = tracks.join(mapped, "recording_msid", "left_semi").select("track_id")
    return named.unionByName(of_mapping).distinct()


def _naming(table: DataFrame, columns: Collection[str], mbids: DataFrame) -> DataFrame:
    """Rows that have one of the MBIDs in one of the columns or among the artists, once for each."""
    said = F.concat(F.array(*columns), F.coalesce("artist_mbids", F.array().cast("array<string>")))
    return table.withColumn("mbid", F.explode(said)).join(F.broadcast(mbids), "mbid", "left_semi")
