"""An application on a fresh database, users with tokens, and the writer's step by hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from conf.broker import INCOMING, open_broker
from conf.postgres import Connection, connect, transaction
from conf.secret import Vault
from conf.settings import Settings, load_settings
from jobs.listens.listen import Submission
from jobs.listens.users import create_token, create_user
from jobs.listens.write import write_submissions
from tests.databases import Databases
from webapi import create_app
from webapi.ratelimit import RateLimiter
from webapi.services import EXTENSION, Services

Drain = Callable[[], list[Submission]]


@dataclass(frozen=True)
class Account:
    """A user with a token."""

    id: int
    name: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"}


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def timeless_app(settings: Settings) -> Flask:
    """An application for which no window of a limit ever ends."""
    made = create_app(settings)
    here: Services = made.extensions[EXTENSION]
    limiter = RateLimiter(here.pool, here.limiter.limits, lambda: 1_700_000_000)
    made.extensions[EXTENSION] = replace(here, limiter=limiter)
    return made


def make_account(connection: Connection, name: str, vault: Vault | None = None) -> Account:
    user_id = create_user(connection, name)
    with transaction(connection) as cursor:
        return Account(user_id, name, create_token(cursor, user_id, "test", vault))


@pytest.fixture
def rob(connection: Connection) -> Account:
    return make_account(connection, "Rob")


@pytest.fixture(scope="module")
def standing_url(databases: Databases) -> Iterator[str]:
    """A database for all tests of a module that change nothing."""
    name = databases.lend()
    yield databases.url(name)
    databases.give_back(name)


@pytest.fixture(scope="module")
def standing_client(standing_url: str, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """For requests that are refused or only read: no limit comes in the way."""
    folder: Path = tmp_path_factory.mktemp("standing")
    values = {"DATA_DIR": str(folder), "DATABASE_URL": standing_url}
    limits = {"RATE_LIMIT_PER_TOKEN": "100000", "RATE_LIMIT_PER_ADDRESS": "100000"}
    return create_app(load_settings(values | limits, env_file=None)).test_client()


@pytest.fixture(scope="module")
def standing_rob(standing_url: str) -> Iterator[Account]:
    """The user Rob, who has no listens."""
    connection = connect(standing_url)
    yield make_account(connection, "Rob")
    connection.close()


@pytest.fixture
def drain(settings: Settings, connection: Connection) -> Drain:
    """Write what waits in the queue, as the listen writer does; gives back the submissions."""

    def written() -> list[Submission]:
        broker = open_broker(settings)
        deliveries = broker.consume(INCOMING, 100, 0)
        submissions = [Submission.decode(delivery.body) for delivery in deliveries]
        write_submissions(connection, submissions)
        broker.ack(deliveries)
        broker.close()
        return submissions

    return written


def listen(listened_at: int = 1443521965, track_name: str = "Song", **info: Any) -> dict[str, Any]:
    track: dict[str, Any] = {"artist_name": "Artist", "track_name": track_name}
    if info:
        track["additional_info"] = info
    return {"listened_at": listened_at, "track_metadata": track}


def submission(*listens: object, listen_type: str = "import") -> dict[str, Any]:
    return {"listen_type": listen_type, "payload": list(listens)}
