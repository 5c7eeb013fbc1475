"""Pages as a browser without scripts sees them: cookies kept, forms filled in with what the page holds."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from conf.postgres import Connection, connect, transaction
from conf.settings import Settings
from jobs.listens.users import create_user
from tests.live_server import Server
from tests.webapi.conftest import timeless_app
from webapi import create_app

PASSWORD = "open sesame"
HTML = {"Accept": "text/html"}
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True)
class Visitor:
    """One browser."""

    client: FlaskClient

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, headers=HTML, **options)

    def post(self, path: str, of: str, **values: str) -> TestResponse:
        """Send a form of the page `of`, with its CSRF token."""
        return self.client.post(path, data={"csrf_token": self.form_token(of), **values}, headers=HTML)

    def form_token(self, of: str) -> str:
        """The CSRF token of the page `of`."""
        found = _TOKEN.search(self.get(of).text)
        assert found is not None, f"{of} has no form"
        return unescape(found[1])

    def log_in(self, name: str = "rob", password: str = PASSWORD, **values: str) -> TestResponse:
        return self.post("/login", "/login", name=name, password=password, **values)

    def cookie(self, name: str = "listenlake_session") -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None


def a_user(connection: Connection, name: str) -> int:
    """A user who can log in with PASSWORD."""
    return create_user(connection, name, password=PASSWORD)


def rows(connection: Connection, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with transaction(connection) as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


@pytest.fixture
def rob(connection: Connection) -> int:
    return a_user(connection, "rob")


@pytest.fixture
def visitor(settings: Settings) -> Visitor:
    return Visitor(create_app(settings).test_client())


@pytest.fixture
def timeless(settings: Settings) -> Visitor:
    """As `visitor`, where sign-up is open and no window of a limit ever ends."""
    return Visitor(timeless_app(replace(settings, signup="open")).test_client())


@pytest.fixture
def other(settings: Settings) -> Visitor:
    """Another browser, served by another worker."""
    return Visitor(create_app(settings).test_client())


@pytest.fixture(scope="module")
def standing_connection(standing_live: Server) -> Iterator[Connection]:
    """To the database of `standing_live`."""
    opened = connect(standing_live.settings.database_url)
    yield opened
    opened.close()
