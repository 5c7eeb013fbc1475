"""The Parquet files of a Spark dump as rows to stage: columns by name, whatever their unit or width."""

from collections.abc import Callable, Iterator
from typing import IO

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dumps.load.spark.names import DumpRefusedError
from jobs.listens.dump.staging import STAGED
from jobs.tables.rules import UUID_PATTERN

ROWS = 50_000
"""Rows read and staged at a time: memory stays flat, whatever the size of files and row groups."""
READ_BYTES = 1 << 20
"""Of each column at a time."""
_UUID = f"^{UUID_PATTERN}$"
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_FARTHEST = 9_000_000_000
"""Seconds from 1970 within which microseconds fit a bigint; what is farther away is no time of a listen anyway."""
_Is = Callable[[pa.DataType], bool]


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_texts(kind: pa.DataType) -> bool:
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(listed and (_is_text(kind.value_type) or pa.types.is_null(kind.value_type)))


COLUMNS: dict[str, tuple[_Is, str, bool]] = {
    "listened_at": (_is_time, "a timestamp", True),
    "created": (_is_time, "a timestamp", True),
    "user_id": (_is_number, "a whole number", True),
    "recording_msid": (_is_text, "text", True),
    "artist_name": (_is_text, "text", True),
    "artist_credit_id": (_is_number, "a whole number", False),
    "release_name": (_is_text, "text", False),
    "release_mbid": (_is_text, "text", False),
    "recording_name": (_is_text, "text", True),
    "recording_mbid": (_is_text, "text", False),
    "artist_credit_mbids": (_is_texts, "a list of text", False),
}
"""(of this type, its name, whether it must have values); a column without any value may be of the type null."""


def staged_tables(name: str, file: IO[bytes], first: int) -> Iterator[pa.Table]:
    """The rows of one Parquet file as tables of STAGED, numbered from `first`.

    `name` is told in errors. Raises DumpRefusedError: no Parquet, a column missing or of another type, damaged.
    """
    try:
        parquet = pq.ParquetFile(file, buffer_size=READ_BYTES, pre_buffer=False)
        _check_columns(name, parquet.schema_arrow)
        for batch in parquet.iter_batches(ROWS, columns=list(COLUMNS), use_threads=False):
            table = pa.Table.from_batches([batch])
            table.validate(full=True)
            yield _staged(table, first)
            first += table.num_rows
    except (pa.ArrowException, OSError) as problem:
        raise DumpRefusedError(f"{name}: it cannot be read as Parquet ({_first_line(problem)})") from None


def _check_columns(name: str, schema: pa.Schema) -> None:
    for column, (is_one, kind, required) in COLUMNS.items():
        if schema.names.count(column) != 1:
            raise DumpRefusedError(f"{name}: column {column} is missing; it has {', '.join(schema.names) or 'none'}")
        found = schema.field(column).type
        if not is_one(found) and (required or not pa.types.is_null(found)):
            raise DumpRefusedError(f"{name}: column {column}: expected {kind}, found {found}")


def _staged(table: pa.Table, first: int) -> pa.Table:
    """One table; what cannot be a listen has its reason, and is no key and no mapping."""
    rows = table.num_rows
    foreign_id = table["user_id"].cast(pa.int64())
    text = {name: table[name].cast(pa.string()) for name in ("artist_name", "recording_name", "release_name")}
    msid = _uuids(table["recording_msid"])
    refused = _reasons(foreign_id, msid, list(text.values()))
    listened_at = _seconds(table["listened_at"])
    given = pa.table(
        {
            "listened_at": listened_at,
            "recording_msid": table["recording_msid"].cast(pa.string()),
            "foreign_user_id": foreign_id,
            "artist_name": text["artist_name"],
            "track_name": text["recording_name"],
            "release_name": text["release_name"],
            "refused": refused,
        }
    )
    stored = {name: pc.replace_substring(column, "\0", "") for name, column in text.items()}
    return pa.table(
        {
            "n": pa.array(range(first, first + rows), pa.int64()),
            "foreign_id": pc.if_else(pc.greater(foreign_id, 0), foreign_id, pa.scalar(None, pa.int64())),
            "listened_at": listened_at,
            "created": _micros(table["created"]),
            "recording_msid": msid,
            "artist_name": stored["artist_name"],
            "track_name": stored["recording_name"],
            "release_name": stored["release_name"],
            "artist_credit_id": table["artist_credit_id"].cast(pa.int64()),
            "release_mbid": _uuids(table["release_mbid"]),
            "recording_mbid": _uuids(table["recording_mbid"]),
            "artist_mbids": _uuid_lists(table["artist_credit_mbids"]),
            "refused": refused,
            "body": pa.array(_bodies(given), pa.string()),
        },
        schema=STAGED,
    )


