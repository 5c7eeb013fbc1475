"""init_db and user."""

import hashlib

import pytest

from conf.postgres import Connection, transaction
from jobs.listens.tokens import tokens_of
from jobs.listens.users import find_password, password_matches
from tests.commands.conftest import CommandLine, rows
from webapi.db.lastfm import new_session


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
        _, kept = find_password(cursor, "alice")
    assert password_matches(kept, "open sesame")
    assert not password_matches(kept, "open sesame\n")


def test_a_password_is_set_anew_and_ends_the_sessions(cli: CommandLine, connection: Connection) -> None:
    cli("user", "create", "alice", "--password", stdin=b"open sesame\n")
    rows(connection, "INSERT INTO web_session (sha256, user_id, expires) SELECT 'x', id, now() FROM users RETURNING 1")
    with transaction(connection) as cursor:
        [token] = tokens_of(cursor, 1)
        new_session(cursor, 1, "approved, or logged in with the password")
        new_session(cursor, 1, "logged in with a token", token.id)

    ran = cli("user", "password", "ALICE", stdin=b"close sesame\n")

    assert (ran.status, ran.out, ran.err) == (0, "the password of alice is set; sessions ended: 2\n", "")
    assert rows(connection, "SELECT api_key FROM lastfm_session") == [("logged in with a token",)]
    with transaction(connection) as cursor:
        _, kept = find_password(cursor, "alice")
    assert password_matches(kept, "close sesame")
    assert not password_matches(kept, "open sesame")


def test_tokens_are_listed_without_their_secrets_and_revoked_by_label_or_ending(
    cli: CommandLine, connection: Connection
) -> None:
    first = cli("user", "create", "alice", "--token-only").out.strip()
    radio = cli("user", "token", "alice", "--label", " kitchen radio ", "--token-only").out.strip()
    listed = cli("user", "tokens", "alice")
    assert [(t["label"], t["last_four"]) for t in cli("user", "tokens", "alice", "--json").json()] == [
        ("spark_manage.py", first[-4:]),
        ("kitchen radio", radio[-4:]),
    ]
    assert "kitchen radio" in listed.out
    assert radio not in listed.out

    ran = cli("user", "revoke", "alice", "kitchen radio")
    assert (ran.status, ran.out) == (0, f"revoked kitchen radio (ends in {radio[-4:]}) of alice\n")
    assert cli("user", "revoke", "alice", first[-4:]).status == 0
    assert rows(connection, "SELECT count(*) FROM token") == [(0,)]


def test_of_several_tokens_of_one_label_the_ending_says_which(cli: CommandLine, connection: Connection) -> None:
    first = cli("user", "create", "alice", "--token-only").out.strip()
    second = cli("user", "token", "alice", "--token-only").out.strip()

    ran = cli("user", "revoke", "alice", "spark_manage.py")

    assert (ran.status, ran.out) == (1, "")
    assert f"say which by its last four, {first[-4:]}, {second[-4:]}" in ran.err
    assert rows(connection, "SELECT count(*) FROM token") == [(2,)]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("user", "create", "ALICE"), 1, "'ALICE' exists already"),
        (("user", "create", "  "), 2, "at least one visible character"),
        (("user", "create", "a\nb"), 2, "control characters"),
        (("user", "create", "x" * 129), 2, "129 characters, at most 128"),
        (("user", "create", "new", "--password"), 2, "stdin has no first line"),
        (("user", "token", "nobody"), 1, "there is no user 'nobody'"),
        (("user", "token", "alice", "--label", " "), 2, "at least one visible character"),
        (("user", "tokens", "nobody"), 1, "there is no user 'nobody'"),
        (("user", "revoke", "alice", "radio"), 1, "'alice' has no token 'radio'"),
        (("user", "password", "nobody"), 1, "there is no user 'nobody'"),
        (("user", "password", "alice"), 2, "stdin has no first line"),
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


@pytest.mark.parametrize("given", [b"short\n", b"x" * 1025 + b"\n", b"\xff\xff\xff\xff\xff\xff\xff\xff\n"])
def test_a_password_that_cannot_be_taken_is_refused_and_not_shown(
    cli: CommandLine, connection: Connection, given: bytes
) -> None:
    refused = cli("user", "create", "bob", "--password", stdin=given)
    assert cli("user", "create", "alice").status == 0
    again = cli("user", "password", "alice", stdin=given)

    for ran in (refused, again):
        assert (ran.status, ran.out) == (2, "")
        assert ran.err.startswith("spark_manage.py: password: ")
        assert given.decode("utf-8", "replace").strip() not in ran.err
    assert rows(connection, "SELECT name, password_hash FROM users") == [("alice", None)]


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
