"""Both brokers, to be stopped, killed, frozen and cut: a RabbitMQ node, or the PostgreSQL that has the queue tables."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Protocol

import pika
import psutil

from conf import postgres
from conf.broker import QUEUES
from conf.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from tests.faults.parts import until
from tests.rabbitmq import RabbitMQNode


class Breakable(Protocol):
    """A broker that a test may break, as long as it heals it."""

    url: str

    def stop(self) -> None:
        """End it in order."""

    def kill(self) -> None:
        """SIGKILL."""

    def start(self) -> None:
        """After `stop` or `kill`; returns when it answers."""

    def cut(self) -> None:
        """End every connection there is; new ones are taken."""

    def frozen(self) -> AbstractContextManager[None]:
        """SIGSTOP for the time of the block: its sockets stay open and say nothing."""


class BreakablePostgreSQL:
    """The test run's PostgreSQL."""

    url = "postgresql:"

    def __init__(self, server: EmbeddedPostgres, database_url: str) -> None:
        self._server = server
        self._database_url = database_url

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        assert self._server.process is not None
        self._server.process.kill()
        self._server.process.wait(10)

    def start(self) -> None:
        """Backends of a killed server take a moment to notice."""
        until(self._started, 30, "PostgreSQL is up again")

    def _started(self) -> bool:
        try:
            self._server.start()
        except EmbeddedPostgresError:
            return False
        return True

    def cut(self) -> None:
        with closing(postgres.connect(self._database_url)) as connection, postgres.transaction(connection) as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'listenlake-broker'"
            )
            assert cursor.rowcount

    @contextmanager
    def frozen(self) -> Iterator[None]:
        assert self._server.process is not None
        parent = psutil.Process(self._server.process.pid)
        family = [parent, *parent.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                process.resume()


class BreakableRabbitMQ:
    """The test run's RabbitMQ node."""

    def __init__(self, node: RabbitMQNode) -> None:
        self.node = node
        self.url = node.url

    def stop(self) -> None:
        self.node.stop()

    def kill(self) -> None:
        self.node.kill()

    def start(self) -> None:
        self.node.start()

    def cut(self) -> None:
        self.node.control("close_all_connections", "cut by a test")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        self.node.pause()
        try:
            yield
        finally:
            self.node.resume()

    def delete_queues(self) -> None:
        """All of ours, dead letters too, with what is in them."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        channel = connection.channel()
        for queue in QUEUES:
            channel.queue_delete(queue)
            channel.queue_delete(f"{queue}.dead_letter")
        connection.close()
