"""backup and restore: one moment of database and lake, verified, into empty places only, and landing goes on."""

import fcntl
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from pyspark.sql import SparkSession

from conf.embedded_postgres import EmbeddedPostgres, embedded_dsn
from conf.postgres import Connection, connect
from conf.settings import Settings
from dumps.backup import DATABASE, LAKE, MANIFEST, make_backup
from dumps.restore import UNFINISHED, read_backup, restore_backup
from jobs import lake_files, upkeep
from jobs.land import Lander
from jobs.landing import Landing
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.write import delete_listen, write_submissions
from jobs.lock import LakeLock
from tests.commands.conftest import CommandLine, rows

AT = 1_400_000_000
TABLES = """
    users token store listen listen_delete listen_totals message_seen rejected_listen mapping mapping_delete landing
    request run result_list result_entity queue_message queue_dead_letter
"""


def listens(*numbers: int) -> Submission:
    items = [
        {"listened_at": AT + n * 3_000_000, "track_metadata": {"artist_name": f"A{n}", "track_name": f"t{n}"}}
        for n in numbers
    ]
    return Submission(new_message_id(), 1, 100, tuple(items))


def delete_one(connection: Connection) -> None:
    [(listened_at, msid)] = rows(connection, "SELECT listened_at, recording_msid FROM listen ORDER BY 1 LIMIT 1")
    assert delete_listen(connection, 1, listened_at, msid, time.time_ns() // 1000) == 1


def contents(connection: Connection) -> dict[str, list[str]]:
    """Every table, row by row, as text."""
    found = {}
    for name in TABLES.split():
        found[name] = sorted(str(row) for (row,) in rows(connection, f"SELECT t::text FROM {name} t"))  # noqa: S608
    return found


@pytest.fixture
def filled(cli: CommandLine, connection: Connection) -> Connection:
    """A user with token and password, listens, a result, a queued request, a dead letter."""
    assert cli("user", "create", "alice", "--password", stdin=b"secret\n").status == 0
    write_submissions(connection, [listens(1, 2, 3)])
    rows(connection, "INSERT INTO result_entity VALUES (7, '{}') RETURNING 1")
    rows(connection, "INSERT INTO result_list VALUES ('user_artists', 'week', 1, '{7}', '{3}') RETURNING 1")
    rows(
        connection,
        "INSERT INTO queue_dead_letter (queue, body, reason, deliveries) VALUES ('x', '', 'y', 1) RETURNING 1",
    )
    assert cli("request_user_stats", "--type", "entity").status == 0
    return connection


@pytest.fixture
def backup(cli: CommandLine, filled: Connection, tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    ran = cli("backup", str(folder))
    assert (ran.status, ran.err) == (0, "")
    return folder


@pytest.fixture
def other(cli: CommandLine, empty_database: str, tmp_path: Path) -> CommandLine:
    """The command line of another machine: an empty database, a data folder that is not there."""
    return CommandLine({**cli.environ, "DATA_DIR": str(tmp_path / "other"), "DATABASE_URL": empty_database})


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


def _cut(backup: Path) -> str:
    with (backup / DATABASE).open("r+b") as file:
        file.truncate(100)
    return "database.dump is not what was backed up"


def _flip(backup: Path) -> str:
    content = bytearray((backup / DATABASE).read_bytes())
    content[-1] ^= 1
    (backup / DATABASE).write_bytes(content)
    return "database.dump is not what was backed up"


def _lose(backup: Path) -> str:
    (backup / DATABASE).unlink()
    return "database.dump: No such file or directory"


def _unlist(backup: Path) -> str:
    (backup / MANIFEST).unlink()
    return "is no backup: it has no manifest.json"


def _change(backup: Path, **values: Any) -> None:
    path = backup / MANIFEST
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | values))


def _outside(backup: Path) -> str:
    _change(backup, files=[{"path": "../x", "bytes": 1, "sha256": ""}])
    return "names ../x, which is outside of the backup"


def _garble(backup: Path) -> str:
    (backup / MANIFEST).write_text("{")
    return "manifest.json cannot be read"


def _newer_format(backup: Path) -> str:
    _change(backup, format=2)
    return "format 2, this code reads 1"


def _newer_code(backup: Path) -> str:
    _change(backup, migrations=["0001_path_of_a_listen", "9999_future"])
    return "the backup is newer than this code (it has 9999_future)"


def _newer_server(backup: Path) -> str:
    _change(backup, postgres=99)
    return "the backup comes from PostgreSQL 99, this server is 18: too old"


@pytest.mark.parametrize(
    "damage", [_cut, _flip, _lose, _unlist, _outside, _garble, _newer_format, _newer_code, _newer_server]
)
def test_a_backup_that_is_not_what_it_was_touches_nothing(
    other: CommandLine, backup: Path, empty_database: str, tmp_path: Path, damage: Any
) -> None:
    said = damage(backup)

    ran = other("restore", str(backup))

    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err
    connection = connect(empty_database)
    assert rows(connection, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]
    connection.close()
    assert not (tmp_path / "other" / "lake").exists()


def test_a_database_with_rows_is_refused_by_table_and_one_in_use_by_client(
    cli: CommandLine, filled: Connection, backup: Path, tmp_path: Path
) -> None:
    in_use = cli("restore", str(backup), DATA_DIR=str(tmp_path / "other"))
    filled.close()
    full = cli("restore", str(backup), DATA_DIR=str(tmp_path / "other"))

    assert in_use.status == full.status == 1
    assert "the database is in use by listenlake (PostgreSQL process " in in_use.err
    assert "the database is not empty: table " in full.err
    assert [user["name"] for user in cli("user", "list", "--json").json()] == ["alice"]


def test_a_database_of_something_else_is_refused(other: CommandLine, backup: Path, empty_database: str) -> None:
    connection = connect(empty_database)
    rows(connection, "CREATE TABLE recipe AS SELECT 1 AS n; SELECT 1")
    connection.close()

    ran = other("restore", str(backup))

    assert ran.status == 1
    assert "tables of something else (recipe)" in ran.err


def test_a_lake_folder_with_anything_in_it_is_refused_by_name(other: CommandLine, backup: Path, tmp_path: Path) -> None:
    (tmp_path / "other" / "lake" / "listens").mkdir(parents=True)

    ran = other("restore", str(backup))

    assert ran.status == 1
    assert f"the lake {tmp_path / 'other' / 'lake'} is not empty (it has listens)" in ran.err


def test_a_running_system_is_not_restored_into(other: CommandLine, backup: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with (tmp_path / "other" / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        ran = other("restore", str(backup))

    assert (ran.status, ran.out) == (75, "")
    assert "the system is running" in ran.err
    assert "process 4711" in ran.err


def test_after_init_db_a_database_is_still_empty(
    other: CommandLine, filled: Connection, backup: Path, empty_database: str
) -> None:
    assert other("init_db").status == 0

    assert other("restore", str(backup)).status == 0
    restored = connect(empty_database)
    assert contents(restored) == contents(filled)
    restored.close()


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
