"""`parity`: every command of the ListenBrainz documentation, with ours."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import click

from commands.exits import FAILED
from commands.output import show_json, show_table

TABLE = Path(__file__).with_suffix(".toml")
_SAID_OF_OURS = (("without", "options"), ("but", "but"))
"""Words of a row whose command is here, and what they are called in `why`."""


@dataclass(frozen=True)
class Row:
    """One documented command."""

    group: str
    """manage, manage dump, manage spark, or spark_manage.py."""
    name: str
    origin: str
    """The documentation it stands in: 2023, 2017, or newer."""
    here: str
    """Our command; empty where there is none."""
    why: str
    """There is none: gone or later, and why. Empty where there is one, and where no reason is known.

    Of a command here: why it does not take the documented options, and what else is otherwise.
    """
    untaken: tuple[str, ...] = ()
    """Documented options that our command does not take, where nothing says why."""

    @property
    def missing(self) -> bool:
        """Neither a command nor a reason, or options without either."""
        return bool(self.untaken) or (not self.here and not self.why)


@click.command("parity")
@click.option("--missing", is_flag=True, help="Only what has neither a command here nor a reason; status 1 if any.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def parity(ctx: click.Context, missing: bool, as_json: bool) -> None:
    """Show every command of the ListenBrainz documentation with ours, or why it is gone or later.

    A command of ours takes the documented options too, if only to ignore them; one that it does not take is named.

    \b
    Examples:
      spark_manage.py parity
      spark_manage.py parity --missing
    """
    root = ctx.find_root().command
    assert isinstance(root, click.Group)
    rows = [row for row in documented(root) if row.missing or not missing]
    if as_json:
        show_json([vars(row) for row in rows])
    elif rows:
        cells = [(f"{row.group} {row.name}", row.origin, row.here, _otherwise(row)) for row in rows]
        show_table(("documented", "in", "here", "otherwise"), cells)
    if missing and rows:
        ctx.exit(FAILED)


def documented(root: click.Group) -> list[Row]:
    """Every documented command, group by group; `root` has the commands that there are."""
    table = tomllib.loads(TABLE.read_text())
    return [_row(root, group, name, said) for group, rows in table.items() for name, said in rows.items()]


def _otherwise(row: Row) -> str:
    return f"it does not take {' '.join(row.untaken)}" if row.untaken else row.why


def _row(root: click.Group, group: str, name: str, said: dict[str, str]) -> Row:
    """A command that is there beats what is said of its absence."""
    ours = said.get("ours", name)
    found = _command(root, ours.split())
    if found is None:
        why = next((f"{word}: {said[word]}" for word in ("gone", "later") if word in said), "")
        return Row(group, name, said.get("from", "2023"), "", why)
    why = "; ".join(f"{label}: {said[word]}" for word, label in _SAID_OF_OURS if word in said)
    judged = "" if "without" in said else said.get("options", "")
    untaken = tuple(one for one in judged.split() if one not in _options(found))
    return Row(group, name, said.get("from", "2023"), ours, why, untaken)


def _command(root: click.Group, path: list[str]) -> click.Command | None:
    found: click.Command | None = root
    for name in path:
        if not isinstance(found, click.Group):
            return None
        found = found.get_command(click.Context(found), name)
    return found


def _options(command: click.Command) -> set[str]:
    taken = (param for param in command.params if isinstance(param, click.Option))
    return {option for param in taken for option in (*param.opts, *param.secondary_opts)}


COMMANDS = (parity,)
