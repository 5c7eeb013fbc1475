"""The files of a run as the parts of its manifest, or as rows inside it when they are few. Spark-free."""

from typing import Any
from uuid import UUID

from jobs import result_files
from jobs.messages import COLUMNS, ROW_KINDS, Part, inline_part
from jobs.ranges import STATS_RANGES
from jobs.years import range_of

EVERYBODY, TOUCHED = "everybody", "touched"
"""Folders of a run's files: what was computed from all users, and of a continued run what from those touched.

Below them a folder per kind of rows, and in it those of `statistic` and `stats_range`: a place in STATS_RANGES, or a
year (jobs/years.py), which is a greater number.
"""


def written_parts(folder: str) -> list[Part]:
    """The parts that the files of a run are; those without rows are left out."""
    found = []
    for path in (path for part in (EVERYBODY, TOUCHED) for path in result_files.parquet_files(f"{folder}/{part}")):
        kind = next(kind for kind in COLUMNS if f"/{kind}/" in path.removeprefix(folder))
        named = (_value(path, "statistic"), _range_of(path)) if kind in ROW_KINDS else ("", "")
        found.append(_part(kind, *named, path))
    return [part for part in found if part.rows]


def inlined(parts: list[Part], limit: int, home: str, run_id: UUID) -> list[Part]:
    """The parts as rows in the message, and no files, when all of them are small; else the parts as they are.

    `limit`: bytes, of the files and of the rows. `home`: the folder of all results.
    """
    if sum(part.bytes for part in parts) > limit:
        return parts
    rows: dict[tuple[str, str, str], list[list[Any]]] = {}
    for part in parts:
        read = result_files.rows(str(part.path), COLUMNS[part.kind])
        rows.setdefault((part.kind, part.statistic, part.stats_range), []).extend(list(row) for row in read)
    made = [inline_part(*what, sorted(found)) for what, found in rows.items()]
    if sum(part.bytes for part in made) > limit:
        return parts
    result_files.remove_parts(home, run_id, (EVERYBODY, TOUCHED))
    return made


def _part(kind: str, statistic: str, stats_range: str, path: str) -> Part:
    size, sha256 = result_files.digest(path)
    return Part(kind, statistic, stats_range, result_files.row_count(path), path, size, sha256)


def _range_of(path: str) -> str:
    number = int(_value(path, "stats_range"))
    return STATS_RANGES[number] if number < len(STATS_RANGES) else range_of(number)


def _value(path: str, column: str) -> str:
    """Of a column that files are partitioned by."""
    return path.rpartition(f"/{column}=")[2].partition("/")[0]
