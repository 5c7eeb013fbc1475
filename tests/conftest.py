"""Real servers for the tests: one PostgreSQL per run, a fresh database per test; one Spark session per run."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession

from conf import postgres
from conf.embedded_postgres import EmbeddedPostgres, embedded_dsn
from conf.settings import Settings, load_settings
from jobs.session import build_session
from tests.rabbitmq import amqp_url, rabbitmq_node  # noqa: F401 - fixtures
from tests.whole_system import whole_system  # noqa: F401 - fixture

SHARED_DATA = Path(os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


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
    template = _database_url(server, "schema_template")
    _admin(server, "CREATE DATABASE schema_template")
    postgres.migrate(template)
    yield server
    server.stop()


def _database_url(server: EmbeddedPostgres, name: str) -> str:
    return embedded_dsn(server.data_dir).replace("/listenlake?", f"/{name}?")


def _admin(server: EmbeddedPostgres, statement: str) -> None:
    connection = postgres.connect(embedded_dsn(server.data_dir), autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A fresh database with this code's schema and an epoch of its own."""
    with fresh_database(postgres_server) as url:
        yield url


@contextmanager
def fresh_database(server: EmbeddedPostgres) -> Iterator[str]:
    """A copy of the template, dropped at the end."""
    name = f"test_{uuid4().hex[:12]}"
    _admin(server, f"CREATE DATABASE {name} TEMPLATE schema_template")
    url = _database_url(server, name)
    connection = postgres.connect(url, autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE store SET epoch = %s", (uuid4(),))
    connection.close()
    yield url
    _admin(server, f"DROP DATABASE {name} WITH (FORCE)")


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
