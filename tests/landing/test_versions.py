"""A landing is a data version: it names every table's version, its T, and is told to PostgreSQL."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow.dataset
import pytest
from deltalake import DeltaTable
from pyspark.sql import DataFrame

from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs import lake_files
from jobs.lake import TableUnknownError, newest_landing, open_table, open_version, row_count
from jobs.land import Lander, land_once
from jobs.land_delta import append
from jobs.landing import Landing
from jobs.listens.changes import read_increment
from jobs.tables import LANDING, TABLES
from tests.landing.conftest import NewLander
from tests.landing.listens import NOON, agree, delete, listen, settings_agree, submit, wipe, zone

pytestmark = pytest.mark.spark
NOW = datetime.fromtimestamp(NOON + 100, UTC)


def mirrored(connection: Connection) -> list[tuple[int, int, datetime, int | None, str, int]]:
    with transaction(connection) as cursor:
        cursor.execute("SELECT id, position, landed_at, newest_listen_ts, kind, rows FROM landing ORDER BY id")
        return cursor.fetchall()


def test_a_landing_names_the_version_of_every_table_and_is_told_to_postgresql(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(1), listen(2))
    first = lander.land(NOW)
    submit(connection, alice, listen(3, "Yesterday"))
    second = lander.land(NOW + timedelta(seconds=9))

    assert first is not None
    assert second is not None
    with transaction(connection) as cursor:
        cursor.execute("SELECT last_value, (SELECT epoch::text FROM store) FROM change_position")
        [(position, epoch)] = cursor.fetchall()
    assert (second.landing_id, second.position, second.epoch) == (2, position, epoch)
    assert (second.kind, second.rows, second.newest_listen_ts) == ("land", 1, NOON + 3)
    newest = {name: DeltaTable(f"{lake}/{name}").version() for name in TABLES if name != "landing"}
    assert second.versions == newest
    assert mirrored(connection) == [
        (1, first.position, NOW, NOON + 2, "land", 2),
        (2, position, NOW + timedelta(seconds=9), NOON + 3, "land", 1),
    ]
    assert lake_files.newest(lake) == second == newest_landing(lander.spark, lake)


@pytest.mark.slow
def test_old_data_versions_stay_readable_as_they_were(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(1))
    first = lander.land(NOW)
    submit(connection, alice, listen(2))
    delete(connection, alice, listen(1))
    lander.land(NOW)

    assert first is not None
    then = open_table(lander.spark, lake, first, "listens").collect()
    assert [int(row.listened_at.timestamp()) for row in then] == [NOON + 1]
    with pytest.raises(TableUnknownError, match="landings"):
        open_table(lander.spark, lake, first, "landings")


def test_a_lake_of_an_older_version_gets_the_tables_it_lacks_and_a_data_version_that_names_them(
    connection: Connection, new_lander: NewLander, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(1))
    old = new_lander()
    assert old.land(NOW) is not None
    lacking = ("user_settings", "exclusions")
    for name in lacking:
        shutil.rmtree(f"{lake}/{name}")
    last = lake_files.newest(lake)
    older = replace(last, landing_id=2, versions={k: v for k, v in last.versions.items() if k not in lacking})
    append(old.spark, lake, LANDING, older.table())

    lander = new_lander()
    newest = lander.start()

    assert newest == lake_files.newest(lake)
    assert (newest.landing_id, newest.position, newest.kind) == (3, last.position, "compact")
    assert newest.versions == {**last.versions, **dict.fromkeys(lacking, 0)}
    assert [number for number, *_ in mirrored(connection)] == [1, 2, 3]
    assert lander.land() is None
    assert new_lander().start() == newest, "once is enough"
    zone(connection, alice, "Asia/Kathmandu")
    assert lander.land() is not None
    assert settings_agree(connection, lake) == 1


def test_nothing_to_land_makes_no_new_version(
    connection: Connection, lander: Lander, lake: str, settings: Settings, alice: int
) -> None:
    submit(connection, alice, listen(1))
    lander.land(NOW)
    before = {name: DeltaTable(f"{lake}/{name}").version() for name in TABLES}

    assert lander.land(NOW) is None
    assert land_once(lander.spark, settings, lander.lock) is None
    assert {name: DeltaTable(f"{lake}/{name}").version() for name in TABLES} == before
    assert len(mirrored(connection)) == 1


def test_t_is_the_latest_listen_not_later_than_the_landing_itself(
    connection: Connection, new_lander: NewLander, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(10), listen(150), listen(160))
    lander = new_lander()
    first = lander.land(NOW)
    assert first is not None
    assert first.newest_listen_ts == NOON + 10, "what is dated in the future does not count yet"

    submit(connection, alice, listen(20))
    later = lander.land(NOW + timedelta(seconds=55))
    assert later is not None
    assert later.newest_listen_ts == NOON + 150, "time has reached it, though it landed before"

    delete(connection, alice, listen(150))
    submit(connection, alice, listen(30))
    shorter = new_lander().land(NOW + timedelta(seconds=55))
    assert shorter is not None
    assert shorter.newest_listen_ts == NOON + 30, "the latest was deleted"

    wipe(connection, alice)
    emptied = new_lander().land(NOW + timedelta(seconds=55))
    assert emptied is not None
    assert emptied.newest_listen_ts is None


def test_a_big_increment_is_cut_into_landings(
    connection: Connection, new_lander: NewLander, lake: str, alice: int
) -> None:
    submit(connection, alice, *(listen(n) for n in range(25)))
    for n in range(25, 30):
        submit(connection, alice, listen(n))
    lander = new_lander(landing_batch=10)
    landings: list[Landing] = []
    while (landing := lander.land(NOW)) is not None:
        landings.append(landing)
        assert lander.cut, "a full increment may have left something: the next look follows at once"

    assert not lander.cut
    assert [landing.rows for landing in landings] == [10, 10, 10], "at most ten rows of a kind"
    assert agree(connection, lake) == 30


def test_an_increment_is_cut_by_its_bytes_too(connection: Connection, alice: int) -> None:
    submit(connection, alice, *(listen(n, note="x" * 5_000) for n in range(6)), listen(9, note="x" * 9_000))
    after, sizes = 0, []
    while (increment := read_increment(connection, after, 1000, most_bytes=12_000)) is not None:
        after = increment.upto
        sizes.append(increment.listens.num_rows)
        connection.reset()

    assert sizes == [2, 2, 2, 1]


def test_every_version_read_as_files_has_the_rows_and_columns_that_delta_reads(
    connection: Connection, lander: Lander, lake: str, alice: int, bob: int
) -> None:
    submit(connection, alice, *(listen(n * 86400 * 20, f"Track {n}") for n in range(4)))
    submit(connection, bob, listen(1, "same"))
    lander.land()
    zone(connection, alice, "Asia/Kathmandu")
    wipe(connection, bob)
    landing = lander.land()
    assert landing is not None
    listens = range(DeltaTable(f"{lake}/listens").version() + 1)
    odd = (f"{lake} of alles", f"{lake}-über", f"{lake}100%", f"{lake}-{{a,b}}", f"{lake}*")
    for copy in odd:
        shutil.copytree(f"{lake}/listens", f"{copy}/listens")

    newest = [(lake, name, None) for name in TABLES]
    for place, name, version in (*newest, *((lake, "listens", n) for n in listens), *((p, "listens", 1) for p in odd)):
        reader = lander.spark.read.format("delta")
        delta = (reader if version is None else reader.option("versionAsOf", version)).load(f"{lake}/{name}")
        files = open_version(lander.spark, place, name, version)
        assert files.dtypes == delta.dtypes, (place, name, version)
        assert rows(files) == rows(delta), (place, name, version)
        if version is not None:
            named = replace(landing, versions={name: version})
            assert row_count(lander.spark, place, named, name) == delta.count(), (place, name, version)


def rows(frame: DataFrame) -> list[str]:
    """In one order, as text."""
    return sorted(map(str, frame.collect()))


def test_independent_readers_read_the_lake_as_postgresql_has_it(
    connection: Connection, lander: Lander, lake: str, alice: int, bob: int
) -> None:
    """deltalake (Rust) reads log and files; duckdb (C++) reads Parquet by the file list of deltalake's snapshot."""
    import duckdb

    submit(connection, alice, *(listen(n * 86400 * 7, f"Track {n}", tags=["ü", n]) for n in range(60)))
    submit(connection, bob, *(listen(n, "same") for n in range(20)))
    lander.land()
    wipe(connection, bob)
    submit(connection, bob, *(listen(n, "same") for n in range(5)))
    landing = lander.land()

    assert agree(connection, lake) == 65
    assert landing is not None
    snapshot = lake_files.open_table(lake, landing, "listens")
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT user_id, listened_at, recording_msid::text, additional_info, track_name FROM listen"
            " ORDER BY position"
        )
        stored = cursor.fetchall()
    asked = "SELECT user_id, epoch(listened_at)::bigint, recording_msid, additional_info, track_name"
    with duckdb.connect() as duck:
        given = {"files": [str(uri).removeprefix("file://") for uri in snapshot.file_uris()]}
        read = duck.execute(f"{asked} FROM read_parquet($files) ORDER BY position", given).fetchall()
        assert read == stored
        arrow: pyarrow.dataset.Dataset = snapshot.to_pyarrow_dataset()
        duck.register("listens", arrow)
        assert duck.execute(f"{asked} FROM listens ORDER BY position").fetchall() == stored
