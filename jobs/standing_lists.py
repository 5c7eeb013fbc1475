"""Everybody's lists from the files of kept sums, whole columns at a time. Spark-free."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs import result_files
from jobs.engines.int_order import Ints
from jobs.engines.rank_lists import INPUT, SOURCES, rank_apart

SUMS = ("listen_count", "spelling_count", *SOURCES)
"""What adds up."""
KEPT = tuple(name for name in INPUT if name not in {"key", "place"})
"""Columns of kept sums: rows of `rank` of everybody, but for the place, which another item may change."""


def ranked(sums: Sequence[str], structs: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The list of each range (rank_lists.OUTPUT), under key 0, of all layers together.

    `sums`, `structs`: Parquet files of KEPT, and of the display structs: id, order_key. Raises KeyError for a sum of an
    id without struct.
    """
    ids, places = _placed(structs)
    rows = result_files.table(sums, KEPT)
    found = pc.index_in(rows["id"], value_set=ids)
    if found.null_count:
        raise KeyError(
            f"{found.null_count} sums of items whose struct is in none of {len(structs)} files: {structs[:1]}"
        )
    place = pa.array(places[found.to_numpy()])
    rows = rows.append_column("place", place).append_column("key", pa.array(np.zeros(len(place), np.int64)))
    yield from rank_apart(rows)


def _placed(structs: Sequence[str]) -> tuple[pa.ChunkedArray, Ints]:
    """The ids, and of each its place in the order of the order keys: texts, gone before sums are read."""
    known = result_files.table(structs, ("id", "order_key"))
    order = pc.sort_indices(known["order_key"].cast(pa.binary())).to_numpy()
    places = np.empty(order.size, np.int64)
    places[order] = np.arange(order.size)
    return known["id"], places
