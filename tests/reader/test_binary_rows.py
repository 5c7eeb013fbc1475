"""Rows in COPY's binary format, read back by PostgreSQL."""

from io import BytesIO
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.postgres import Connection, transaction
from jobs.engines.rank_lists import OUTPUT
from spark_reader.binary_rows import BEGIN, END, LIST, chunks, from_rows

INT = st.integers(-(2**31), 2**31 - 1)
LONG = st.integers(-(2**63), 2**63 - 1)


def _values(name: str) -> st.SearchStrategy[Any]:
    if name == "key":
        return LONG
    if name == "applied":
        return st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
    return st.lists(INT if OUTPUT.field(name).type == pa.list_(pa.int32()) else LONG, max_size=5)


ROWS = st.lists(st.tuples(*map(_values, LIST.names)).map(list), max_size=4, unique_by=lambda row: row[0])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ROWS, st.integers(0, 2))
def test_what_is_sent_is_what_is_stored(connection: Connection, rows: list[list[Any]], cut: int) -> None:
    batches = [from_rows(rows)[cut:]] if rows else []
    with transaction(connection) as cursor:
        cursor.execute("CREATE TEMP TABLE sent (LIKE result_list) ON COMMIT DROP")
        cursor.execute("ALTER TABLE sent DROP COLUMN statistic, DROP COLUMN stats_range")
        names = ", ".join(LIST.names)  # constants of the code
        body = BytesIO(BEGIN + b"".join(chunks(batches)) + END)
        cursor.copy_expert(f"COPY sent ({names}) FROM STDIN (FORMAT binary)", body)
        cursor.execute("SELECT * FROM sent")
        columns = [column.name for column in cursor.description or ()]
        found = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    assert [[row[name] for name in LIST.names] for row in found] == rows[cut:]


def _row(**others: Any) -> list[Any]:
    return [{"key": 1, "applied": None, **others}.get(name, [1]) for name in LIST.names]


@pytest.mark.parametrize(
    "row", [_row(ids=["a"]), _row(counts=[2**31]), _row(key=None)[1:], _row(ids=[1, None]), _row(seconds=3)]
)
def test_rows_of_another_shape_are_named(row: list[Any]) -> None:
    with pytest.raises(TypeError):
        list(chunks([from_rows([row])]))
