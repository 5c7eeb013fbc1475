"""user delete, user deletion."""

import re
from uuid import uuid4

from conf.broker import INCOMING, open_broker
from conf.postgres import Connection
from conf.settings import Settings
from jobs.listens.traces import UPLOADS
from tests.commands.conftest import CommandLine, rows


def names(cli: CommandLine) -> list[str]:
    return [user["name"] for user in cli("user", "list", "--json").json()]


def test_an_account_is_deleted_after_its_name_was_typed_again(
    cli: CommandLine, filled: Connection, settings: Settings
) -> None:
    refused = cli("user", "delete", "ALICE", stdin=b"bob\n")
    assert (refused.status, refused.out) == (1, "")
    assert "'bob' is not 'alice': nothing was deleted" in refused.err
    assert names(cli) == ["alice"]

    upload = uuid4()
    (settings.data_dir / UPLOADS).mkdir(parents=True)
    (settings.data_dir / UPLOADS / str(upload)).write_bytes(b"x")
    rows(
        filled,
        "INSERT INTO user_import (id, user_id, file_name, format, state, bytes)"
        " VALUES (%s, 1, 'x', 'auto', 'done', 1) RETURNING 1",
        upload,
    )
    broker = open_broker(settings)
    broker.publish(INCOMING, [b'{"user_id": 1}'])
    broker.reject(broker.consume(INCOMING, 1, 5)[0], "given up")

    ran = cli("user", "delete", "ALICE", stdin=b"alice\n")

    assert ran.status == 0, ran.err
    found = re.fullmatch(r"deleted  alice: 3 listens\nreceipt  ([0-9a-f-]{36})\n", ran.out)
    assert found is not None
    assert names(cli) == []
    assert broker.dead_letters(INCOMING) == []
    broker.close()
    assert list((settings.data_dir / UPLOADS).iterdir()) == []
    shown = cli("user", "deletion", found[1])
    assert [line.split()[0] for line in shown.out.splitlines()] == ["rows", "lake", "bytes"]
    assert shown.out.count("not yet, at most by") == 2
    document = cli("user", "deletion", found[1], "--json").json()
    assert (document["receipt"], document["listens"]) == (found[1], 3)


def test_scripts_are_not_asked_and_what_is_not_there_is_said(cli: CommandLine) -> None:
    assert cli("user", "create", "bob").status == 0
    assert cli("user", "delete", "bob", "--yes").status == 0
    again = cli("user", "delete", "bob", "--yes")
    assert (again.status, again.out) == (1, "")
    assert "there is no user 'bob'" in again.err
    unknown = cli("user", "deletion", "0b1a2c3d-0000-4000-8000-000000000001")
    assert (unknown.status, unknown.out) == (1, "")
    assert "there is no receipt" in unknown.err
    assert cli("user", "deletion", "x").status == 2
