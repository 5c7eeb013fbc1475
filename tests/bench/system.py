"""A system of one's own for a measurement: fresh PostgreSQL, free port, temporary folder, every part a process."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from conf import postgres
from conf.broker import Broker, open_broker
from conf.embedded_postgres import EmbeddedPostgres, embedded_dsn
from conf.settings import Settings, load_settings
from jobs.listens.msid import fold
from jobs.listens.positions import lock_writes, take_positions
from jobs.listens.users import create_token
from tests.faults.parts import System, until
from tests.ports import free_port

WITHOUT_LIMITS = "1000000000"
UNTIL = 1_735_603_200
"""2024-12-31: after the last generated listen."""


@dataclass
class Bench:
    """The running system and a connection to its store."""

    folder: Path
    server: EmbeddedPostgres
    system: System
    connection: postgres.Connection
    tokens: dict[int, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return load_settings(self.system.environment, env_file=None)

    @property
    def port(self) -> int:
        return int(self.system.environment["WEB_PORT"])

    def roots(self) -> dict[str, list[int]]:
        """Parts and PostgreSQL by the pids they were started with."""
        assert self.server.process is not None
        found: dict[str, list[int]] = {"postgres": [self.server.process.pid]}
        for part in self.system.parts:
            if part.process.poll() is None:
                found.setdefault(part.name, []).append(part.process.pid)
        return found

    def broker(self) -> Broker:
        return open_broker(self.settings)

    def value(self, query: str, *parameters: object) -> int:
        """One number from PostgreSQL."""
        with postgres.transaction(self.connection) as cursor:
            cursor.execute(query, parameters)
            row = cursor.fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def listens(self) -> int:
        return self.value("SELECT count(*) FROM listen")

    def consumed(self) -> int:
        """Listens of all messages written so far."""
        return self.value("SELECT sum(consumed) FROM message_seen")

    def create_users(self, names: list[str]) -> dict[int, int]:
        """Users of these names, in one transaction: id here by place in `names`, from 1."""
        with postgres.transaction(self.connection) as cursor:
            lock_writes(cursor)
            positions = list(take_positions(cursor, len(names)))
            keys = [fold(name) for name in names]
            cursor.execute(
                "INSERT INTO users (name, name_key, position)"
                " SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[]) RETURNING id, position",
                (names, keys, positions),
            )
            ids = {position - positions[0] + 1: user_id for user_id, position in cursor.fetchall()}
            cursor.execute(
                "INSERT INTO listen_totals (user_id, listen_count) SELECT id, 0 FROM users WHERE position >= %s",
                (positions[0],),
            )
        return ids

    def token(self, user_id: int) -> str:
        """A token of the user, made once."""
        if user_id not in self.tokens:
            with postgres.transaction(self.connection) as cursor:
                self.tokens[user_id] = create_token(cursor, user_id, "bench", None)
        return self.tokens[user_id]

    def landed(self) -> int:
        return self.value("SELECT max(position) FROM landing")

    def newest_position(self) -> int:
        return self.value("SELECT greatest((SELECT max(position) FROM listen), (SELECT max(position) FROM users))")

    def wait_landed(self, seconds: float) -> None:
        """Until everything in PostgreSQL is in the lake."""
        last = self.newest_position()
        wait(lambda: self.landed() >= last, seconds, f"landed up to {last}")


def wait(condition: Callable[[], bool], seconds: float, what: str, pause: float = 0.05) -> float:
    """Wait for a condition, looking gently; the time it came true. Raises AssertionError, saying what did not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(pause)
    return time.monotonic()


@contextmanager
def bench_system(**environment: str) -> Iterator[Bench]:
    """A fresh system, no part started yet; all gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="listenlake-bench-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder)
    system = System({}, folder / "logs")
    try:
        server.start()
        url = embedded_dsn(folder)
        postgres.migrate(url)
        system.logs.mkdir(exist_ok=True)
        system.environment.update(
            DATA_DIR=str(folder), DATABASE_URL=url, BROKER_URL="postgresql:", SPARK_MASTER="local[2]",
            WEB_PORT=str(free_port()), WEB_WORKERS="2", RATE_LIMIT_PER_TOKEN=WITHOUT_LIMITS,
            RATE_LIMIT_PER_ADDRESS=WITHOUT_LIMITS, **environment,
        )  # fmt: skip
        connection = postgres.connect(url, application="bench")
        yield Bench(folder, server, system, connection)
        connection.close()
    except BaseException:
        for part in system.parts:
            print(f"--- {part.name} said last:\n{part.said()[-1500:]}", file=sys.stderr)
        raise
    finally:
        system.stop()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def start_consumer(bench: Bench, seconds: float = 120) -> None:
    """Start the request consumer and wait until it holds the lake."""
    part = bench.system.start("request_consumer")
    until(
        lambda: bench.landed() > 0 or part.process.poll() is not None,
        seconds,
        f"the first landing; it said {part.said()}",
    )
    assert part.process.poll() is None, part.said()
