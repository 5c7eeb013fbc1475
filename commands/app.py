"""The command `spark_manage.py`. The folder is the registry: a module of `commands` says COMMANDS, a tuple of them.

Modules import what is heavy (Spark, Flask) inside their functions: `--help` and cron's calls stay quick.
"""

import importlib
import pkgutil
import sys
from functools import cache
from typing import Any

import click

import commands
from commands.exits import EXPECTED, status_of
from commands.lifeline import watch_lifeline


class _Commands(click.Group):
    """Every command of the folder, under its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        del ctx
        return sorted(_found())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command; underscores and hyphens are the same."""
        del ctx
        return _found().get(cmd_name) or _found().get(cmd_name.replace("-", "_"))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--lifeline", type=int, hidden=True, help="The supervisor's: a pipe whose end is the order to stop.")
def main(lifeline: int | None) -> None:
    """Listenlake: listens in Delta Lake, statistics on Spark, served over HTTP.

    \b
    Examples:
      spark_manage.py up                          start everything on this machine
      spark_manage.py user create alice           a user, and the token for her player
      spark_manage.py listens import FILE --user alice
      spark_manage.py status                      what runs, and how far behind it is
    """
    if lifeline is not None:
        watch_lifeline(lifeline)


@cache
def _found() -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
        if module.name == __name__:
            continue
        for command in getattr(importlib.import_module(module.name), "COMMANDS", ()):
            assert command.name is not None
            assert command.name not in found, f"two commands are called {command.name}"
            found[command.name] = command
    return found


def run(arguments: list[str] | None = None) -> Any:
    """Run one command line; ends the process with its exit status, an expected error in one line."""
    try:
        return main.main(args=arguments, prog_name="spark_manage.py")
    except EXPECTED as problem:
        click.echo(f"spark_manage.py: {problem}", err=True)
        sys.exit(status_of(problem))
