"""Everybody's lists from layers of sums, worked out by hand, without Spark."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs import standing_lists
from jobs.ranges import ALL_TIME, STATS_RANGES

ALL = 1 << STATS_RANGES.index(ALL_TIME)
Sums = tuple[int, int, int]
"""Group, id, listens (as many of them spelled so)."""


def written(path: Path, columns: dict[str, Sequence[object]]) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def layer(path: Path, rows: Sequence[Sums]) -> str:
    counts = [count for _, _, count in rows]
    said = {"group_hash": [group for group, _, _ in rows], "id": [entity for _, entity, _ in rows]}
    times = {"played_ms": counts, "duration_ms": [0] * len(rows), "length_ms": [0] * len(rows)}
    return written(
        path,
        {
            "windows": [ALL] * len(rows),
            **said,
            "listen_count": counts,
            "spelling_count": counts,
            **times,
            "default_ms": [0] * len(rows),
        },
    )


def test_layers_add_up_and_what_adds_up_to_nothing_is_in_no_list(tmp_path: Path) -> None:
    base = layer(tmp_path / "base.parquet", [(1, 11, 5), (2, 21, 3), (3, 31, 4)])
    later = layer(tmp_path / "later.parquet", [(3, 31, -4), (2, 21, 2), (4, 41, 1)])
    structs = written(tmp_path / "s.parquet", {"id": [31, 21, 11], "order_key": ["c", "b", "a"]})
    new = written(tmp_path / "new.parquet", {"id": [41], "order_key": ["aa"]})

    [listed] = standing_lists.ranked([base, later], [structs, new])

    [row] = listed.to_pylist()
    assert (row["stats_range"], row["key"]) == (STATS_RANGES.index(ALL_TIME), 0)
    assert (row["ids"], row["counts"]) == ([21, 11, 41], [5, 5, 1]), "of as many listens the greater key is first"


def test_of_spellings_said_as_often_the_one_with_the_greater_bytes_is_shown(tmp_path: Path) -> None:
    sums = layer(tmp_path / "sums.parquet", [(1, 11, 2), (1, 12, 2), (1, 13, 1)])
    structs = written(tmp_path / "s.parquet", {"id": [11, 12, 13], "order_key": ["z", "é", "😀"]})
    [listed] = standing_lists.ranked([sums], [structs])
    assert listed.to_pylist()[0]["ids"] == [12]


def test_when_nothing_is_left_there_is_no_list(tmp_path: Path) -> None:
    layers = [layer(tmp_path / f"{count}.parquet", [(1, 11, count)]) for count in (2, -2)]
    structs = written(tmp_path / "s.parquet", {"id": [11], "order_key": ["z"]})
    assert list(standing_lists.ranked(layers, [structs])) == []


def test_a_sum_of_an_item_without_struct_is_an_error_that_names_the_files(tmp_path: Path) -> None:
    sums = layer(tmp_path / "sums.parquet", [(1, 11, 2), (2, 22, 1)])
    structs = written(tmp_path / "s.parquet", {"id": [11], "order_key": ["z"]})
    with pytest.raises(KeyError, match=r"1 sums of items .*s\.parquet"):
        list(standing_lists.ranked([sums], [structs]))
