"""Whose a dump's listens are: users of a source by their ids there, named once, never merged, never brought back."""

from pathlib import Path

import pytest

from conf.postgres import Connection, transaction
from dumps.load.spark.names import DumpRefusedError
from jobs.listens.account_deletion import delete_account
from jobs.listens.users import create_user, find_user
from tests.spark_dumps.archives import full, incremental, mapped, play
from tests.spark_dumps.conftest import Bring, Rows, listens, query


def users(connection: Connection) -> Rows:
    return query(connection, "SELECT name, source, foreign_id FROM users ORDER BY id")


def user_id(connection: Connection, name: str) -> int:
    with transaction(connection) as cursor:
        found = find_user(cursor, name)
    assert found is not None
    return found.id


def test_a_users_id_there_leads_to_the_user_here(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 1, play(1, user_id=7), play(2, user_id=2**40), play(3, user_id=7))
    assert bring("full")["users"] == 2
    incremental(folder, 2, play(4, user_id=7), play(5, user_id=8))
    assert bring("incremental")["users"] == 1

    assert users(connection) == [
        ("user_7", "listenbrainz", 7),
        (f"user_{2**40}", "listenbrainz", 2**40),
        ("user_8", "listenbrainz", 8),
    ]
    assert [row[:2] for row in listens(connection) if row[0] == "user_7"] == [
        ("user_7", 1),
        ("user_7", 3),
        ("user_7", 4),
    ]


def test_the_same_id_of_two_sources_is_two_users(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 1, play(1))
    bring("full")
    answer = bring("full", source="elsewhere")

    assert users(connection) == [("user_7", "listenbrainz", 7), ("user_7 of elsewhere", "elsewhere", 7)]
    assert (answer["new"], answer["removed"]) == (1, 0)
    assert answer.errors == ["user 7 of elsewhere is 'user_7 of elsewhere' here: 'user_7' is another user's name"]
    assert [row[3] for row in listens(connection)] == ["listenbrainz", "elsewhere"]


def test_the_source_is_never_the_folder(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 1, play(1))
    bring("full")
    assert {row[3] for row in listens(connection)} == {"listenbrainz"}


def test_new_users_are_named_by_the_file(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 1, play(1, user_id=7), play(1, user_id=8), play(1, user_id=9))
    (folder / "users.csv").write_bytes('user_id,user_name\n7,rob\n8,"Zoë, \U0001f3b5"\n99,nobody\n'.encode())
    bring("full", users=str(folder / "users.csv"))
    (folder / "users.csv").write_text("user_name,user_id\nlate,9\n")
    bring("full", users=str(folder / "users.csv"))

    assert [name for name, _, _ in users(connection)] == ["rob", "Zoë, \U0001f3b5", "user_9"]


@pytest.mark.parametrize("taken", ["Rob", "ROB", "user_7"])
def test_a_name_that_a_local_user_has_is_left_to_her_and_nothing_is_merged(
    taken: str, bring: Bring, folder: Path, connection: Connection
) -> None:
    create_user(connection, taken)
    full(folder, 1, play(1))
    (folder / "users.csv").write_text(f"user_id,user_name\n7,{taken.lower()}\n")

    answer = bring("full", users=str(folder / "users.csv"))

    given = "user_7 of listenbrainz" if taken == "user_7" else "user_7"
    assert users(connection) == [(taken, None, None), (given, "listenbrainz", 7)]
    assert [row[0] for row in listens(connection)] == [given]
    assert answer.errors == [f"user 7 of listenbrainz is {given!r} here: {taken.lower()!r} is another user's name"]


def test_of_two_users_of_a_dump_with_one_name_the_first_has_it(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, play(1, user_id=7), play(1, user_id=8), play(1, user_id=9))
    (folder / "users.csv").write_text("user_id,user_name\n7,rob\n8,ROB\n9,user_8\n")

    assert len(bring("full", users=str(folder / "users.csv")).errors) == 2
    names = [name for name, _, _ in users(connection)]
    assert names == ["rob", "user_8", "user_9"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("id,name\n7,rob\n", "users.csv: the first line must name the columns user_id, user_name"),
        ("", "must name the columns"),
        ("user_id,user_name\n7,rob\nx,bob\n", "users.csv line 3: user_id: expected a whole number from 1, got 'x'"),
        ("user_id,user_name\n0,rob\n", "line 2: user_id: expected"),
        ("user_id,user_name\n7\n", "line 2: user name"),
        ("user_id,user_name\n7,\x07\n", "line 2: user name"),
        ("user_id,user_name\n7,rob\n7,bob\n", "line 3: user 7 has a name already"),
    ],
)  # fmt: skip
def test_a_file_of_names_that_is_none_is_refused_by_its_line(
    content: str, reason: str, bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, play(1))
    (folder / "users.csv").write_text(content)

    with pytest.raises(DumpRefusedError, match=reason):
        bring("full", users=str(folder / "users.csv"))
    with pytest.raises(DumpRefusedError, match="the names of users cannot be read"):
        bring("full", users=str(folder / "none.csv"))
    assert users(connection) == []


@pytest.mark.parametrize("again", ["full", "incremental"])
def test_who_deletes_her_account_is_gone_with_all_of_the_dump_and_no_dump_brings_her_back(
    again: str, bring: Bring, folder: Path, connection: Connection
) -> None:
    rows = (
        mapped(1, user_id=7),
        mapped(2, user_id=8),
        mapped(3, 2, user_id=7, say=2),
        play(4, user_id=7, artist_name=" "),
    )
    full(folder, 1, *rows)
    incremental(folder, 2, *rows)
    bring("full")
    gone = user_id(connection, "user_7")

    delete_account(connection, gone, 10**16)

    for table in ("listen", "mapping", "rejected_listen"):
        assert query(connection, "SELECT count(*) FROM " + table + " WHERE user_id = %s", gone) == [(0,)]  # noqa: S608
    answer = bring(again)
    assert (answer["new"], answer["of deleted users"], answer["users"]) == (0, 3, 0)
    assert users(connection) == [("user_8", "listenbrainz", 8)]
    assert [row[:2] for row in listens(connection)] == [("user_8", 2)]
    assert query(connection, "SELECT count(*) FROM rejected_listen") == [(0,)]
