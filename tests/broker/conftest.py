"""Each test gets both brokers, one after the other."""

from collections.abc import Iterator

import pytest

from tests.broker.lane import Lane, delete_queue, on_postgresql, on_rabbitmq


@pytest.fixture(params=["postgresql", "rabbitmq"])
def lane(request: pytest.FixtureRequest) -> Iterator[Lane]:
    if request.param == "postgresql":
        made = on_postgresql(request.getfixturevalue("database_url"))
    else:
        made = on_rabbitmq(request.getfixturevalue("amqp_url"))
    yield made
    made.close()
    if made.on_rabbitmq:
        delete_queue(made.direct, made.queue)


@pytest.fixture
def rabbitmq_lane(amqp_url: str) -> Iterator[Lane]:
    made = on_rabbitmq(amqp_url)
    yield made
    made.close()
    delete_queue(made.direct, made.queue)
