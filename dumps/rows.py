"""Rows of a query as CSV, JSON lines or Parquet."""

from collections.abc import Iterator
from typing import IO, Any, cast

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet


def write_rows(rows: pa.Table, kind: str, file: IO[bytes]) -> None:
    """`kind`: parquet, csv (lists and maps as JSON text), or json (one object a line)."""
    if kind == "parquet":
        pa.parquet.write_table(rows, file, compression="zstd")
    elif kind == "csv":
        pa.csv.write_csv(_flat(rows), file)
    else:
        file.writelines(orjson.dumps(row, default=str) + b"\n" for row in _objects(rows))
    file.flush()


def _objects(rows: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in rows.to_batches(max_chunksize=10_000):
        yield from cast(list[dict[str, Any]], batch.to_pylist(maps_as_pydicts="lossy"))


def _flat(rows: pa.Table) -> pa.Table:
    """As CSV can have it: lists, maps and structs as JSON text, the engine's string views as strings."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_nested(field.type):
            values = rows[field.name].to_pylist(maps_as_pydicts="lossy")
            texts = [None if value is None else orjson.dumps(value, default=str).decode() for value in values]
            rows = rows.set_column(place, field.name, pa.array(texts, pa.string()))
        elif pa.types.is_string_view(field.type):
            rows = rows.set_column(place, field.name, rows[field.name].cast(pa.string()))
    return rows
