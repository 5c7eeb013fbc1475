"""A lake of empty tables for every test (made once, then copied), and the one writer's hand on it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from conf.postgres import Connection, Pool
from conf.settings import Settings
from jobs.land import Lander
from jobs.land_delta import create_tables
from jobs.listens.users import create_user
from jobs.lock import LakeLock

NewLander = Callable[..., Lander]


@pytest.fixture(scope="session")
def empty_lake(spark: SparkSession, state_dir: Path) -> Path:
    """All tables, no rows: a Delta table may be copied as a folder."""
    folder = state_dir / "empty-lake"
    create_tables(spark, str(folder))
    return folder


@pytest.fixture
def lake(settings: Settings, empty_lake: Path) -> str:
    """The path of this test's own lake: its tables are there, nothing has landed."""
    shutil.copytree(empty_lake, settings.lake)
    return settings.lake


@pytest.fixture
def lock(settings: Settings, lake: str) -> Iterator[LakeLock]:
    held = LakeLock(settings.database_url, lake)
    assert held.acquire()
    yield held
    held.release()


@pytest.fixture
def new_lander(spark: SparkSession, settings: Settings, lock: LakeLock) -> NewLander:
    """A Lander as a process has it that starts just now; keyword arguments are settings to change."""
    return lambda **changes: Lander(spark, replace(settings, **changes), lock)


@pytest.fixture
def lander(new_lander: NewLander) -> Lander:
    return new_lander()


@pytest.fixture
def alice(connection: Connection) -> int:
    return create_user(connection, "alice")


@pytest.fixture
def bob(connection: Connection) -> int:
    return create_user(connection, "bob")


@pytest.fixture
def pool(settings: Settings) -> Iterator[Pool]:
    opened = Pool(settings.database_url)
    yield opened
    opened.discard()
