"""The real server, a connection to its database, and a user with a token, for all seeds of a module."""

from collections.abc import Callable, Iterator

import pytest

from conf.postgres import Connection, connect
from tests.corpus.oracle import hold
from tests.corpus.seed import Seed
from tests.live_server import Server
from tests.webapi.conftest import Account, make_account

Hold = Callable[[list[Seed]], None]


@pytest.fixture(scope="module")
def store(standing_live: Server) -> Iterator[Connection]:
    opened = connect(standing_live.settings.database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def corpus_rob(store: Connection) -> Account:
    return make_account(store, "Rob")


@pytest.fixture
def all_hold(standing_live: Server, store: Connection, corpus_rob: Account) -> Hold:
    return lambda seeds: hold(standing_live, store, corpus_rob.token, seeds)
