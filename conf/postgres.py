"""Connections to PostgreSQL, transactions, and the numbered schema.

`dsn(settings)` is the one place that knows where the store is: DATABASE_URL, else the embedded server's socket.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg2
import psycopg2.extensions
import psycopg2.extras
from psycopg2.extensions import connection as Connection  # noqa: N812 - the type of every signature here
from yoyo import get_backend, read_migrations

from conf.embedded_postgres import embedded_dsn
from conf.settings import PROJECT, Settings

MIGRATIONS = PROJECT / "conf" / "migrations"

__all__ = [
    "Connection",
    "Pool",
    "SchemaError",
    "StoreUnavailableError",
    "applied_migrations",
    "check_schema",
    "connect",
    "dsn",
    "is_broken",
    "is_lost",
    "known_migrations",
    "migrate",
    "transaction",
]


class StoreUnavailableError(RuntimeError):
    """PostgreSQL cannot be reached. `make up` starts the embedded one; else see DATABASE_URL."""


class SchemaError(RuntimeError):
    """The database's schema is not this code's: says whether to run init_db or newer code."""


psycopg2.extras.register_uuid()  # type: ignore[no-untyped-call]


def dsn(settings: Settings) -> str:
    """The libpq URL of the store."""
    return settings.database_url or embedded_dsn(settings.data_dir)


def connect(url: str, *, application: str = "listenlake", autocommit: bool = False) -> Connection:
    """A new connection, session zone UTC. Raises StoreUnavailableError without showing the password."""
    try:
        connection: Connection = psycopg2.connect(
            url,
            application_name=application,
            connect_timeout=5,
            options="-c timezone=UTC",
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
    except psycopg2.OperationalError as problem:
        raise StoreUnavailableError(
            f"PostgreSQL cannot be reached ({_said(problem)}); `make up` starts "
            "the embedded one, DATABASE_URL names another"
        ) from None
    connection.autocommit = autocommit
    return connection


def _said(problem: psycopg2.OperationalError) -> str:
    """The first line of it; of a URL that was misread, part of a password may be in there."""
    said = str(problem).strip().splitlines()[0]
    return "DATABASE_URL has an option that cannot be used" if "connection option" in said else said


@contextmanager
def transaction(connection: Connection) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor inside one transaction: committed at the end, rolled back on any error."""
    with connection, connection.cursor() as cursor:
        yield cursor


def is_lost(connection: Connection, problem: psycopg2.Error) -> bool:
    """Whether that error means that the server has hung up.

    Of a crashed one psycopg2 may say no more than DatabaseError without an SQLSTATE, and call the connection open.
    """
    if type(problem) is psycopg2.DatabaseError and problem.pgcode is None:
        return True
    return is_broken(connection)


def is_broken(connection: Connection) -> bool:
    """Whether a connection can be used no more."""
    unknown = psycopg2.extensions.TRANSACTION_STATUS_UNKNOWN
    return bool(connection.closed) or connection.info.transaction_status == unknown


class Pool:
    """One connection per thread, opened on first use and replaced when broken. Safe to share between threads."""

    def __init__(self, url: str, application: str = "listenlake") -> None:
        self._url = url
        self._application = application
        self._local = threading.local()

    @contextmanager
    def transaction(self) -> Iterator[psycopg2.extensions.cursor]:
        """As `transaction`, on this thread's connection. A lost connection raises StoreUnavailableError."""
        with self.session() as connection, transaction(connection) as cursor:
            yield cursor

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """This thread's connection, for transactions of its own. A lost one raises StoreUnavailableError."""
        connection = self.connection()
        try:
            yield connection
        except psycopg2.Error as problem:
            if not is_lost(connection, problem):
                raise
            self.discard()
            raise StoreUnavailableError("the connection to PostgreSQL was lost; it may be restarting") from problem

    @contextmanager
    def statement(self) -> Iterator[psycopg2.extensions.cursor]:
        """A cursor for statements that each stand alone: no BEGIN and COMMIT, which cost two round trips more.

        Not inside `transaction` on the same thread. A lost connection raises StoreUnavailableError.
        """
        with self.session() as connection:
            connection.autocommit = True
            try:
                with connection.cursor() as cursor:
                    yield cursor
            finally:
                if not is_broken(connection):
                    connection.autocommit = False

    def connection(self) -> Connection:
        """This thread's connection, opened when there is none or the last one broke."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = connect(self._url, application=self._application)
            self._local.connection = connection
        return connection

    def discard(self) -> None:
        """Close this thread's connection; the next use opens a new one."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


def migrate(url: str, directory: Path = MIGRATIONS) -> list[str]:
    """Bring the schema up to this code and make the store's epoch. Repeatable; returns what was applied.

    Raises SchemaError when the database is newer than this code.
    """
    connect(url).close()
    backend = get_backend(_yoyo_url(url))
    migrations = read_migrations(str(directory))
    try:
        _refuse_newer({m.id for m in migrations}, applied_migrations(url))
        with backend.lock():
            pending = backend.to_apply(migrations)
            applied = [m.id for m in pending]
            backend.apply_migrations(pending)
    finally:
        backend.connection.close()
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO store (epoch) VALUES (%s) ON CONFLICT DO NOTHING", (uuid4(),))
    connection.close()
    return applied


def check_schema(url: str, directory: Path = MIGRATIONS) -> None:
    """Refuse to run on a schema that is older or newer than this code. Raises SchemaError."""
    known = known_migrations(directory)
    applied = applied_migrations(url)
    _refuse_newer(known, applied)
    missing = sorted(known - applied)
    if missing:
        raise SchemaError(f"the database lacks {', '.join(missing)}: run ./spark_manage.py init_db")


def known_migrations(directory: Path = MIGRATIONS) -> set[str]:
    """The migrations of this code."""
    return {m.id for m in read_migrations(str(directory))}


def _refuse_newer(known: set[str], applied: set[str]) -> None:
    unknown = sorted(applied - known)
    if unknown:
        raise SchemaError(
            f"the database is newer than this code (it has {', '.join(unknown)}): run the newer code, "
            "or restore a backup made with this one"
        )


def applied_migrations(url: str) -> set[str]:
    """The migrations that a database has."""
    connection = connect(url, autocommit=True)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('_yoyo_migration') IS NOT NULL")
            row = cursor.fetchone()
            if not (row and row[0]):
                return set()
            cursor.execute("SELECT migration_id FROM _yoyo_migration")
            return {str(name) for (name,) in cursor.fetchall()}
    finally:
        connection.close()


def _yoyo_url(url: str) -> str:
    return url.replace("postgres://", "postgresql://", 1)
