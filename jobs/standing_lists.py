"""Everybody's lists from the files of kept sums, whole columns at a time. Spark-free."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs import result_files
from jobs.engines.rank_lists import INPUT, SOURCES, rank

SUMS = ("listen_count", "spelling_count", *SOURCES)
"""What adds up."""
KEPT = tuple(name for name in INPUT if name not in {"key", "place"})
"""Columns of kept sums: rows of `rank` of everybody, but for the place, which another item may change."""


def ranked(sums: Sequence[str], structs: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The list of each range (rank_lists.OUTPUT), under key 0, of all layers together.

    `sums`, `structs`: Parquet files of KEPT, and of the display structs: id, order_key. Raises KeyError for a sum of an
    id without struct.
    """
    rows, known = result_files.table(sums, KEPT), result_files.table(structs, ("id", "order_key"))
    found = pc.index_in(rows["id"], value_set=known["id"])
    if found.null_count:
        raise KeyError(
            f"{found.null_count} sums of items whose struct is in none of {len(structs)} files: {structs[:1]}"
        )
    place = _places(known["order_key"])[found.to_numpy()]
    columns = {name: rows[name].to_numpy() for name in KEPT}
    yield from rank(columns | {"place": place, "key": np.zeros(place.size, np.int64)})


def _places(order_keys: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The place of each in their order."""
    order = pc.sort_indices(order_keys.cast(pa.binary())).to_numpy()
    places = np.empty(order.size, np.int64)
    places[order] = np.arange(order.size)
    return places
