"""backup and restore: one moment of database and lake, verified, into empty places only, and landing goes on."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from conf.embedded_postgres import EmbeddedPostgres, embedded_dsn
from conf.postgres import Connection, connect
from conf.settings import Settings
from dumps.backup import DATABASE, LAKE, MANIFEST, make_backup
from dumps.restore import UNFINISHED, read_backup, restore_backup
from jobs import lake_files, upkeep
from jobs.land import Lander
from jobs.land_guard import mirror
from jobs.landing import Landing
from jobs.listens.write import delete_listen, write_submissions
from jobs.lock import LakeLock
from tests.commands.conftest import CommandLine, listens, rows

TABLES = """
    users token store listen listen_delete listen_totals message_seen rejected_listen mapping mapping_delete landing
    user_settings exclusion exclusion_delete
    request run result_list result_entity queue_message queue_dead_letter
"""


def delete_one(connection: Connection) -> None:
    [(listened_at, msid)] = rows(connection, "SELECT listened_at, recording_msid FROM listen ORDER BY 1 LIMIT 1")
    assert delete_listen(connection, 1, listened_at, msid, time.time_ns() // 1000) == 1


def contents(connection: Connection) -> dict[str, list[str]]:
    """Every table, row by row, as text."""
    found = {}
    for name in TABLES.split():
        found[name] = sorted(str(row) for (row,) in rows(connection, f"SELECT t::text FROM {name} t"))  # noqa: S608
    return found


def test_everything_in_the_database_comes_back(
    other: CommandLine, filled: Connection, backup: Path, empty_database: str
) -> None:
    ran = other("restore", str(backup))

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("restored the backup of ")
    restored = connect(empty_database)
    assert contents(restored) == contents(filled)
    assert contents(restored)["token"] != []
    write_submissions(restored, [listens(4)])
    [[last, count]] = rows(restored, "SELECT max(position), count(*) FROM listen")
    assert count == 4
    assert last == max(position for (position,) in rows(restored, "SELECT position FROM listen"))
    restored.close()


def test_a_fresh_data_folder_gets_an_embedded_database(cli: CommandLine, backup: Path, state_dir: Path) -> None:
    folder = state_dir / "restored"
    ran = cli("restore", str(backup), DATA_DIR=str(folder), DATABASE_URL="")
    assert (ran.status, ran.err) == (0, "")
    down = cli("user", "list", DATA_DIR=str(folder), DATABASE_URL="")
    assert down.status == 69

    server = EmbeddedPostgres(folder)
    server.start()
    try:
        listed = cli("user", "list", "--json", DATA_DIR=str(folder), DATABASE_URL="")
        assert [user["name"] for user in listed.json()] == ["alice"]
        assert rows(connect(embedded_dsn(folder)), "SELECT count(*) FROM listen") == [(3,)]
    finally:
        server.stop()


def test_a_backup_is_private_and_never_written_over(cli: CommandLine, backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o700
    before = (backup / MANIFEST).read_bytes()

    ran = cli("backup", str(backup))

    assert (ran.status, ran.out) == (1, "")
    assert f"{backup} is there already" in ran.err
    assert (backup / MANIFEST).read_bytes() == before
    assert sorted(path.name for path in backup.parent.iterdir() if "backup" in path.name) == ["backup"]


def test_a_backup_that_cannot_be_written_leaves_nothing(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    ran = cli("backup", str(tmp_path / "file" / "backup"))

    assert (ran.status, ran.out) == (1, "")
    assert "Not a directory" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_after_init_db_a_database_is_still_empty(
    other: CommandLine, filled: Connection, backup: Path, empty_database: str
) -> None:
    assert other("init_db").status == 0

    assert other("restore", str(backup)).status == 0
    restored = connect(empty_database)
    assert contents(restored) == contents(filled)
    restored.close()


def _land_by_hand(settings: Settings, connection: Connection, landing_id: int) -> None:
    """A data version that adds one user, as far as tables and landing rows go."""
    write_deltalake(f"{settings.lake}/users", pa.table({"user_id": [landing_id]}), mode="append")
    epoch = str(rows(connection, "SELECT epoch FROM store")[0][0])
    now = datetime.now(UTC)
    landing = Landing(landing_id, landing_id, now, None, "land", epoch, {"users": landing_id - 1}, 0, 0, 0)
    write_deltalake(f"{settings.lake}/landing", landing.table(), mode="append")
    with connection, connection.cursor() as cursor:
        mirror(cursor, landing)


def test_the_lake_is_copied_at_the_data_version_that_the_copied_database_knows_of(
    settings: Settings, filled: Connection, empty_database: str, tmp_path: Path
) -> None:
    _land_by_hand(settings, filled, 1)
    _land_by_hand(settings, filled, 2)

    def move_on(what: str, size: int) -> None:
        if what == DATABASE:
            _land_by_hand(settings, filled, 3)
            DeltaTable(f"{settings.lake}/users").optimize.compact()

    made = make_backup(settings, tmp_path / "backup", move_on)
    target = replace(settings, data_dir=tmp_path / "other", database_url=empty_database)
    restore_backup(target, tmp_path / "backup", read_backup(tmp_path / "backup"))

    assert (made.data_version, made.versions) == (2, {"users": 1, "landing": 1})
    assert lake_files.newest(target.lake).landing_id == 2
    users = DeltaTable(f"{target.lake}/users")
    assert users.version() == 1
    assert sorted(users.to_pyarrow_table()["user_id"].to_pylist()) == [1, 2]
    restored = connect(empty_database)
    assert rows(restored, "SELECT max(id) FROM landing") == [(2,)]
    restored.close()


def test_a_lake_of_another_database_is_not_backed_up(
    cli: CommandLine, settings: Settings, filled: Connection, tmp_path: Path
) -> None:
    _land_by_hand(settings, filled, 1)
    shutil.rmtree(settings.lake)

    ran = cli("backup", str(tmp_path / "backup"))

    assert (ran.status, ran.out) == (1, "")
    assert f"the lake {settings.lake} has no data version 1, which the database knows of" in ran.err
    assert not (tmp_path / "backup").exists()


def test_of_a_lake_on_an_object_store_only_the_data_version_is_noted(
    cli: CommandLine, settings: Settings, filled: Connection, tmp_path: Path
) -> None:
    _land_by_hand(settings, filled, 1)

    ran = cli("backup", str(tmp_path / "backup"), LAKE_URL="s3a://bucket/lake")

    assert ran.status == 0
    assert "not the lake, which is on s3a://bucket/lake" in ran.out
    assert ran.err == "note: the files of s3a://bucket/lake are not in this backup\n"
    manifest = read_backup(tmp_path / "backup")
    assert (manifest.data_version, manifest.lake, len(manifest.files)) == (1, "s3a://bucket/lake", 1)


@pytest.fixture
def lander(spark: SparkSession, settings: Settings) -> Iterator[Lander]:
    lock = LakeLock(settings.database_url, settings.lake)
    assert lock.acquire()
    yield Lander(spark, settings, lock)
    lock.release()


def lake_rows(lake: str, name: str) -> list[str]:
    table = lake_files.open_table(lake, lake_files.newest(lake), name).to_pyarrow_table()
    return sorted(str(sorted(row.items(), key=lambda item: item[0])) for row in table.to_pylist())


@pytest.mark.spark
@pytest.mark.slow
def test_a_lake_that_moves_on_meanwhile_is_copied_as_of_the_database_and_landing_goes_on(
    spark: SparkSession,
    settings: Settings,
    filled: Connection,
    lander: Lander,
    empty_database: str,
    tmp_path: Path,
) -> None:
    assert lander.land() is not None
    delete_one(filled)
    landing = lander.land()
    assert landing is not None
    before = {name: lake_rows(settings.lake, name) for name in ("listens", "tracks", "users", "landing")}
    moment = contents(filled)
    moved: list[Landing | None] = []

    def move_on(what: str, size: int) -> None:
        """The database is dumped, the lake is not copied yet: listens come and go and land, months are compacted."""
        if what != DATABASE or moved:
            return
        write_submissions(filled, [listens(5, 6)])
        delete_one(filled)
        moved.append(lander.land())
        upkeep.compact(lander, files=1)

    manifest = make_backup(settings, tmp_path / "backup", move_on)
    assert moved
    assert manifest.data_version == landing.landing_id

    target = replace(settings, data_dir=tmp_path / "other", database_url=empty_database)
    restore_backup(target, tmp_path / "backup", read_backup(tmp_path / "backup"))

    restored = connect(empty_database)
    assert contents(restored) == moment
    assert {name: lake_rows(target.lake, name) for name in before} == before
    write_submissions(restored, [listens(8)])
    lock = LakeLock(empty_database, target.lake)
    assert lock.acquire()
    again = Lander(spark, target, lock).land()
    lock.release()
    assert again is not None
    assert again.landing_id == landing.landing_id + 1
    in_lake = lake_files.open_table(target.lake, again, "listens").to_pyarrow_table().select(["position"]).to_pylist()
    in_database = [position for (position,) in rows(restored, "SELECT position FROM listen ORDER BY 1")]
    assert sorted(row["position"] for row in in_lake) == in_database
    assert len(in_database) == 3
    restored.close()
    _an_interrupted_restore_is_started_again(target, tmp_path / "backup", empty_database, before)


def _an_interrupted_restore_is_started_again(
    target: Settings, backup: Path, database: str, before: dict[str, list[str]]
) -> None:
    """Killed while the lake was copied: half of it is there, with the mark; the database is still empty."""
    connection = connect(database)
    rows(connection, "DROP SCHEMA public CASCADE; CREATE SCHEMA public; SELECT 1")
    connection.close()
    manifest = read_backup(backup)
    lake = Path(target.lake)

    def killed(what: str, size: int) -> None:
        if what == "copied":
            raise KeyboardInterrupt

    shutil.rmtree(lake)
    with pytest.raises(KeyboardInterrupt):
        restore_backup(target, backup, manifest, killed)
    assert (lake / UNFINISHED).exists()

    restore_backup(target, backup, manifest)

    assert not (lake / UNFINISHED).exists()
    assert {name: lake_rows(target.lake, name) for name in before} == before
    assert LAKE in {path.name for path in backup.iterdir()}
