"""A lake from plain rows, through the declared tables: what landing would have written, without PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from jobs.inputs import OPTIONAL_TABLES
from jobs.lake import Landing
from jobs.tables import CLIENTS, LISTENS, MAPPING, METADATA_TABLES, TRACKS, USERS, Table
from tests.jobs.oracle import Histories, folded


def write_lake(spark: SparkSession, lake: str, histories: Histories, landed_at: int) -> Landing:
    """One data version that holds these histories."""
    _write(spark, lake, LISTENS, _listens(histories))
    _write(spark, lake, TRACKS, _tracks(histories))
    _write(spark, lake, USERS, [{"user_id": u, "name": f"user {u}", "position": u} for u in sorted(histories.users)])
    _write(spark, lake, MAPPING, [{**vars(row), "artist_mbids": list(row.artist_mbids)} for row in histories.mapping])
    _write(spark, lake, CLIENTS, [])
    for name, rows in histories.beside.items():
        _save(spark, f"{lake}/{name}", OPTIONAL_TABLES[name], _with_keys(name, rows))
    past = [at for _, at, _ in histories.listens if at <= landed_at]
    return Landing(
        landing_id=1,
        position=1,
        landed_at=datetime.fromtimestamp(landed_at, UTC),
        newest_listen_ts=max(past, default=None),
        kind="land",
        epoch="00000000-0000-4000-8000-000000000000",
        versions=dict.fromkeys((*(t.name for t in (LISTENS, TRACKS, CLIENTS, USERS, MAPPING)), *histories.beside), 0),
        track_count=len(histories.tracks),
        client_count=0,
        rows=len(histories.listens),
    )


def _listens(histories: Histories) -> list[dict[str, Any]]:
    moments = ((user_id, datetime.fromtimestamp(at, UTC), track_id) for user_id, at, track_id in histories.listens)
    return [
        {
            "user_id": user_id,
            "listened_at": at,
            "track_id": track_id,
            "duration_ms": histories.durations.get(track_id),
            "year": at.year,
            "month": at.month,
        }
        for user_id, at, track_id in moments
    ]


def _tracks(histories: Histories) -> list[dict[str, Any]]:
    return [
        {
            **vars(track),
            "artist_mbids": list(track.artist_mbids),
            "artist_key": folded(track.artist_name),
            "track_name_key": folded(track.track_name),
            "release_key": None if track.release_name is None else folded(track.release_name),
        }
        for track in histories.tracks
    ]


def _with_keys(name: str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    pairs = METADATA_TABLES[name].folded if name in METADATA_TABLES else ()
    return [{**row, **{key: folded(row[of]) for key, of in pairs}} for row in rows]


def _write(spark: SparkSession, lake: str, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    _save(spark, f"{lake}/{table.name}", table.schema, rows)


def _save(spark: SparkSession, path: str, columns: str, rows: Sequence[dict[str, Any]]) -> None:
    """Version 0 of a table. Not by Spark, which takes a second or two for each of the dozen tables of a lake."""
    schema = to_arrow_schema(spark.createDataFrame([], columns).schema, timezone="UTC")
    write_deltalake(
        path, pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)
    )
