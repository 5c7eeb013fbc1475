"""What was played joined with what it counts for, against two loops in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engines.int_order import Ints
from jobs.engines.rank_lists import INPUT
from jobs.engines.shown_items import PLAYED, played_of, shown_items

IDS = (7, -3, 12, 2**62, 5)
"""In the total order of their structs."""
ITEMS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from([2**60, -9, 4]), st.sampled_from(IDS)), max_size=20)
ROWS = st.lists(st.tuples(*(st.integers(0, 5) for _ in PLAYED)), max_size=20)


def ints(values: list[int]) -> Ints:
    return np.array(values, np.int64)


@given(ITEMS, ROWS)
def test_each_row_counts_once_for_every_item_of_its_identity(
    items: list[tuple[int, int, int]], rows: list[tuple[int, ...]]
) -> None:
    identity_id, group_hash, item_id = (ints([item[place] for item in items]) for place in range(3))
    shown = shown_items(identity_id, group_hash, item_id, ints(list(IDS)))
    played = played_of({name: ints([row[place] for row in rows]) for place, name in enumerate(PLAYED)})

    found = shown.columns(played)

    hashes = shown.groups[found["group_hash"]] if found["group_hash"].size else found["group_hash"]
    columns = {**found, "group_hash": hashes}
    expected = []
    for row in rows:
        said = dict(zip(PLAYED, row, strict=True))
        for _, group, struct in {item for item in items if item[0] == said["identity_id"]}:
            one = {**said, "group_hash": group, "id": struct, "place": IDS.index(struct)}
            expected.append(tuple({**one, "spelling_count": said["listen_count"]}[name] for name in INPUT))
    assert sorted(zip(*(columns[name].tolist() for name in INPUT), strict=True)) == sorted(expected)
    assert columns["key"].tolist() == sorted(columns["key"].tolist())


@pytest.mark.parametrize("known", [[], [1, 3]])
def test_an_item_without_a_place_is_an_error(known: list[int]) -> None:
    with pytest.raises(KeyError, match="no place"):
        shown_items(ints([1]), ints([1]), ints([2]), ints(known))
