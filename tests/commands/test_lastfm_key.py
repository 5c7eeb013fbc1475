"""lastfm_key: programs whose signatures are checked."""

import pytest

from conf.postgres import Connection
from conf.secret import Vault, secret_of
from conf.settings import Settings
from tests.commands.conftest import CommandLine, rows


def test_a_program_is_registered_listed_and_removed(
    cli: CommandLine, settings: Settings, connection: Connection
) -> None:
    added = cli("lastfm_key", "add", "0123abcd", "--name", "My player", stdin=b"shared secret\n")
    assert (added.status, added.err) == (0, "")
    ((encrypted,),) = rows(connection, "SELECT secret_encrypted FROM lastfm_application")
    assert Vault(secret_of(settings)).decrypt(encrypted) == "shared secret"
    assert b"shared secret" not in bytes(encrypted)
    assert cli("lastfm-key", "add", "0123abcd", "--name", "Renamed", stdin=b"other\n").status == 0
    (listed,) = cli("lastfm_key", "list", "--json").json()
    assert (listed["api_key"], listed["name"], sorted(listed)) == (
        "0123abcd",
        "Renamed",
        ["api_key", "created", "name"],
    )
    assert "Renamed" in cli("lastfm_key", "list").out
    assert cli("lastfm_key", "remove", "0123abcd").status == 0
    assert cli("lastfm_key", "list", "--json").json() == []


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("add", "key", "--name", "x"), 2, "no first line to take as secret"),
        (("add", "", "--name", "x"), 2, "API_KEY: expected 1 to 255"),
        (("add", "x" * 256, "--name", "x"), 2, "API_KEY: expected 1 to 255"),
        (("add", "key", "--name", " "), 2, "--name: expected 1 to 255"),
        (("remove", "key"), 1, "there is no key 'key'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    cli: CommandLine, arguments: tuple[str, ...], status: int, said: str
) -> None:
    ran = cli("lastfm_key", *arguments)
    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
