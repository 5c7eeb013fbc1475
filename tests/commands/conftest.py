"""The real command line, in this process, on a fresh database: its settings are environment variables."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from click.testing import CliRunner

from commands.app import run
from conf.embedded_postgres import EmbeddedPostgres, embedded_dsn
from conf.postgres import Connection, connect, transaction
from conf.settings import PROJECT, Settings, environment
from jobs.listens.exclusions import add_exclusion, exclusion_of, remove_exclusion
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.user_settings import set_zone
from jobs.listens.write import write_submissions


@dataclass(frozen=True)
class Ran:
    """One finished command."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        return orjson.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """`cli("user", "create", "alice")`: what the shell would see."""

    environ: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: bytes = b"", **environ: str) -> Ran:
        with CliRunner().isolation(stdin, env={**self.environ, **environ}) as (out, err, _):
            try:
                run(list(arguments))
                status = 0
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
            return Ran(status, out.getvalue().decode(), err.getvalue().decode())

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """As a process of its own, for signals."""
        return subprocess.Popen(
            [sys.executable, str(PROJECT / "spark_manage.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **self.environ},
        )


@pytest.fixture
def cli(settings: Settings) -> CommandLine:
    return CommandLine(environment(settings))


@pytest.fixture
def nowhere(tmp_path: Path) -> CommandLine:
    """A data folder where nothing has ever run."""
    return CommandLine({"DATA_DIR": str(tmp_path / "nowhere"), "DATABASE_URL": ""})


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database without tables."""
    name = f"empty_{uuid4().hex[:12]}"
    admin = embedded_dsn(postgres_server.data_dir)
    _execute(admin, f"CREATE DATABASE {name}")
    yield admin.replace("/listenlake?", f"/{name}?")
    _execute(admin, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: str, statement: str) -> None:
    connection = connect(url, autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def rows(connection: Connection, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """What a statement gives, in a transaction of its own."""
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


AT = 1_400_000_000


def listens(*numbers: int) -> Submission:
    items = [
        {"listened_at": AT + n * 3_000_000, "track_metadata": {"artist_name": f"A{n}", "track_name": f"t{n}"}}
        for n in numbers
    ]
    return Submission(new_message_id(), 1, 100, tuple(items))


@pytest.fixture
def filled(cli: CommandLine, connection: Connection) -> Connection:
    """A user with token and password, listens, a result, a queued request, a dead letter."""
    assert cli("user", "create", "alice", "--password", stdin=b"open sesame\n").status == 0
    write_submissions(connection, [listens(1, 2, 3)])
    with transaction(connection) as cursor:
        set_zone(cursor, 1, "Asia/Kathmandu")
        for name in ("Abba", "Queen"):
            add_exclusion(cursor, 1, exclusion_of("artist", name))
        remove_exclusion(cursor, 1, exclusion_of("artist", "Queen"))
    rows(connection, "INSERT INTO result_entity VALUES (7, '{}') RETURNING 1")
    rows(connection, "INSERT INTO result_list VALUES ('user_artists', 'week', 1, '{7}', '{3}') RETURNING 1")
    rows(
        connection,
        "INSERT INTO queue_dead_letter (queue, body, reason, deliveries) VALUES ('x', '', 'y', 1) RETURNING 1",
    )
    assert cli("request_user_stats", "--type", "entity").status == 0
    return connection


@pytest.fixture
def backup(cli: CommandLine, filled: Connection, tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    ran = cli("backup", str(folder))
    assert (ran.status, ran.err) == (0, "")
    return folder


@pytest.fixture
def other(cli: CommandLine, empty_database: str, tmp_path: Path) -> CommandLine:
    """The command line of another machine: an empty database, a data folder that is not there."""
    return CommandLine({**cli.environ, "DATA_DIR": str(tmp_path / "other"), "DATABASE_URL": empty_database})
