"""Rows of the metadata tables, in whatever types a source has them, as the lake declares them, with their folded keys.

Widths of whole numbers and units of lengths of time may differ, lists may come as JSON text. Plain Arrow, no Spark.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from dumps.load.countries import alpha3
from jobs.job import ImportRefusedError
from jobs.listens.msid import fold
from jobs.tables import Column, Table
from jobs.tables.metadata import ARTISTS

_ARTIST = pa.struct([(name, pa.string()) for name in ("artist_credit_name", "join_phrase", "artist_mbid")])
_TYPES = {
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "array<string>": pa.list_(pa.string()),
    ARTISTS: pa.list_(_ARTIST),
}
_TRUTH = {"t": "true", "f": "false"}
"""As PostgreSQL writes it."""


class _UnfitError(ValueError):
    """Values that are not of the column's type: says what they are."""


def brought(table: Table) -> list[str]:
    """The columns that a source has: all but the folded keys."""
    made = {name for name, _ in table.folded}
    return [column.name for column in table.columns if column.name not in made]


def lacking(table: Table, names: Iterable[str]) -> list[str]:
    """The columns that a source should have and does not; those that are newer may be absent."""
    return sorted(set(brought(table)) - set(table.newer) - set(names))


def declared(table: Table) -> pa.Schema:
    """The table's columns as Arrow has them."""
    return pa.schema([(column.name, _TYPES[column.type]) for column in table.columns])


def conform(table: Table, rows: pa.RecordBatch, unknown: Counter[str]) -> pa.RecordBatch:
    """Rows of a source as rows of the table. Codes that are no country's become null and are counted in `unknown`.

    Raises ImportRefusedError, which names the column.
    """
    made: dict[str, pa.Array] = {}
    for column in table.columns:
        if column.name in rows.schema.names:
            made[column.name] = _column(table, column, rows.column(column.name), unknown)
        elif column.name in table.newer:
            made[column.name] = pa.nulls(rows.num_rows, _TYPES[column.type])
    for name, source in table.folded:
        made[name] = pa.array([None if text is None else fold(text) for text in made[source].to_pylist()], pa.string())
    return pa.RecordBatch.from_arrays([made[column.name] for column in table.columns], schema=declared(table))


def _column(table: Table, column: Column, values: pa.Array, unknown: Counter[str]) -> pa.Array:
    given = values.type
    try:
        fitted = _fitted(values, column.type)
    except (_UnfitError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as problem:
        raise ImportRefusedError(
            f"{table.name}.{column.name}: expected {column.type}, found {given} that does not fit: "
            f"{str(problem).splitlines()[0]}"
        ) from None
    if column.name == "country_code":
        return _countries(fitted, unknown)
    if column.name == "join_phrase":  # CSV of many makers knows no difference between nothing and empty text
        return fitted.fill_null("")
    return fitted


def _fitted(values: pa.Array, wanted: str) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), _TYPES[wanted])
    if wanted == "string":
        return _texts(values)
    if wanted == "boolean":
        return _truths(values)
    if wanted == "array<string>":
        return _lists(values, _text, _TYPES[wanted])
    return _lists(values, _artist, _TYPES[wanted]) if wanted == ARTISTS else _numbers(values, _TYPES[wanted])


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _texts(values: pa.Array) -> pa.Array:
    if _is_text(values.type):
        return values.cast(pa.string())
    if values.type == pa.uuid():
        return pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
    if pa.types.is_date(values.type):
        return pa.array([None if value is None else value.isoformat() for value in values.to_pylist()], pa.string())
    raise _UnfitError("no text")


def _truths(values: pa.Array) -> pa.Array:
    if _is_text(values.type):
        values = pa.array([_TRUTH.get(text, text) for text in values.to_pylist()], pa.string())
    elif not pa.types.is_boolean(values.type) and not pa.types.is_integer(values.type):
        raise _UnfitError("no truth value")
    return values.cast(pa.bool_())


def _numbers(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    if pa.types.is_duration(values.type):
        values = values.cast(pa.duration("ms"), safe=False).cast(pa.int64())
    elif _is_text(values.type):
        values = values.cast(pa.int64())
    elif not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise _UnfitError("no whole number")
    return values.cast(wanted)


def _lists(values: pa.Array, item: Callable[[Any], Any], wanted: pa.DataType) -> pa.Array:
    """Lists, or JSON text of them; each element as `item` reads it."""
    if _is_alike(values.type, wanted):
        return values.cast(wanted)
    read = _parsed if _is_text(values.type) else _as_they_are
    if read is _as_they_are and not (pa.types.is_list(values.type) or pa.types.is_large_list(values.type)):
        raise _UnfitError("neither lists nor their JSON text")
    lists = (read(value) for value in values.to_pylist())
    return pa.array([None if value is None else [item(element) for element in value] for value in lists], wanted)


def _is_alike(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether Arrow can turn the one into the other by itself: lists of text, or of structs of the same fields."""
    if not (pa.types.is_list(given) or pa.types.is_large_list(given)):
        return False
    inner, expected = given.value_type, wanted.value_type
    if not pa.types.is_struct(inner):
        return _is_text(inner) and _is_text(expected)
    return pa.types.is_struct(expected) and [(f.name, f.type) for f in inner] == [(f.name, f.type) for f in expected]


def _as_they_are(value: Any) -> Any:
    return value


def _parsed(text: str | None) -> list[Any] | None:
    if text is None:
        return None
    try:
        value = orjson.loads(text)
        value = orjson.loads(value) if isinstance(value, str) else value  # JSON of a column that holds JSON text
    except orjson.JSONDecodeError:
        raise _UnfitError(f"{text[:80]!r} is not JSON") from None
    if value is not None and not isinstance(value, list):
        raise _UnfitError(f"{text[:80]!r} is not a list")
    return value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str | UUID):
        return None if value is None else str(value)
    raise _UnfitError(f"a list with {value!r}, which is no text")


def _artist(value: Any) -> dict[str, str | None] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _UnfitError(f"a list with {value!r}, which is no artist")
    return {field.name: _text(value.get(field.name)) for field in _ARTIST}


def _countries(codes: pa.Array, unknown: Counter[str]) -> pa.Array:
    """Alpha-3 codes, each distinct one looked up once."""
    distinct = pc.dictionary_encode(codes)
    names = distinct.dictionary.to_pylist()
    found = [alpha3(name) if name else None for name in names]
    for at, count in zip(*(pc.value_counts(distinct.indices).field(n).to_pylist() for n in (0, 1)), strict=True):
        if at is not None and names[at] and found[at] is None:
            unknown[names[at]] += count
    return pa.array(found, pa.string()).take(distinct.indices)
