"""A row is judged quickly, column by column, and named slowly: both say the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.tables import METADATA_TABLES, TABLES

EVERY_TABLE = TABLES | METADATA_TABLES
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**64), 2**64),
    st.sampled_from(
        ["", " ", "\0", "name", "{}", "[]", "0b1e2d3c-0000-4000-8000-00000000000a", 1_700_000_000, 11, 2023]
    ),
)
TIMES = st.none() | st.integers(0, 4_500_000_000)


@pytest.mark.parametrize("name", EVERY_TABLE)
@settings(deadline=None)
@given(st.data())
def test_the_first_broken_rule_is_that_of_asking_every_rule_in_order(name: str, data: st.DataObject) -> None:
    table = EVERY_TABLE[name]
    row: dict[str, Any] = {}
    for column in data.draw(st.sets(st.sampled_from([column.name for column in table.columns]))):
        row[column] = data.draw(TIMES if column == "listened_at" else VALUES)
    asked = [rule for rule in table.rules if not rule.holds(row)]
    assert table.broken_rule(row) == (asked[0] if asked else None)
