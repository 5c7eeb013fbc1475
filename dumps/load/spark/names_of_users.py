"""The names of a source's users, from a CSV file: `user_id,user_name`."""

import csv
from collections.abc import Iterator
from pathlib import Path

from dumps.load.spark.names import DumpRefusedError
from dumps.load.tables import text_lines
from jobs.listens.items import DamagedFileError
from jobs.listens.users import InvalidUserNameError, check_name

_COLUMNS = ("user_id", "user_name")


def read_names(path: Path) -> dict[int, str]:
    """Id there to name. Raises DumpRefusedError, with the line, for a file that is no such table."""
    names: dict[int, str] = {}
    try:
        for line, user_id, name in _rows(path):
            if names.setdefault(user_id, name) != name:
                raise DumpRefusedError(f"{path.name} line {line}: user {user_id} has a name already")
    except OSError as problem:
        raise DumpRefusedError(f"{path}: the names of users cannot be read ({problem.strerror})") from None
    except (csv.Error, DamagedFileError) as problem:
        raise DumpRefusedError(f"{path.name}: it cannot be read as CSV ({problem})") from None
    return names


def _rows(path: Path) -> Iterator[tuple[int, int, str]]:
    """(line, id, checked name) of each row."""
    with path.open("rb") as file:
        rows = csv.reader(text_lines(file))
        header = [name.strip().lower() for name in next(rows, [])]
        if not set(_COLUMNS) <= set(header):
            raise DumpRefusedError(f"{path.name}: the first line must name the columns {', '.join(_COLUMNS)}")
        for row in rows:
            if row:
                named = dict(zip(header, row, strict=False))
                yield rows.line_num, *_checked(f"{path.name} line {rows.line_num}", named)


def _checked(place: str, row: dict[str, str]) -> tuple[int, str]:
    user_id, name = (row.get(column, "").strip() for column in _COLUMNS)
    if not (user_id.isascii() and user_id.isdigit() and 0 < int(user_id) < 2**63):
        raise DumpRefusedError(f"{place}: user_id: expected a whole number from 1, got {user_id[:40]!r}")
    try:
        return int(user_id), check_name(name)
    except InvalidUserNameError as problem:
        raise DumpRefusedError(f"{place}: {problem}") from None
