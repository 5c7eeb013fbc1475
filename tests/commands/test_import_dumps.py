"""request_import_full, request_import_incremental: their options, judged before anything is queued."""

from pathlib import Path

import pytest

from tests.commands.conftest import CommandLine

COMMANDS = {"request_import_full": "import.dump.full", "request_import_incremental": "import.dump.incremental"}


@pytest.mark.parametrize("command", COMMANDS)
def test_paths_are_made_absolute_for_the_request_consumer(
    command: str, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("--from", "dumps", "--id", "12", "--users", "users.csv", "--source", " libre.example.org ")

    assert cli(command, *options).status == 0

    [row] = cli("requests", "list", "--json").json()
    assert (row["query"], row["state"]) == (COMMANDS[command], "queued")
    assert row["params"] == {
        "folder": str(tmp_path / "dumps"),
        "dump_id": 12,
        "users": str(tmp_path / "users.csv"),
        "source": "libre.example.org",
    }


def test_all_options_may_be_left_out_and_the_originals_are_taken(cli: CommandLine) -> None:
    assert cli("request_import_incremental").status == 0
    assert cli("request_import_incremental", "--use-local").status == 0
    # What is ignored makes no other request.
    assert [row["params"] for row in cli("requests", "list", "--json").json()] == [{"source": "listenbrainz"}]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--id", "-1"), "-1 is not in the range"),
        (("--id", "newest"), "'newest' is not a valid integer"),
        (("--source", " "), "expected a name of 1 to 64 printable characters"),
        (("--source", "a\nb"), "expected a name"),
        (("--source", "x" * 65), "expected a name"),
        (("--source", "Manual"), "mean something else; name the server that the dump is of"),
        (("--from", ""), "expected a path"),
        (("--at", "2024-01-01"), "No such option"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(options: tuple[str, ...], said: str, cli: CommandLine) -> None:
    ran = cli("request_import_full", *options)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert cli("requests", "list", "--json").json() == []
