"""Metadata tables of a PostgreSQL: equally named, in any schema on the search path, read as of one moment."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg2
import pyarrow as pa
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from conf.postgres import Connection, StoreUnavailableError, connect
from jobs.job import ImportRefusedError
from jobs.tables import METADATA_TABLES

FETCHED_ROWS = 20_000
_TABLES = "SELECT name FROM unnest(%s::text[]) name WHERE to_regclass(quote_ident(name)) IS NOT NULL"
_COLUMNS = (
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(quote_ident(%s)) AND attnum > 0 AND NOT attisdropped"
)

_TEXT, _LIST = sql.SQL("{}::text"), sql.SQL("to_jsonb({})::text")


class Database:
    """The tables that a connection sees."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __str__(self) -> str:
        info = self._connection.info
        return f"database {info.dbname} on {info.host or 'this machine'}"

    def names(self) -> list[str]:
        """Those of the metadata tables that are there."""
        with self._connection.cursor() as cursor:
            cursor.execute(_TABLES, (list(METADATA_TABLES),))
            return [name for (name,) in cursor.fetchall()]

    def columns(self, name: str) -> list[str]:
        """The columns of a table."""
        with self._connection.cursor() as cursor:
            cursor.execute(_COLUMNS, (name,))
            return [column for (column,) in cursor.fetchall()]

    def batches(self, name: str, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """The rows of a table, some at a time, every column as text, lists as JSON. Raises ImportRefusedError."""
        wanted = list(columns)
        types = {column.name: column.type for column in METADATA_TABLES[name].columns}
        listed = sql.SQL(", ").join(
            (_LIST if types[column].startswith("array") else _TEXT).format(sql.Identifier(column)) for column in wanted
        )
        try:
            with self._connection.cursor(f"import {name}") as cursor:
                cursor.execute(sql.SQL("SELECT {} FROM {}").format(listed, sql.Identifier(name)))
                while rows := cursor.fetchmany(FETCHED_ROWS):
                    arrays = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
                    yield pa.RecordBatch.from_arrays(arrays, names=wanted)
        except psycopg2.Error as problem:
            raise ImportRefusedError(f"{self}, table {name}: {str(problem).splitlines()[0]}") from None


@contextmanager
def database(url: str) -> Iterator[Database]:
    """A look at one moment of a database. Raises ImportRefusedError when it cannot be reached."""
    try:
        connection = connect(url, application="listenlake import")
    except StoreUnavailableError as problem:
        said = str(problem).partition(";")[0]  # the rest tells of our own store
        raise ImportRefusedError(f"nothing to import from: {said}") from None
    try:
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        yield Database(connection)
    finally:
        connection.close()
