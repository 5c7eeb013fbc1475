"""Metadata tables as files of a folder: NAME.parquet (a file, or a folder of them), NAME.csv or NAME.csv.gz."""

import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset

from jobs.job import ImportRefusedError

ENDINGS = (".parquet", ".csv", ".csv.gz")
BATCH_ROWS = 65_536
BLOCK_BYTES = 8 << 20
"""Of CSV; a row must fit."""


class Folder:
    """The tables that files of a folder hold."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise ImportRefusedError(
                f"{path} is no folder on {platform.node()}, where the request consumer runs: put the files there"
            )
        self._path = path
        self._files: dict[str, Path] = {}
        for file in sorted(path.iterdir()):
            ending = next((ending for ending in ENDINGS if file.name.endswith(ending)), None)
            if ending is not None:
                self._add(file.name.removesuffix(ending), file)

    def __str__(self) -> str:
        return str(self._path)

    def names(self) -> list[str]:
        """What the files are called, without their endings."""
        return list(self._files)

    def columns(self, name: str) -> list[str]:
        """The columns of a table. Raises ImportRefusedError for a file that cannot be read."""
        with self._telling(name) as file:
            names: list[str] = _csv(file, None).schema.names if _is_csv(file) else _parquet(file).schema.names
            return names

    def batches(self, name: str, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """The rows of a table, some at a time; columns of CSV all as text. Raises ImportRefusedError."""
        wanted = list(columns)
        with self._telling(name) as file:
            if _is_csv(file):
                yield from _csv(file, wanted)
            else:
                yield from _parquet(file).to_batches(
                    columns=wanted, batch_size=BATCH_ROWS, batch_readahead=2, fragment_readahead=1
                )

    def _add(self, name: str, file: Path) -> None:
        if name in self._files:
            first = self._files[name].name
            raise ImportRefusedError(f"{self._path} has the table {name} twice, as {first} and {file.name}: keep one")
        self._files[name] = file

    @contextmanager
    def _telling(self, name: str) -> Iterator[Path]:
        """Whoever reads inside is told which file could not be read."""
        file = self._files[name]
        try:
            yield file
        except (pa.ArrowInvalid, OSError) as problem:
            raise ImportRefusedError(f"{file}: cannot be read: {str(problem).splitlines()[0]}") from None


def _is_csv(file: Path) -> bool:
    return not file.name.endswith(".parquet")


def _parquet(file: Path) -> pyarrow.dataset.Dataset:
    return pyarrow.dataset.dataset(file, format="parquet")


def _csv(file: Path, columns: list[str] | None) -> pyarrow.csv.CSVStreamingReader:
    """All columns, or these; nothing between two commas is null, quoted nothing is empty text."""
    named = dict.fromkeys(columns or (), pa.string())
    return pyarrow.csv.open_csv(
        file,
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=named,
            include_columns=columns,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
