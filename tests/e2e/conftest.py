"""Whole systems of separate processes, one per way to run them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pika
import pytest

from conf.broker import QUEUES
from conf.settings import Settings, load_settings
from tests.e2e.standalone import Standalone, standalone
from tests.faults.conftest import environment_of
from tests.faults.parts import System

PARTS = ("request_consumer", "listen_writer", "spark_reader", "web")
"""The slowest to start comes first."""


@dataclass(frozen=True)
class Whole:
    """A running system, its settings, and the cluster it computes on, if that is one."""

    system: System
    settings: Settings
    cluster: Standalone | None

    @property
    def url(self) -> str:
        return self.system.url


# One machine is what the demo, the README's commands and the dumps run on in every run.
@pytest.fixture(params=[pytest.param("one machine", marks=pytest.mark.slow), "RabbitMQ and a cluster"])
def whole(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Whole]:
    """The same system twice: nothing but this machine; and RabbitMQ, with a Spark master and two workers."""
    environment = {**environment_of(database_url, tmp_path), "SPARK_DRIVER_MEMORY": "1g"}
    with ExitStack() as stack:
        cluster = None
        if request.param != "one machine":
            environment["BROKER_URL"] = empty_queues(request.getfixturevalue("amqp_url"))
            cluster = stack.enter_context(standalone(tmp_path / "cluster"))
            environment["SPARK_MASTER"] = cluster.url
        yield Whole(stack.enter_context(running(environment, tmp_path)), load_settings(environment, None), cluster)


@contextmanager
def running(environment: dict[str, str], folder: Path) -> Iterator[System]:
    """All parts of a system, stopped at the end, whatever happens."""
    logs = folder / "logs"
    logs.mkdir()
    system = System(environment, logs)
    try:
        for part in PARTS:
            system.start(part)
        yield system
    finally:
        system.stop()


def empty_queues(amqp_url: str) -> str:
    """Nothing of another test is left in our queues."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    channel = connection.channel()
    for queue in QUEUES:
        channel.queue_delete(queue)
    connection.close()
    return amqp_url
