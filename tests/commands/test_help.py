"""The whole group: every command explains itself, and those of the documentation are there."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from commands.app import main
from conf.settings import PROJECT
from jobs.catalog import catalog
from tests.commands.conftest import CommandLine

DOCUMENTED = """
    up demo init_db request_user_stats request_consumer spark_reader listen_writer sql status backup restore notebook
"""
GROUPS = {
    "user": {"create", "list", "password", "revoke", "token", "tokens"},
    "listens": {"import"},
    "requests": {"list", "show", "retry", "cancel"},
    "dead_letters": {"list", "retry"},
    "rejected": {"list", "retry"},
    "serving": {"rebuild"},
    "lake": {"check", "report"},
}


def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child is not None
            yield from walk(child, (*path, name))


EVERY = list(walk(main, ()))


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) or "spark_manage.py" for path, _ in EVERY])
def test_every_command_has_an_example_in_its_help(path: tuple[str, ...], command: click.Command) -> None:
    text = command.get_help(click.Context(command, info_name=" ".join(path), max_content_width=110))

    assert "Example" in text
    assert f"spark_manage.py {' '.join(path)}".strip() in text


def test_the_help_of_a_limit_says_which_lists_it_does_not_limit() -> None:
    command = main.get_command(click.Context(main), "request_recommendations")
    assert command is not None
    text = " ".join(command.get_help(click.Context(command)).split())

    assert "recordings of her own, which a user gets where nothing else is left, are not limited by it" in text


@pytest.mark.parametrize(("option", "value"), [("rank", "64"), ("itr", "15"), ("lmbda", "10"), ("alpha", "1")])
def test_the_help_of_request_model_says_what_is_taken_for_what_is_not_named(option: str, value: str) -> None:
    command = main.get_command(click.Context(main), "request_model")
    assert command is not None
    [asked] = [param for param in command.params if f"--{option}" in param.opts]
    assert isinstance(asked, click.Option)

    assert f"; {value} if only others of --rank, --itr, --lmbda and --alpha are named;" in str(asked.help)


def test_the_commands_of_the_documentation_are_there() -> None:
    names = set(main.list_commands(click.Context(main)))

    assert set(DOCUMENTED.split()) <= names
    for group, expected in GROUPS.items():
        found = main.get_command(click.Context(main), group)
        assert isinstance(found, click.Group)
        assert expected <= set(found.commands)


def test_a_hyphen_is_as_good_as_an_underscore(cli: CommandLine) -> None:
    assert cli("init-db").status == 0


def test_every_request_can_be_asked_for_waited_for_and_dated() -> None:
    known = [value.command for value in catalog().jobs.values()]
    known += [value.command for value in catalog().bundles.values()]
    names = {command.name for command in known if command is not None}

    assert {"request_user_stats", "request_import_pg_tables"} <= names
    for name in names:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        of_year = "_yim_" in name or name == "request_year_in_music"
        dated = set() if "_import_" in name else {"year" if of_year else "at"}
        assert {"wait"} | dated <= {param.name for param in command.params}


def test_every_job_has_a_command() -> None:
    assert [job.statistic for job in catalog().jobs.values() if job.command is None] == []


@pytest.mark.parametrize("arguments", [("nothing",), ("user", "nothing"), ("user", "create"), ("status", "--nothing")])
def test_a_wrong_call_is_a_usage_error(cli: CommandLine, arguments: tuple[str, ...]) -> None:
    ran = cli(*arguments)

    assert (ran.status, ran.out) == (2, "")
    assert "Error:" in ran.err


def test_knowing_all_commands_brings_nothing_heavy_into_a_part() -> None:
    """Every part is such a command: what is imported for all of them, each of the six processes would carry."""
    code = (
        "import sys, commands.app as a; a._found(); print({'numpy', 'pyarrow', 'pyspark', 'flask'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert ran.stdout == "set()\n"
