"""A dump from its archive to the lake: rows with their source and dump, replaced by a later one, mapped for Spark."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from conf.postgres import Connection
from conf.settings import Settings
from dumps.load.spark.importer import import_full
from jobs import land_delta
from jobs.land import Lander
from jobs.listens.mapping import RESOLVED_TRACKS_SQL
from jobs.tables import LISTENS, TABLES
from tests.landing.listens import agree, listen, submit, table
from tests.spark_dumps.archives import ARTIST, MBID, MSID, Row, full, mapped, play

pytestmark = pytest.mark.spark
Land = Callable[..., None]


@pytest.fixture
def land(settings: Settings, lander: Lander, tmp_path: Path) -> Land:
    """land(dump_id, row, ...): a full dump, imported and landed."""

    def run(dump_id: int, *rows: Row) -> None:
        full(tmp_path, dump_id, *rows)
        params = {"folder": str(tmp_path), "source": "listenbrainz", "dump_id": dump_id}
        import_full(settings, params, lambda text: None)
        lander.land()

    return run


def test_a_dump_lands_as_it_is_and_a_later_one_replaces_it(
    land: Land, connection: Connection, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(1))
    land(1, mapped(1, 1), play(2, 2), play(3, 3), play(3, 3, 8))
    assert agree(connection, lake) == 5
    land(2, mapped(1, 1, say=2), play(3, 3, artist_name="other"), play(4, 4))
    assert agree(connection, lake) == 4

    rows = table(
        lake, "listens", ("user_id", "recording_msid", "artist_name", "source", "dump_id"), order="listened_at"
    )
    assert sorted(row[1:] for row in rows if row[3]) == [
        (MSID(1), "The Beatles", "listenbrainz", 1),
        (MSID(3), "other", "listenbrainz", 2),
        (MSID(4), "The Beatles", "listenbrainz", 2),
    ]
    said = table(
        lake, "mapping", ("user_id", "recording_msid", "recording_mbid", "source", "dump_id"), order="position"
    )
    assert said == [(None, MSID(1), MBID(2), "listenbrainz", 2)]


def test_spark_takes_what_a_dump_says_for_what_its_listens_are(
    land: Land, spark: SparkSession, lake: str, connection: Connection
) -> None:
    land(1, mapped(1, 1, 7, say=1), mapped(2, 1, 7, say=1), mapped(3, 1, 8, say=2), play(4, 2, 7))
    frames: dict[str, Any] = {
        "tracks": spark.read.format("delta").load(f"{lake}/tracks"),
        "mapping": spark.read.format("delta").load(f"{lake}/mapping"),
        "user_track": spark.read.format("delta").load(f"{lake}/listens").select("user_id", "track_id").distinct(),
    }
    ids: dict[int, int] = dict(table(lake, "users", ("user_id", "foreign_id"), order="user_id"))
    found = {
        (ids[row.user_id], row.recording_mbid, tuple(row.artist_mbids), row.decided_by)
        for row in spark.sql(RESOLVED_TRACKS_SQL, **frames).collect()
    }
    assert found == {
        (7, MBID(1), (ARTIST(1),), "listenbrainz"),
        (8, MBID(2), (ARTIST(2),), "listenbrainz"),
        (7, None, (), "names"),
    }


def test_a_lake_of_older_code_gets_the_columns_it_lacks_with_its_rows_in_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = str(tmp_path / "older")
    columns = tuple(column for column in LISTENS.columns if column.name != "dump_id")
    with monkeypatch.context() as older:
        older.setitem(TABLES, "listens", replace(LISTENS, columns=columns))
        land_delta.create_tables(spark, lake, ["listens"])
    assert "dump_id" not in DeltaTable(f"{lake}/listens").to_pyarrow_dataset().schema.names
    land_delta.create_tables(spark, lake, ["listens"])
    version = DeltaTable(f"{lake}/listens").version()
    land_delta.create_tables(spark, lake, ["listens"])

    assert set(DeltaTable(f"{lake}/listens").to_pyarrow_dataset().schema.names) == {c.name for c in LISTENS.columns}
    assert DeltaTable(f"{lake}/listens").version() == version == 1, "once"
