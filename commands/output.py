"""How commands print: answers on stdout, for a person or a script; progress and remarks on stderr, and only there."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

WIDE = 1000
"""Columns of a table that goes into a pipe or a file: nothing is cut off there."""


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table without lines; numbers to the right. Text from outside is shown, never obeyed."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    listed = [list(row) for row in rows]
    for place, name in enumerate(columns):
        numbers = all(isinstance(row[place], int | float) for row in listed) and bool(listed)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def show_json(document: Any) -> None:
    """One JSON document on stdout."""
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str))


def remark(text: str) -> None:
    """One line for the person, on stderr."""
    click.echo(printable(text), err=True)


def progress(*columns: ProgressColumn) -> Progress:
    """A progress display on stderr that shows nothing without a terminal."""
    console = Console(stderr=True)
    shown = (SpinnerColumn(), TextColumn("{task.description}"), *(columns or (BarColumn(),)), TimeElapsedColumn())
    return Progress(*shown, console=console, disable=not console.is_terminal, transient=True)


def printable(cell: object) -> str:
    """As text, None as nothing, without what a terminal would obey."""
    text = "" if cell is None else str(cell)
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def seconds(age: float) -> str:
    """A time span in its largest unit: 3 s, 5 min, 2 h, 4 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if age >= 2 * size:
            return f"{age / size:.0f} {unit}"
    return f"{age:.0f} s"
