"""The generated tables of the README: settings, statistics from the catalog, metadata. `make docs` writes them."""

import re
import sys
from dataclasses import fields
from pathlib import Path

from conf.settings import PROJECT, Settings
from jobs.catalog import catalog
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
        f"| `{job.name}`{_choice(job.select)} | {job.about} | {_code(_path(job.route.path) if job.route else '')} |"
        for job in catalog().jobs.values()
    ]
    return "\n".join(["| request | what it makes | served at |", "| --- | --- | --- |", *rows])


def metadata_table() -> str:
    """One row per table that an import reads."""
    rows = [f"| `{table.name}` | {table.about} | {_brought(table)} |" for table in METADATA_TABLES.values()]
    return "\n".join(["| table | what it has | columns |", "| --- | --- | --- |", *rows])


def _brought(table: Table) -> str:
    made = {name for name, _ in table.folded}
    return ", ".join(_code(column.name) for column in table.columns if column.name not in made)


TABLES = {"settings": settings_table, "jobs": jobs_table, "metadata": metadata_table}


def filled(text: str) -> str:
    """The text with every table between its marks renewed."""
    for name, table in TABLES.items():
        before, mark, rest = text.partition(f"<!-- generated: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        assert mark, f"the README has no place for the table {name}"
        assert end, f"the README does not say where the table {name} ends"
        text = f"{before}{mark}{table()}\n{end}{after}"
    return text


def _code(value: str) -> str:
    return f"`{value}`" if value else ""


def _choice(select: object) -> str:
    return "".join(f" `{name}={value}`" for name, value in dict(select).items())  # type: ignore[call-overload]


def _path(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(?:user_)?(\w+)>", lambda part: part[1].upper(), rule)


def main(path: Path = README) -> None:
    """Write, when told so by --write; else say whether anything would change."""
    fresh = filled(path.read_text())
    if "--write" in sys.argv[1:]:
        path.write_text(fresh)
    elif fresh != path.read_text():
        sys.exit(f"{path.name} is not up to date: run `make docs`")


if __name__ == "__main__":
    main()
