"""A request consumer and a spark_reader at work on a lake with a few listens, each a process, for the fault tests."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast
from uuid import UUID

import psutil

from conf import postgres
from conf.broker import Broker, open_broker
from conf.settings import load_settings
from jobs.listens.changes import landed_up_to, read_store
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.users import create_user
from jobs.listens.write import write_submissions
from request_consumer import request_rows, requests
from request_consumer.request_rows import RequestRow
from spark_reader.load import load_page
from tests.databases import Databases
from tests.faults.client import listen
from tests.faults.conftest import environment_of
from tests.faults.parts import Part, System, until

QUERY = "stats.user.entity"
LISTENS = 20
"""Of one user, number n by artist n modulo 7."""
COUNTS = [3, 3, 3, 3, 3, 3, 2]


@dataclass
class Standing:
    """A consumer and a reader at work on a lake with a few listens."""

    system: System
    connection: postgres.Connection
    broker: Broker
    user_id: int
    consumer: Part

    def ask(self, at: int, **more: bool) -> RequestRow:
        params = {"entity": "artists", "at": 1_800_000_000 + at, **more}
        return requests.enqueue(self.connection, self.broker, QUERY, params)

    def row(self, request_id: UUID) -> RequestRow:
        found = request_rows.find(self.connection, request_id)
        assert found is not None
        return found

    def wait_for(self, request_id: UUID, state: str, seconds: float = 90) -> RequestRow:
        until(lambda: self.row(request_id).state == state, seconds, f"{request_id} is {state}; {self.consumer.said()}")
        return self.row(request_id)

    def done(self, request_id: UUID) -> RequestRow:
        """Wait for the outcome; what is served then is of that run, and right."""
        row = self.wait_for(request_id, "done")
        assert self.served_run() == row.run_id
        assert self.counts() == COUNTS
        return row

    def silent_for(self, interval: str) -> None:
        """As if so much time had passed since every heartbeat and bell."""
        with postgres.transaction(self.connection) as cursor:
            cursor.execute("UPDATE request SET heartbeat = heartbeat - %s::interval", (interval,))

    def heard_again(self, request_id: UUID) -> None:
        """Wait for two heartbeats of the request: one may have been under way."""
        for _ in range(2):
            last = self._heartbeat(request_id)
            until(lambda: self._heartbeat(request_id) > last, 20, "a long job says that it lives")  # noqa: B023

    def _heartbeat(self, request_id: UUID) -> datetime:
        with postgres.transaction(self.connection) as cursor:
            cursor.execute("SELECT heartbeat FROM request WHERE id = %s", (request_id,))
            row = cursor.fetchone()
        assert row is not None
        return cast(datetime, row[0])

    def runs_done(self) -> int:
        with postgres.transaction(self.connection) as cursor:
            cursor.execute("SELECT max((detail->>'done')::integer) FROM part_status WHERE part = 'request_consumer'")
            row = cursor.fetchone()
        return int(row[0] or 0) if row else 0

    @contextmanager
    def frozen_while(self, request_id: UUID) -> Iterator[None]:
        """The JVM stands still as soon as the request runs: a job as long as the block.

        For requests that compute (`rebuild`): one that finds nothing to continue is over before anybody sees it run.
        """
        until(lambda: self.row(request_id).state == "running", 60, "it runs")
        jvm = self.jvm()
        jvm.suspend()
        try:
            yield
        finally:
            jvm.resume()

    def reader(self) -> Part:
        """The last spark_reader that was started."""
        return next(part for part in reversed(self.system.parts) if part.name == "spark_reader")

    def jvm(self) -> psutil.Process:
        children = psutil.Process(self.consumer.process.pid).children(recursive=True)
        return next(child for child in children if child.name() == "java")

    def python_workers(self) -> list[psutil.Process]:
        """What runs Python for Spark's tasks, without the daemon that forks it."""
        return [worker for daemon in self.jvm().children() for worker in daemon.children()]

    def served_run(self) -> UUID:
        """By which run the artists of users are served."""
        with postgres.transaction(self.connection) as cursor:
            cursor.execute("SELECT run_id FROM run WHERE statistic = 'user_artists' AND stats_range = 'all_time'")
            row = cursor.fetchone()
        assert row is not None
        return UUID(str(row[0]))

    def counts(self) -> list[int] | None:
        """Of the user's artists, as served."""
        with postgres.transaction(self.connection) as cursor:
            page = load_page(cursor, "user_artists", "all_time", self.user_id, 0, 25)
        return None if page is None else [item.listen_count for item in page.items]

    def write(self, *numbers: int) -> None:
        """Listens of these numbers, which are there at once and land soon."""
        message = Submission(new_message_id(), self.user_id, time.time_ns() // 1000, tuple(map(listen, numbers)))
        write_submissions(self.connection, [message])

    def landed_all(self) -> None:
        """Wait until the lake has everything."""
        with postgres.transaction(self.connection) as cursor:
            position = read_store(cursor).last_position
        until(lambda: self._has_landed(position), 60, f"all of it has landed; {self.consumer.said()}")

    def _has_landed(self, position: int) -> bool:
        with postgres.transaction(self.connection) as cursor:
            return landed_up_to(cursor, position)


@contextmanager
def at_work(databases: Databases, folder: Path, **environ: str) -> Iterator[Standing]:
    logs = folder / "logs"
    logs.mkdir()
    with _lent(databases) as url, closing(postgres.connect(url)) as connection:
        environment = environment_of(url, folder) | environ
        user_id = create_user(connection, "ledger")
        listens = tuple(listen(number) for number in range(LISTENS))
        write_submissions(connection, [Submission(new_message_id(), user_id, time.time_ns() // 1000, listens)])
        system = System(environment, logs)
        with closing(open_broker(load_settings(environment, env_file=None))) as broker:
            try:
                consumer = system.start("request_consumer")
                system.start("spark_reader")
                until(lambda: _landed(connection), 90, f"the listens have landed; {consumer.said()}")
                yield Standing(system, connection, broker, user_id, consumer)
            finally:
                system.stop()


@contextmanager
def _lent(databases: Databases) -> Iterator[str]:
    name = databases.lend()
    yield databases.url(name)
    databases.give_back(name)


def _landed(connection: postgres.Connection) -> bool:
    with postgres.transaction(connection) as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM landing WHERE rows > 0)")
        row = cursor.fetchone()
    return bool(row and row[0])
