"""Real servers for the tests: one PostgreSQL per run, a fresh database per test; one Spark session per run."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from conf import postgres
from conf.embedded_postgres import EmbeddedPostgres
from conf.settings import Settings, load_settings
from jobs.session import build_session
from tests.databases import Databases
from tests.live_server import browser, live, standing_live  # noqa: F401 - fixtures
from tests.rabbitmq import _started_node, amqp_url, on_broker, rabbitmq_node  # noqa: F401 - fixtures
from tests.whole_system import whole_system  # noqa: F401 - fixture

# JVMs of tests live for minutes: compiling well costs more than it saves (a first statistic 12 s instead of 25 s).
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

SHARED_DATA = Path(os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what the fixture `spark` is asked for: `make test` runs it beside all others."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker("session")


@pytest.fixture(scope="session")
def state_dir() -> Iterator[Path]:
    """A folder that the account of the servers may enter, gone after the run."""
    path = Path(tempfile.mkdtemp(prefix="listenlake-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(state_dir: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(state_dir / "pg")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def databases(postgres_server: EmbeddedPostgres) -> Databases:
    lender = Databases(postgres_server)
    # Servers are killed in these tests, machines are not: what the kernel has is kept.
    lender.admin("ALTER SYSTEM SET fsync = off")
    lender.admin("ALTER SYSTEM SET full_page_writes = off")
    lender.admin("SELECT pg_reload_conf()")
    return lender


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """An empty database with this code's schema and an epoch of its own."""
    name = databases.lend()
    yield databases.url(name)
    databases.give_back(name)


@pytest.fixture
def connection(database_url: str) -> Iterator[postgres.Connection]:
    opened = postgres.connect(database_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a whole system on the fresh database, with its own lake."""
    return load_settings(
        {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": database_url, "SPARK_MASTER": "local[2]"}, env_file=None
    )


@pytest.fixture(scope="session")
def spark(state_dir: Path) -> Iterator[SparkSession]:
    """The one Spark session of the run, on the local profile."""
    environ = {"DATA_DIR": str(state_dir / "spark-state"), "SPARK_MASTER": "local[2]", "SPARK_DRIVER_MEMORY": "2g"}
    session = build_session(load_settings(environ, env_file=None), "tests")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real listening data; absent: an error in CI, a skip elsewhere."""
    if SHARED_DATA.is_dir():
        return SHARED_DATA
    if os.environ.get("CI"):
        pytest.fail(f"{SHARED_DATA} is not there: CI needs the real data")
    pytest.skip(f"{SHARED_DATA} is not there: set SHARED_DATA to test with real listening data")
