"""A system of separate processes on a fresh database, and a client that remembers what it was promised."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from conf import postgres
from conf.settings import Settings, load_settings
from jobs.listens.users import create_token, create_user
from tests.faults.client import Client
from tests.faults.parts import System
from tests.ports import free_port


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return environment_of(database_url, tmp_path)


def environment_of(database_url: str, folder: Path) -> dict[str, str]:
    """Environment of every part: embedded broker, one web worker, limits out of the way."""
    return {
        "DATA_DIR": str(folder / "data"), "DATABASE_URL": database_url, "BROKER_URL": "postgresql:",
        "SPARK_MASTER": "local[2]", "WEB_PORT": str(free_port()), "WEB_WORKERS": "1", "LANDING_INTERVAL": "0.5",
        "RATE_LIMIT_PER_TOKEN": "1000000", "RATE_LIMIT_PER_ADDRESS": "1000000",
    }  # fmt: skip


@pytest.fixture
def system(environment: dict[str, str], tmp_path: Path) -> Iterator[System]:
    logs = tmp_path / "logs"
    logs.mkdir()
    running = System(environment, logs)
    yield running
    running.stop()


@pytest.fixture
def fault_settings(environment: dict[str, str]) -> Settings:
    return load_settings(environment, env_file=None)


@pytest.fixture
def token(connection: postgres.Connection) -> str:
    """The token of the user `ledger`."""
    user_id = create_user(connection, "ledger")
    with postgres.transaction(connection) as cursor:
        return create_token(cursor, user_id, "faults", None)


@pytest.fixture
def client(system: System, token: str, tmp_path: Path) -> Client:
    return Client(system.url, "ledger", token, tmp_path / f"ledger-{uuid4().hex}.jsonl")