def _reasons(foreign_id: pa.ChunkedArray, msid: pa.ChunkedArray, texts: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Why rows cannot be staged as they are; the rules of listens are asked when they are written."""
    nobody = pc.fill_null(pc.less(foreign_id, 1), True)
    reasons = pc.if_else(nobody, "user_id: expected a whole number from 1", pa.scalar(None, pa.string()))
    no_msid = pc.and_(pc.is_null(reasons), pc.is_null(msid))
    reasons = pc.if_else(no_msid, "recording_msid: expected a UUID", reasons)
    for text in texts:
        nul = pc.and_(pc.is_null(reasons), pc.fill_null(pc.match_substring(text, "\0"), False))
        reasons = pc.if_else(nul, "a name holds the character U+0000", reasons)
    return reasons


def _seconds(times: pa.ChunkedArray) -> pa.ChunkedArray:
    ticks, per = times.cast(pa.int64()), _PER_SECOND[times.type.unit]
    whole = pc.divide(ticks, per)
    return pc.if_else(pc.less(ticks, pc.multiply(whole, per)), pc.subtract(whole, 1), whole)


def _micros(times: pa.ChunkedArray) -> pa.ChunkedArray:
    per = _PER_SECOND[times.type.unit]
    ticks = times.cast(pa.int64())
    near = pc.max_element_wise(pc.min_element_wise(ticks, _FARTHEST * per), -_FARTHEST * per)
    near = pc.if_else(pc.is_null(ticks), pa.scalar(None, pa.int64()), near)
    return pc.divide(near, per // 1_000_000) if per > 1_000_000 else pc.multiply(near, 1_000_000 // per)


def _uuids(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """UUIDs in lower case; anything else is null."""
    lowered = pc.utf8_lower(column.cast(pa.string()))
    return pc.if_else(pc.match_substring_regex(lowered, _UUID), lowered, pa.scalar(None, pa.string()))


def _uuid_lists(column: pa.ChunkedArray) -> pa.Array:
    """Each as PostgreSQL writes an array; what is no UUID in it is left out."""
    if pa.types.is_null(column.type):
        return pa.array(["{}"] * len(column), pa.string())
    lists = column.combine_chunks().cast(pa.list_(pa.string()))
    flat = _uuids(pa.chunked_array([pc.list_flatten(lists)]))
    if flat.null_count == 0:
        joined = pc.fill_null(pc.binary_join(_like(lists, flat), ","), "")
        return pc.binary_join_element_wise("{", joined, "}", "")
    return pa.array(["{" + ",".join(_valid(mbids)) + "}" for mbids in lists.to_pylist()], pa.string())


def _like(lists: pa.ListArray, flat: pa.ChunkedArray) -> pa.ListArray:
    """Lists of these values, as long as those lists; null where they are."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pc.cumulative_sum(lengths).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    return pa.ListArray.from_arrays(offsets, flat.combine_chunks())


def _valid(mbids: list[str | None] | None) -> list[str]:
    checked = _uuids(pa.chunked_array([pa.array(mbids or [], pa.string())]))
    return [mbid for mbid in checked.to_pylist() if mbid is not None]


def _bodies(rows: pa.Table) -> list[str | None]:
    """The rows that are refused, as listens in API form, with what they say of their user."""
    bodies: list[str | None] = [None] * rows.num_rows
    bad = pc.indices_nonzero(pc.is_valid(rows["refused"])).to_pylist()
    for index, row in zip(bad, rows.take(pa.array(bad, pa.int64())).to_pylist(), strict=True):
        names = ("artist_name", "track_name", "release_name")
        body = {name: row[name] for name in ("listened_at", "recording_msid", "foreign_user_id")}
        bodies[index] = orjson.dumps(body | {"track_metadata": {name: row[name] for name in names}}).decode()
    return bodies


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]
