"""init_db and user."""

import hashlib

import pytest

from conf.postgres import Connection, transaction
from jobs.listens.users import find_user, password_is
from tests.commands.conftest import CommandLine, rows


def test_init_db_says_what_it_applied_and_does_nothing_twice(cli: CommandLine, empty_database: str) -> None:
    first = cli("init_db", DATABASE_URL=empty_database)
    second = cli("init_db", DATABASE_URL=empty_database)

    assert first.status == second.status == 0
    assert first.out.splitlines()[0] == "applied 0001_path_of_a_listen"
    assert second.out == "nothing to do: the tables are those of this code\n"
    assert cli("user", "list", "--json", DATABASE_URL=empty_database).json() == []


def test_a_database_without_tables_is_told_to_be_made(cli: CommandLine, empty_database: str) -> None:
    ran = cli("user", "list", DATABASE_URL=empty_database)

    assert ran.status == 1
    assert "run ./spark_manage.py init_db" in ran.err


def test_a_user_is_made_and_her_token_shown_once(cli: CommandLine, connection: Connection) -> None:
    ran = cli("user", "create", "Alice")

    token = ran.out.split("token")[1].split()[0]
    assert ran.status == 0
    assert ran.err == ""
    assert [bytes(digest) for (digest,) in rows(connection, "SELECT sha256 FROM token")] == [
        hashlib.sha256(token.encode()).digest()
    ]
    listed = cli("user", "list", "--json")
    assert [user["name"] for user in listed.json()] == ["Alice"]
    assert token not in listed.out


def test_scripts_get_the_token_alone(cli: CommandLine, connection: Connection) -> None:
    first = cli("user", "create", "bob", "--token-only").out.strip()
    second = cli("user", "token", "BOB", "--token-only").out.strip()

    digests = {bytes(digest) for (digest,) in rows(connection, "SELECT sha256 FROM token")}
    assert digests == {hashlib.sha256(token.encode()).digest() for token in (first, second)}


def test_a_password_is_read_from_stdin_and_kept_as_a_hash(cli: CommandLine, connection: Connection) -> None:
    assert cli("user", "create", "alice", "--password", stdin=b"open sesame\n").status == 0

    with transaction(connection) as cursor:
        user = find_user(cursor, "alice")
        assert user is not None
        assert password_is(cursor, user.id, "open sesame")
        assert not password_is(cursor, user.id, "open sesame\n")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("user", "create", "ALICE"), 1, "'ALICE' exists already"),
        (("user", "create", "  "), 2, "at least one visible character"),
        (("user", "create", "a\nb"), 2, "control characters"),
        (("user", "create", "x" * 129), 2, "129 characters, at most 128"),
        (("user", "create", "new", "--password"), 2, "stdin has no first line"),
        (("user", "token", "nobody"), 1, "there is no user 'nobody'"),
    ],
)
def test_wrong_users_are_refused_in_one_line(
    cli: CommandLine, arguments: tuple[str, ...], status: int, said: str
) -> None:
    cli("user", "create", "alice")

    ran = cli(*arguments)

    assert (ran.status, ran.out) == (status, "")
    assert ran.err.startswith("spark_manage.py: ")
    assert ran.err.count("\n") == 1
    assert said in ran.err
    assert [user["name"] for user in cli("user", "list", "--json").json()] == ["alice"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "list"),
        ("user", "create", "alice"),
        ("requests", "list"),
        ("dead_letters", "list"),
        ("rejected", "list"),
        ("lake", "check"),
        ("request_user_stats", "--type", "entity"),
        ("status",),
        ("listens", "import", "-", "--user", "alice"),
        ("backup", "/nowhere"),
    ],
)
def test_without_a_running_system_the_way_to_start_it_is_named(
    nowhere: CommandLine, arguments: tuple[str, ...]
) -> None:
    ran = nowhere(*arguments)

    assert (ran.status, ran.out) == (69, "")
    assert "make up" in ran.err
    assert ran.err.count("\n") == 1
