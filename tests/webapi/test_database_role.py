"""The web server on a database role that may change rows and nothing else, made by the README's own statements."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from psycopg2 import errors

from conf.postgres import Connection, connect, transaction
from conf.settings import Settings
from tests.databases import Databases
from tests.docs.generated import README
from tests.live_server import GENEROUS, Server, served
from tests.webapi.conftest import Account, make_account

pytestmark = pytest.mark.servers

ROLE = "listenlake_web"
PASSWORD = "a password of the role"


@pytest.fixture
def role_url(databases: Databases, settings: Settings) -> Iterator[str]:
    """The test's database, by that role."""
    [statements] = re.findall(r"^```sql\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    with closing(psycopg2.connect(settings.database_url)) as owner, owner, owner.cursor() as cursor:
        cursor.execute(statements.replace("'...'", f"'{PASSWORD}'"))
    yield _as_role(settings.database_url)
    with closing(psycopg2.connect(settings.database_url)) as owner, owner, owner.cursor() as cursor:
        cursor.execute("DROP OWNED BY listenlake_web")
    databases.admin("DROP ROLE listenlake_web")


@pytest.fixture
def served_by_role(settings: Settings, role_url: str) -> Iterator[Server]:
    with served(replace(settings, database_url=role_url), **GENEROUS) as running:
        yield running


@pytest.fixture
def rob(connection: Connection) -> Account:
    return make_account(connection, "Rob")


def _as_role(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{ROLE}:{PASSWORD.replace(' ', '%20')}@"))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE users ADD COLUMN mine int",
        "DROP TABLE token",
        "TRUNCATE listen",
        "CREATE ROLE mine",
        "ALTER ROLE listenlake_web SUPERUSER",
        "COPY users TO PROGRAM 'cat'",
    ],
)
def test_the_role_changes_no_structure(role_url: str, statement: str) -> None:
    with (
        closing(connect(role_url)) as connection,
        pytest.raises(errors.InsufficientPrivilege),
        transaction(connection) as cursor,
    ):
        cursor.execute(statement)


def test_the_web_server_needs_no_more_than_that_role(served_by_role: Server, rob: Account) -> None:
    listen = {"listened_at": 1_700_000_000, "track_metadata": {"artist_name": "Low", "track_name": "Lullaby"}}
    playing = {"track_metadata": listen["track_metadata"]}
    for listen_type, one in (("single", listen), ("playing_now", playing)):
        body = json.dumps({"listen_type": listen_type, "payload": [one]})
        status, said, _ = served_by_role.request("POST", "/1/submit-listens", body, rob.headers)
        assert (status, said) == (200, {"status": "ok"})

    zone = json.dumps({"zonename": "Europe/Berlin"})
    assert served_by_role.request("POST", "/1/settings/timezone", zone, rob.headers)[0] == 200
    expected = {
        "/1/validate-token": 200,
        "/1/user/Rob/listens": 200,
        "/1/user/Rob/listen-count": 200,
        "/1/user/Rob/playing-now": 200,
        "/1/stats/user/Rob/artists": 204,
        "/1/stats/sitewide/artists": 204,
        "/1/search/users/?search_term=rob": 200,
        "/1/settings/timezone": 200,
        "/1/status/service-status": 200,
        "/metrics": 200,
    }
    found = {path: _status(served_by_role, path, rob) for path in expected}
    assert found == expected


def _status(server: Server, path: str, account: Account) -> int:
    """Of an answer that need not be JSON."""
    try:
        return server.request("GET", path, headers=account.headers)[0]
    except json.JSONDecodeError:
        return 200
