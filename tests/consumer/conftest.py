"""What the tests of the request consumer share."""

from collections.abc import Iterator

import pytest

from conf.broker import Broker, open_broker
from conf.settings import Settings


@pytest.fixture
def broker(settings: Settings) -> Iterator[Broker]:
    opened = open_broker(settings)
    yield opened
    opened.close()
