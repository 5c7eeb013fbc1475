"""Orders of int columns: packed into one number where they fit, for one sort of numbers is ten times one of columns.

Two million rows in three columns: 0.1 s for 1.1 s by numpy's lexsort.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
_BITS = 63


def columns_of(batches: Iterable[pa.RecordBatch], names: Sequence[str]) -> dict[str, Ints]:
    """These columns of all batches, as one array each."""
    received = list(batches)
    if not received:
        return {name: np.zeros(0, np.int64) for name in names}
    table = pa.Table.from_batches(received)
    return {name: table.column(name).to_numpy() for name in names}


def order_of(*columns: Ints) -> Ints:
    """The order by these columns, the first above all; of rows that are equal in all of them, any."""
    fitting = list(columns)
    # What needs the most bits has the most gaps between its values.
    for column in sorted(range(len(columns)), key=lambda place: -_bits(columns[place])):
        packed = _packed(fitting)
        if packed is not None:
            return np.argsort(packed)
        fitting[column] = dense(columns[column])[1]
    packed = _packed(fitting)
    return np.lexsort(columns[::-1]) if packed is None else np.argsort(packed)


def dense(column: Ints) -> tuple[Ints, Ints]:
    """The values there are, ascending, and for each row the place of its own among them."""
    if not column.size:
        return column, column
    if (column[1:] >= column[:-1]).all():
        return _dense_of_ordered(column)
    least = int(column.min())
    if int(column.max()) - least < 4 * column.size:
        there = np.zeros(int(column.max()) - least + 1, bool)
        there[column - least] = True
        return np.flatnonzero(there) + least, (np.cumsum(there) - 1)[column - least]
    order = np.argsort(column)
    values, ordered = _dense_of_ordered(column[order])
    places = np.empty(column.size, np.int64)
    places[order] = ordered
    return values, places


def _dense_of_ordered(column: Ints) -> tuple[Ints, Ints]:
    starts = starts_of(column)
    return column[starts], np.repeat(np.arange(starts.size), np.diff(np.append(starts, column.size)))


def starts_of(*columns: Ints) -> Ints:
    """Where runs of equal rows begin, in ordered columns."""
    changed = np.ones(columns[0].size, bool)
    changed[1:] = False
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changed)


def _packed(columns: Sequence[Ints]) -> Ints | None:
    """One number per row that orders as the columns do; None where that takes more bits than there are."""
    if not columns[0].size:
        return columns[0]
    widths = [_bits(column) for column in columns]
    if sum(widths) > _BITS:
        return None
    least = [int(column.min()) for column in columns]
    packed = columns[0] - least[0]
    for column, low, width in zip(columns[1:], least[1:], widths[1:], strict=True):
        packed = (packed << width) | (column - low)
    return packed


def _bits(column: Ints) -> int:
    return (int(column.max()) - int(column.min())).bit_length() if column.size else 0
