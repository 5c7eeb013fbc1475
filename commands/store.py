"""What commands work on: the running system's store, or one started for the purpose while nothing else runs."""

import fcntl
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from commands.exits import BUSY, CommandError
from conf.broker import Broker, open_broker
from conf.embedded_postgres import EmbeddedPostgres
from conf.postgres import Connection, Pool, check_schema, dsn
from conf.settings import Settings, load_settings, made_folder


@dataclass(frozen=True)
class Store:
    """A store of this code's schema, connected."""

    settings: Settings
    connection: Connection


@contextmanager
def running_store() -> Iterator[Store]:
    """The store of the running system. Raises StoreUnavailableError (nothing runs, or it was lost), SchemaError."""
    settings = load_settings()
    check_schema(dsn(settings))
    pool = Pool(dsn(settings), "spark_manage.py")
    try:
        with pool.session() as connection:
            yield Store(settings, connection)
    finally:
        pool.discard()


@contextmanager
def broker_of(settings: Settings) -> Iterator[Broker]:
    """A broker connection for a block. Raises BrokerUnavailableError."""
    broker = open_broker(settings)
    try:
        yield broker
    finally:
        broker.close()


@contextmanager
def started_postgres(settings: Settings) -> Iterator[None]:
    """PostgreSQL for a block: as it runs, else the embedded one started for it and stopped again."""
    if not settings.embedded_postgres or EmbeddedPostgres(settings.data_dir).running():
        yield
        return
    with alone(settings), postgres_of(settings):
        yield


@contextmanager
def postgres_of(settings: Settings) -> Iterator[None]:
    """The embedded PostgreSQL started for a block, inside `alone`; nothing to do for a DATABASE_URL."""
    if not settings.embedded_postgres:
        yield
        return
    server = EmbeddedPostgres(settings.data_dir, settings.postgres_connections)
    # It has a session of its own: a SIGTERM that only ended us would leave it behind.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        server.start()
        yield
    finally:
        server.stop()
        signal.signal(signal.SIGTERM, before)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep `up` off this data folder for a block. Raises CommandError with status BUSY when it runs there."""
    path = made_folder(settings.data_dir) / "up.lock"
    with path.open("a+b") as lock:
        _take(lock, path, settings)
        yield


def _take(lock: IO[bytes], path: Path, settings: Settings) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CommandError(
            f"the system is running on DATA_DIR={settings.data_dir} (process {path.read_text().strip() or 'unknown'}): "
            "stop it first, with Ctrl-C where `make up` runs",
            BUSY,
        ) from None
