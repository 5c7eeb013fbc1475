"""`sql`: one SELECT over the lake, read-only, without a JVM."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.exits import USAGE, CommandError
from commands.output import progress, remark, show_table
from conf.settings import load_settings

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("table", "csv", "json", "parquet")
TABLE_ROWS = 1000
"""Most rows of the format table."""


@click.command("sql")
@click.argument("statement")
@click.option("--format", "kind", type=click.Choice(FORMATS), help="How to print [table; with --output by its suffix].")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Into this file instead of stdout.")
def sql(statement: str, kind: str | None, output: Path | None) -> None:
    """Run one SELECT over the lake's tables, at its newest data version. Nothing needs to be running.

    Tables: listens, tracks, clients, users, mapping, user_settings, exclusions, landing, rejected_listens. json is one
    object a line.

    \b
    Examples:
      spark_manage.py sql "SELECT count(*) FROM listens"
      spark_manage.py sql "SELECT year, count(*) AS n FROM listens GROUP BY year ORDER BY year" --format csv
      spark_manage.py sql "SELECT * FROM tracks" --output tracks.parquet
      echo "SELECT name FROM users" | spark_manage.py sql -
    """
    kind = kind or _kind_of(output)
    if kind == "table" and output is not None:
        raise CommandError("--format table is for stdout: say --format csv, json or parquet", USAGE)
    if kind == "parquet" and output is None and sys.stdout.isatty():
        raise CommandError("parquet is nothing for a terminal: give --output FILE", USAGE)
    rows = _rows(sys.stdin.read() if statement == "-" else statement)
    if kind == "table":
        _show(rows)
        return
    from dumps.rows import write_rows

    if output is None:
        write_rows(rows, kind, sys.stdout.buffer)
        return
    try:
        with output.open("wb") as file:
            write_rows(rows, kind, file)
    except OSError as problem:
        raise CommandError(f"--output {output}: {problem.strerror}") from None
    remark(f"{rows.num_rows} rows in {output}")


def _kind_of(output: Path | None) -> str:
    if output is None:
        return "table"
    kind = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}.get(output.suffix)
    if kind is None:
        raise CommandError(f"--output {output}: say --format csv, json or parquet", USAGE)
    return kind


def _rows(statement: str) -> "pa.Table":
    from jobs.lake_files import LakeEmptyError
    from jobs.query import QueryFailedError, QueryRefusedError, run_query

    settings = load_settings()
    try:
        with progress() as shown:
            shown.add_task("reading the lake", total=None)
            return run_query(settings.lake, statement)
    except QueryRefusedError as problem:
        raise CommandError(str(problem), USAGE) from None
    except (QueryFailedError, LakeEmptyError) as problem:
        raise CommandError(str(problem)) from None


def _show(rows: "pa.Table") -> None:
    shown = rows.slice(0, TABLE_ROWS).to_pylist(maps_as_pydicts="lossy")
    show_table(rows.column_names, [list(row.values()) for row in shown])
    if rows.num_rows > TABLE_ROWS:
        remark(f"the first {TABLE_ROWS} of {rows.num_rows} rows; --format csv gives all")


COMMANDS = (sql,)
