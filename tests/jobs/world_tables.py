"""An oracle's world as rows of the lake's tables, and as a lake: what landing would have written."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import SparkSession

from jobs.inputs import OPTIONAL_TABLES
from jobs.lake import Landing
from jobs.tables import METADATA_TABLES, TABLES
from tests.jobs.metadata_files import recordings_of
from tests.oracle.world import Credited, Exclusions, World, folded

Rows = list[dict[str, Any]]
BESIDE = ("user_settings", "exclusions", *METADATA_TABLES)
"""Tables that a lake may lack."""
_KINDS = (
    ("artist", "artist_mbids"),
    ("artist", "artist_names"),
    ("recording", "recording_mbids"),
    ("recording", "recording_msids"),
    ("client", "clients"),
)


def tables_of(world: World) -> dict[str, Rows]:
    """By table; columns that nothing here reads are left out."""
    listens = world.listens.values()
    tracks = {track: number for number, track in enumerate(dict.fromkeys(listen.track for listen in listens), 1)}
    played = dict.fromkeys(listen.client for listen in listens if listen.client is not None)
    clients = {name: number for number, name in enumerate(played, 1)}
    return {
        "users": [{"user_id": user_id, "name": name, "position": user_id} for user_id, name in world.users.items()],
        "clients": [{"client_id": number, "name": name} for name, number in clients.items()],
        "tracks": [
            {
                **{name: value for name, value in vars(track).items() if name != "msid"},
                "track_id": number,
                "recording_msid": track.msid,
                "artist_mbids": list(track.artist_mbids),
                "artist_key": folded(track.artist_name),
                "track_name_key": folded(track.track_name),
                "release_key": None if track.release_name is None else folded(track.release_name),
            }
            for track, number in tracks.items()
        ],
        "listens": [
            {
                "user_id": listen.user_id,
                "track_id": tracks[listen.track],
                "client_id": clients.get(listen.client or ""),
                "played_ms": listen.played_ms,
                "duration_ms": listen.duration_ms,
                **_time(listen.listened_at),
            }
            for listen in listens
        ],
        "mapping": [
            {
                **{name: value for name, value in vars(row).items() if name != "msid"},
                "recording_msid": row.msid,
                "artist_mbids": list(row.artist_mbids),
            }
            for row in world.mapping.values()
        ],
        "user_settings": [{"user_id": u, "zone": s.zone} for u, s in world.settings.items()],
        "exclusions": [row for u, s in world.settings.items() for row in _exclusions(u, s.exclusions)],
        **_metadata(world),
    }


def write_world(spark: SparkSession, lake: str, world: World, tables: Mapping[str, Rows] | None = None) -> Landing:
    """A lake with one data version, that of the world; `tables`: all it has, in place of those of tables_of."""
    rows = dict(tables or tables_of(world))
    for name, theirs in rows.items():
        declared = OPTIONAL_TABLES[name] if name in OPTIONAL_TABLES else TABLES[name].schema
        frame_of(spark, declared, theirs).coalesce(1).write.format("delta").save(f"{lake}/{name}")
    return Landing(
        landing_id=1,
        position=1,
        landed_at=datetime.fromtimestamp(world.newest, UTC),
        newest_listen_ts=world.newest,
        kind="land",
        epoch="00000000-0000-4000-8000-000000000000",
        versions=dict.fromkeys(rows, 0),
        track_count=len(rows["tracks"]),
        client_count=len(rows["clients"]),
        rows=len(rows["listens"]),
    )


def frame_of(spark: SparkSession, columns: Any, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows of declared columns; what a row does not say is null."""
    schema = spark.createDataFrame([], columns).schema
    values = [tuple(row.get(name) for name in schema.names) for row in rows]
    return spark.createDataFrame(values, schema) if values else spark.createDataFrame([], schema)


def _time(listened_at: int) -> dict[str, Any]:
    at = datetime.fromtimestamp(listened_at, UTC)
    return {"listened_at": at, "year": at.year, "month": at.month}


def _exclusions(user_id: int, exclusions: Exclusions) -> Rows:
    return [
        {"user_id": user_id, "kind": kind, "value": value, "value_key": value}
        for kind, field in _KINDS
        for value in sorted(getattr(exclusions, field))
    ]


def _metadata(world: World) -> dict[str, Rows]:
    known = world.metadata
    genres = {
        "recording_genre": known.genres,
        "release_group_genre": known.release_group_genres,
        "artist_genre": known.artist_genres,
    }
    rows: dict[str, Rows] = {
        "artist_country_code": [
            {"artist_mbid": mbid, "artist_name": name, "country_code": country}
            for (mbid, name), country in known.artists.items()
        ],
        "recording_length": recordings_of(known),
        "recording_artist": [
            {"recording_mbid": mbid, "artist_mbids": [a.artist_mbid for a in credit], "artists": _credit(credit)}
            for mbid, credit in known.credits.items()
        ],
        "release_metadata_cache": [
            _with_credit(release) | {"release_mbid": mbid} for mbid, release in known.releases.items()
        ],
        "release_group_metadata_cache": [
            _with_credit(group) | {"release_group_mbid": mbid} for mbid, group in known.release_groups.items()
        ],
        **{
            table: [{"recording_mbid": mbid, "genre": genre, "genre_count": 1} for mbid, genre in given]
            for table, given in genres.items()
        },
    }
    return {name: [_folded(name, row) for row in theirs] for name, theirs in rows.items()}


def _with_credit(row: Any) -> dict[str, Any]:
    mbids = row.artist_credit_mbids
    return {
        **vars(row),
        "artist_credit_mbids": None if mbids is None else list(mbids),
        "artists": None if row.artists is None else _credit(row.artists),
    }


def _credit(credit: tuple[Credited, ...]) -> Rows:
    return [dict(vars(artist)) for artist in credit]


def _folded(name: str, row: dict[str, Any]) -> dict[str, Any]:
    return row | {key: None if row[of] is None else folded(row[of]) for key, of in METADATA_TABLES[name].folded}
