"""The generated tables of the README: settings, statistics, metadata, commands. `make docs` writes."""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import groupby
from pathlib import Path

from commands.app import main as command_line
from commands.parity import Row, documented
from conf.settings import PROJECT, Settings
from jobs.catalog import catalog
from jobs.job import Job
from jobs.tables import METADATA_TABLES, Table

README = PROJECT / "README.md"


def settings_table() -> str:
    """One row per setting."""
    rows = [
        f"| `{f.metadata['env']}` | {_code(f.metadata['default'])} | {f.metadata['about']} |" for f in fields(Settings)
    ]
    return "\n".join(["| variable | default | what it is |", "| --- | --- | --- |", *rows])


def jobs_table() -> str:
    """One row per job."""
    rows = [
        f"| `{job.name}`{_choice({**job.select, **job.only_with})} | {job.about} | {_code(_served_at(job))} |"
        for job in catalog().jobs.values()
    ]
    return "\n".join(["| request | what it makes | served at |", "| --- | --- | --- |", *rows])


def _served_at(job: Job) -> str:
    if job.of_year:
        return "/1/stats/user/NAME/year-in-music"
    return _path(job.route.path) if job.route else ""


def metadata_table() -> str:
    """One row per table that an import reads."""
    rows = [f"| `{table.name}` | {table.about} | {_brought(table)} |" for table in METADATA_TABLES.values()]
    return "\n".join(["| table | what it has | columns |", "| --- | --- | --- |", *rows])


def _brought(table: Table) -> str:
    made = {name for name, _ in table.folded}
    return ", ".join(_code(column.name) for column in table.columns if column.name not in made)


def parity_tables() -> str:
    """One row per documented command, a table per group."""
    groups = groupby(documented(command_line), lambda row: row.group)
    return "\n".join(line for group, rows in groups for line in (f"\n**{group}**\n", *_parity_table(list(rows)), ""))


def _parity_table(rows: list[Row]) -> list[str]:
    cells = [f"| `{row.name}` | {row.origin} | {_code(row.here)} | {row.why} |" for row in rows]
    return ["| command | documented | here | otherwise |", "| --- | --- | --- | --- |", *cells]


Tables = Mapping[str, Callable[[], str]]
PAGES: Mapping[Path, Tables] = {
    README: {
        "settings": settings_table,
        "jobs": jobs_table,
        "metadata": metadata_table,
        "parity": parity_tables,
    },
}


def filled(text: str, tables: Tables) -> str:
    """The text with every table between its marks renewed."""
    for name, table in tables.items():
        before, mark, rest = text.partition(f"<!-- generated: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        assert mark, f"there is no place for the table {name}"
        assert end, f"nothing says where the table {name} ends"
        text = f"{before}{mark}{table()}\n{end}{after}"
    return text


def _code(value: str) -> str:
    return f"`{value}`" if value else ""


def _choice(said: Mapping[str, str | bool]) -> str:
    return "".join(f" `{name}={str(value).lower()}`" for name, value in said.items())


def _path(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(?:user_)?(\w+)>", lambda part: part[1].upper(), rule)


def main() -> None:
    """Write, when told so by --write; else say whether anything would change."""
    stale = [path for path, tables in PAGES.items() if filled(path.read_text(), tables) != path.read_text()]
    if "--write" in sys.argv[1:]:
        for path in stale:
            path.write_text(filled(path.read_text(), PAGES[path]))
    elif stale:
        sys.exit(f"not up to date, run `make docs`: {', '.join(path.name for path in stale)}")


if __name__ == "__main__":
    main()
