"""Users whose tokens AudioScrobbler 1.2 knows. Fixtures of the API's tests serve here too."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, connect
from tests.webapi.conftest import (  # noqa: F401 - fixtures
    Account,
    app,
    client,
    drain,
    make_account,
    standing_client,
    standing_url,
)
from webapi.services import EXTENSION, Services


def services_of(client: FlaskClient) -> Services:  # noqa: F811
    found: Services = client.application.extensions[EXTENSION]
    return found


@pytest.fixture
def rob(client: FlaskClient, connection: Connection) -> Account:  # noqa: F811
    return make_account(connection, "Rob", services_of(client).vault)


@pytest.fixture(scope="module")
def standing_rob(standing_client: FlaskClient, standing_url: str) -> Iterator[Account]:  # noqa: F811
    connection = connect(standing_url)
    yield make_account(connection, "Rob", services_of(standing_client).vault)
    connection.close()
