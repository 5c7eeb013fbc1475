"""A whole database as one file, and back: pg_dump, pg_restore and psql of the wheel, or newer ones on PATH.

Passwords go to these programs through their environment, never as arguments, which everybody can see.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ, make_dsn, parse_dsn
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.embedded_postgres import client_program
from conf.postgres import connect

_BEGINNING = b"\nSET default_tablespace"
_UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;\n"
_BOOKKEEPING = ("store", "_yoyo_log", "_yoyo_migration", "_yoyo_version", "yoyo_lock")

Process = subprocess.Popen[bytes]


class CopyError(RuntimeError):
    """The database could not be copied: the program's own words."""


class TargetError(ValueError):
    """This database cannot be restored into: names what is in its way."""


@contextmanager
def snapshot(url: str) -> Iterator[tuple[Cursor, str]]:
    """A read-only look at one moment, and the moment's name for `dump`, good while the block lasts."""
    connection = connect(url)
    try:
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_export_snapshot()")
            row = cursor.fetchone()
            assert row is not None
            yield cursor, row[0]
    finally:
        connection.close()


def dump(url: str, moment: str, file: Path) -> None:
    """Write the database as it was at that moment of `snapshot`. What does not survive a crash is left out."""
    arguments = ["--format=custom", "--no-owner", "--no-privileges", "--no-unlogged-table-data"]
    with _environment(url) as (name, environment):
        program = _program("pg_dump", url)
        _run([program, *arguments, f"--snapshot={moment}", f"--file={file}", f"--dbname={name}"], environment)


def restore(url: str, file: Path) -> None:
    """Fill a database without tables from a dump, in one transaction. Raises CopyError: nothing was changed."""
    reader = [_program("pg_restore", url), "--no-owner", "--no-privileges", "--file=-", str(file)]
    settings = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
    with _environment(url) as (name, environment):
        writer = [_program("psql", url), *settings, f"--dbname={name}"]
        with (
            subprocess.Popen(reader, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reading,
            subprocess.Popen(writer, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as writing,
        ):
            _pipe(reading, writing)


def _pipe(reading: Process, writing: Process) -> None:
    """Let psql run what pg_restore writes; it commits at the end of its input, which it gets only of a whole script."""
    assert reading.stdout is not None and writing.stdin is not None
    try:
        _hand_over(reading.stdout, writing.stdin)
        whole = reading.wait() == 0
    except BrokenPipeError:  # psql refused something and is gone
        reading.kill()
    else:
        if not whole:
            writing.kill()
            raise CopyError(f"pg_restore: {_first_line(reading.communicate()[1])}")
    said = writing.communicate()[1]
    if writing.returncode != 0:
        raise CopyError(f"psql: {_first_line(said)}")


def version_of(cursor: Cursor) -> int:
    """The server's major version."""
    return int(cursor.connection.info.server_version) // 10000


def clear_target(url: str, apply: bool) -> None:
    """Make a database ready for `restore`: drop the tables of ours that hold nothing. `apply` false: only look.

    Raises TargetError when a table holds rows, is not ours, or when somebody else is connected.
    """
    connection = connect(url)
    try:
        with connection, connection.cursor() as cursor:
            _refuse_company(cursor)
            tables = _tables(cursor)
            if tables and "_yoyo_migration" not in tables:
                raise TargetError(f"the database has tables of something else ({sorted(tables)[0]}): give an empty one")
            for name in sorted(tables):
                _refuse_rows(cursor, name, durable=tables[name])
            if apply:
                _drop(cursor, list(tables))
    finally:
        connection.close()


def _refuse_company(cursor: Cursor) -> None:
    cursor.execute(
        "SELECT application_name, pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid LIMIT 1"
    )
    row = cursor.fetchone()
    if row is not None:
        raise TargetError(
            f"the database is in use by {row[0] or 'a client'} (PostgreSQL process {row[1]}): stop the system first"
        )


def _tables(cursor: Cursor) -> dict[str, bool]:
    """Every table of the schema public, and whether its rows survive a crash."""
    cursor.execute(
        "SELECT relname, relpersistence = 'p' FROM pg_class"
        " WHERE relnamespace = to_regnamespace('public') AND relkind IN ('r', 'p')"
    )
    return dict(cursor.fetchall())


def _refuse_rows(cursor: Cursor, name: str, *, durable: bool) -> None:
    if not durable or name in _BOOKKEEPING:
        return
    cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM public.{})").format(sql.Identifier(name)))
    row = cursor.fetchone()
    if row is not None and row[0]:
        raise TargetError(f"the database is not empty: table {name} has rows, which a restore would throw away")


_DROP_FUNCTIONS = """
DO $$
DECLARE found regprocedure;
BEGIN
    FOR found IN SELECT oid FROM pg_proc p WHERE pronamespace = to_regnamespace('public')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP ROUTINE %s CASCADE', found);
    END LOOP;
END $$
"""
"""Those of migrations; not those of extensions."""


def _drop(cursor: Cursor, tables: list[str]) -> None:
    for name in tables:
        cursor.execute(sql.SQL("DROP TABLE public.{} CASCADE").format(sql.Identifier(name)))
    cursor.execute("DROP SEQUENCE IF EXISTS public.change_position")
    cursor.execute(_DROP_FUNCTIONS)


def _program(name: str, url: str) -> str:
    """The wheel's; for a server newer than that the one on PATH, which says so itself when it is too old as well."""
    own = client_program(name)
    connection = connect(url)
    server = connection.info.server_version // 10000
    connection.close()
    ours = _major(str(own))
    found = shutil.which(name)
    if server <= ours or found is None:
        return str(own)
    return found


def _major(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+)", told)
    return int(match[1]) if match else 0


@contextmanager
def _environment(url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The URL without its password, and an environment that has it."""
    values = parse_dsn(url)
    password = values.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    yield make_dsn(**values), environment


def _run(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(arguments, env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        raise CopyError(f"{Path(arguments[0]).name}: {_first_line(done.stderr)}")


def _hand_over(source: IO[bytes], target: IO[bytes]) -> None:
    """The script as it is, but for a setting in its beginning that servers before 17 do not know."""
    beginning = b""
    while _BEGINNING not in beginning and (more := source.read(4096)):
        beginning += more
    target.write(beginning.replace(_UNKNOWN_BEFORE_17, b"", 1))
    shutil.copyfileobj(source, target, 1 << 20)


def _first_line(text: bytes) -> str:
    return (text.decode(errors="replace").strip().splitlines() or ["it ended without a word"])[0]
