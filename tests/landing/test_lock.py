"""One process writes the lake; a second refuses, and takes over when the first dies. A lost lock commits nothing."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from conf import postgres
from conf.embedded_postgres import EmbeddedPostgres, embedded_dsn
from conf.postgres import Connection, StoreUnavailableError
from conf.settings import PROJECT, Settings
from jobs import lake_files
from jobs.land import Lander
from jobs.lock import LakeLock, LakeLockLostError
from tests.landing.listens import agree, delete, listen, submit

HOLD = """
import sys, time
from jobs.lock import LakeLock
lock = LakeLock(sys.argv[1], sys.argv[2])
print(lock.acquire(), flush=True)
time.sleep(600)
"""


class Holder:
    """Another process that holds, or wants, the lock of a lake."""

    def __init__(self, dsn: str, lake: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, dsn, lake], stdout=subprocess.PIPE, text=True, cwd=PROJECT
        )
        assert self.process.stdout is not None
        self.holds = self.process.stdout.readline().strip() == "True"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def holders() -> Iterator[list[Holder]]:
    started: list[Holder] = []
    yield started
    for holder in started:
        holder.kill()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "some lake")


@pytest.mark.parametrize("remote", [False, True])
def test_a_second_process_refuses_and_takes_over_within_30_seconds_of_the_firsts_death(
    remote: bool, database_url: str, folder: str, holders: list[Holder]
) -> None:
    lake = "s3a://bucket/lake" if remote else f"file://{folder.replace(' ', '-')}"
    holders.append(Holder(database_url, lake))
    assert holders[0].holds
    mine = LakeLock(database_url, lake)
    assert not mine.acquire()
    assert not mine.held
    holders.append(Holder(database_url, lake))
    assert not holders[1].holds

    holders[0].kill()
    started = time.monotonic()
    assert mine.acquire(wait=30)
    assert time.monotonic() - started < 30
    assert mine.acquire(), "to ask again while it is held does no harm"
    mine.check()
    mine.release()
    mine.release()
    assert not mine.held


def test_a_process_on_another_database_refuses_the_same_folder(
    postgres_server: EmbeddedPostgres, database_url: str, folder: str, holders: list[Holder]
) -> None:
    holders.append(Holder(embedded_dsn(postgres_server.data_dir), folder))
    assert holders[0].holds
    assert not LakeLock(database_url, folder).acquire()
    other = LakeLock(database_url, folder + "-2")
    assert other.acquire(), "its own folder is free"
    other.release()


def test_a_lost_session_or_a_replaced_folder_loses_the_lock(
    connection: Connection, database_url: str, folder: str
) -> None:
    lock = LakeLock(database_url, folder)
    assert lock.acquire()
    lock.check()
    end_session(connection)
    with pytest.raises(LakeLockLostError, match="nothing was committed"):
        lock.check()
    assert not lock.held
    with pytest.raises(LakeLockLostError):
        lock.check()

    assert lock.acquire(), "the lost one was given up whole"
    Path(folder, ".writer.lock").unlink()
    with pytest.raises(LakeLockLostError):
        lock.check()

    assert lock.acquire()
    Path(folder, ".writer.lock").unlink()
    Path(folder, ".writer.lock").touch()
    with pytest.raises(LakeLockLostError):
        lock.check()


def test_without_postgresql_there_is_no_lock(folder: str) -> None:
    lock = LakeLock("postgresql://nobody@127.0.0.1:1/none", folder)
    with pytest.raises(StoreUnavailableError):
        lock.acquire()
    assert not lock.held


def end_session(connection: Connection) -> None:
    """End the session that holds the advisory lock of this database, from outside."""
    with postgres.transaction(connection) as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE application_name = 'listenlake lake lock' AND datname = current_database()"
        )
        assert cursor.fetchone() == (1,)


class LosingLock(LakeLock):
    """A real lock whose session is ended from outside right before the n-th check."""

    def __init__(self, dsn: str, lake: str, connection: Connection, checks: int) -> None:
        super().__init__(dsn, lake)
        self.outside = connection
        self.left = checks

    def check(self) -> None:
        self.left -= 1
        if self.left == 0:
            end_session(self.outside)
        super().check()


@pytest.mark.spark
def test_whichever_commit_a_lost_lock_comes_before_that_commit_and_all_after_it_do_not_happen(
    spark: SparkSession, settings: Settings, lake: str, connection: Connection, alice: int
) -> None:
    first = LakeLock(settings.database_url, lake)
    assert first.acquire()
    submit(connection, alice, listen(0), listen(1))
    landed = Lander(spark, settings, first).land()
    assert landed is not None
    first.release()
    submit(connection, alice, listen(2, "new", media_player="new"), listen(3))
    delete(connection, alice, listen(0))
    submit(connection, alice, listen(0, note="again"))

    for checks in range(1, 20):
        lock = LosingLock(settings.database_url, lake, connection, checks)
        assert lock.acquire()
        try:
            landing = Lander(spark, settings, lock).land()
            break
        except LakeLockLostError:
            assert not lock.held
            assert lake_files.newest(lake) == landed, "no data version came of it"
            assert lake_files.open_table(lake, landed, "listens").to_pyarrow_table().num_rows == 2
    lock.release()
    assert landing is not None
    assert landing.landing_id == 2
    assert checks > 4, "start, a commit of each table, the landing row"
    assert agree(connection, lake) == 4
