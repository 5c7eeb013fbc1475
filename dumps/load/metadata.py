"""Import of the metadata tables: read, judged whole, then committed, then named by a landing.

What comes is first staged below the lake in the tables' own types. Whatever is wrong is found before any table changes.
A crash leaves the tables at most at versions that no landing names; the same import again completes it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet

from conf.faults import fault_point
from dumps.load.metadata_columns import brought, conform, declared, lacking
from dumps.load.metadata_files import Folder
from dumps.load.metadata_postgres import database
from jobs import land_metadata
from jobs.import_run import ImportRun
from jobs.imports.pg_metadata_tables import SCHEMES
from jobs.job import ImportRefusedError
from jobs.result_files import filesystem
from jobs.tables import METADATA_TABLES, Table

STAGING = "imports"
"""Folder beside the lake's tables; one import runs at a time."""


class Source(Protocol):
    """Where tables come from."""

    def names(self) -> list[str]:
        """What is there, tables or not."""

    def columns(self, name: str) -> list[str]:
        """The columns of a table."""

    def batches(self, name: str, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """Its rows."""


@dataclass(frozen=True)
class Staged:
    """What was read."""

    folder: str
    tables: list[str]
    unknown_countries: Counter[str]


def import_tables(run: ImportRun) -> str:
    """Replace the metadata tables by those of `from`; what was done. Raises ImportRefusedError: nothing was changed."""
    with staging(run.settings.lake) as folder:
        with opened(run.params["from"]) as source:
            found = checked(source)
            others = sorted(set(source.names()) - set(METADATA_TABLES))
            staged = stage(source, found, folder, run.progress)
        run.progress("checking the rows")
        rows = land_metadata.judge(run.spark, folder, found)
        fault_point("import.judged")
        done = land_metadata.replace(run, folder, rows)
    if done.landing is not None:
        run.progress(f"imported as data version {done.landing.landing_id}")
    return _told(done, staged, others)


@contextmanager
def opened(origin: str) -> Iterator[Source]:
    """The tables of a folder or of a database. Raises ImportRefusedError."""
    if origin.startswith(SCHEMES):
        with database(origin) as source:
            yield source
    else:
        yield Folder(Path(origin))


def checked(source: Source) -> list[Table]:
    """The metadata tables that a source has, all their columns there. Raises ImportRefusedError for what is not."""
    there = set(source.names())
    found = [table for name, table in METADATA_TABLES.items() if name in there]
    if not found:
        raise ImportRefusedError(f"{source} has none of the tables {', '.join(METADATA_TABLES)}")
    missing = [(table, lacking(table, source.columns(table.name))) for table in found]
    wrong = [f"{table.name} has no column {', '.join(names)}" for table, names in missing if names]
    if wrong:
        raise ImportRefusedError(f"{source}: {'; '.join(wrong)}")
    return found


@contextmanager
def staging(lake: str) -> Iterator[str]:
    """An empty folder for what is read, gone afterwards."""
    folder = f"{lake}/{STAGING}"
    _remove(folder)
    try:
        yield folder
    finally:
        with suppress(OSError):  # then the next import removes it
            _remove(folder)


def stage(source: Source, tables: list[Table], folder: str, progress: Callable[[str], None]) -> Staged:
    """Write what a source has as one Parquet file per table, in the tables' types. Raises ImportRefusedError."""
    unknown: Counter[str] = Counter()
    for table in tables:
        files, path = filesystem(f"{folder}/{table.name}")
        files.create_dir(path, recursive=True)
        columns = [name for name in brought(table) if name in set(source.columns(table.name))]
        rows = 0
        with pyarrow.parquet.ParquetWriter(
            f"{path}/all.parquet", declared(table), filesystem=files, compression="zstd"
        ) as writer:
            for batch in source.batches(table.name, columns):
                writer.write_batch(conform(table, batch, unknown))
                rows += batch.num_rows
                progress(f"reading {table.name}: {rows:,} rows")
    return Staged(folder, [table.name for table in tables], unknown)


def _remove(folder: str) -> None:
    files, path = filesystem(folder)
    if files.get_file_info(path).type == pyarrow.fs.FileType.Directory:
        files.delete_dir(path)


def _told(done: land_metadata.Replaced, staged: Staged, others: list[str]) -> str:
    changed = [f"{name} ({done.rows[name]:,} rows)" for name in done.changed]
    parts = {
        "imported": changed,
        "unchanged": [name for name in staged.tables if name not in done.changed],
        "absent": [name for name in METADATA_TABLES if name not in staged.tables],
        "not read": others,
        "country codes kept as null": [f"{code} ({n:,} rows)" for code, n in sorted(staged.unknown_countries.items())],
    }
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)
