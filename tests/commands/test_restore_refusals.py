"""A backup that is not what it was, a place that is not empty, a system that runs: refused by name, nothing touched."""

import fcntl
from pathlib import Path
from typing import Any

import orjson
import pytest

from conf.postgres import Connection, connect
from dumps.backup import DATABASE, MANIFEST
from tests.commands.conftest import CommandLine, rows


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
