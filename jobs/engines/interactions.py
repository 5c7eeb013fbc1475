"""Who heard what how often: the matrix that recommendation models are fitted on. numpy and scipy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Uuids = npt.NDArray[np.bytes_]
"""Recording ids as text of 36 bytes, dtype S36."""

UUID_TYPE = "S36"
SECONDS_A_DAY = 86_400


class InteractionsError(ValueError):
    """Columns that are no play counts of distinct (user, recording) pairs; the text says which rule they break."""


class OtherItemsError(ValueError):
    """A model was asked about a matrix whose columns are other recordings than those it was fitted on."""


@dataclass(frozen=True)
class Interactions:
    """Play counts, users by recordings, with dense ids: row r is user_ids[r], column c is items[c].

    Dense ids are positions, so an id cannot have a gap or name two recordings, whatever credits a recording was seen
    with.
    """

    matrix: Any
    """csr_matrix (users, items), float32 play counts above 0, column indices ascending in each row."""
    user_ids: Ints
    """users.id by row, ascending."""
    items: Uuids
    """Recording uuid by column, ascending: MBID, or MSID where `msid` is set."""
    msid: Bools
    """By column, whether the uuid is a recording_msid."""
    latest: Ints
    """Epoch seconds of the user's latest listen of the recording, aligned with matrix.data."""

    @classmethod
    def of(
        cls,
        user_ids: npt.ArrayLike,
        items: npt.ArrayLike,
        listen_counts: npt.ArrayLike,
        latest: npt.ArrayLike,
        msid: npt.ArrayLike,
        *,
        users: npt.ArrayLike | None = None,
        catalogue: tuple[Uuids, Bools] | None = None,
    ) -> "Interactions":
        """From flat columns, one entry per (user, recording) pair, in any order.

        `users` and `catalogue` (items, msid; both ascending) say rows and columns instead of what occurs: pairs of
        other recordings are left out, users without a pair get an empty row. Raises InteractionsError.
        """
        user_column, item_column = np.asarray(user_ids, np.int64), np.asarray(items, UUID_TYPE)
        counts, at, is_msid = np.asarray(listen_counts), np.asarray(latest, np.int64), np.asarray(msid, bool)
        _check(user_column, item_column, counts, at, is_msid)
        rows = np.unique(user_column) if users is None else np.asarray(users, np.int64)
        names, of_msid = _catalogue(item_column, is_msid) if catalogue is None else catalogue
        row, known_user = _positions(rows, user_column)
        column, known_item = _positions(names, item_column)
        kept = known_user & known_item
        if not known_user.all():
            raise InteractionsError(f"user {user_column[~known_user][0]} is not among the rows asked for")
        order = np.lexsort((column[kept], row[kept]))
        row, column, counts, at = (values[kept][order] for values in (row, column, counts, at))
        if np.any((np.diff(row) == 0) & (np.diff(column) == 0)):
            raise InteractionsError("a (user, recording) pair occurs twice: add its counts up first")
        pointers = np.append(0, np.cumsum(np.bincount(row, minlength=rows.size)))
        matrix = sparse.csr_matrix((counts.astype(np.float32), column, pointers), shape=(rows.size, names.size))
        return cls(matrix, rows, names, of_msid, at)

    @property
    def newest(self) -> int:
        """Epoch seconds of the latest listen of all, 0 without any: what recency is counted from."""
        return int(self.latest.max()) if self.latest.size else 0

    @property
    def listeners(self) -> Ints:
        """Number of users by item."""
        return np.bincount(self.matrix.indices, minlength=self.items.size).astype(np.int64)

    def on(self, catalogue: Uuids) -> "Interactions":
        """The same plays with the columns of a model's catalogue; plays of other recordings are left out.

        Recordings of the catalogue that nobody has here keep an empty column, and count as MSIDs only if they are
        known here as such.
        """
        if np.array_equal(catalogue, self.items):
            return self
        position, known = _positions(self.items, catalogue)
        msid = np.zeros(catalogue.size, bool)
        msid[known] = self.msid[position[known]]
        rows = np.repeat(self.user_ids, np.diff(self.matrix.indptr))
        columns = self.matrix.indices
        return Interactions.of(
            rows, self.items[columns], self.matrix.data, self.latest, self.msid[columns],
            users=self.user_ids, catalogue=(catalogue, msid),
        )  # fmt: skip

    def without(self, columns: Mapping[int, Ints]) -> "Interactions":
        """The same without the plays of some rows: by row number the columns whose plays are left out."""
        starts, kept = self.matrix.indptr, np.ones(self.matrix.data.size, bool)
        for row, gone in columns.items():
            own = slice(starts[row], starts[row + 1])
            kept[own] = ~np.isin(self.matrix.indices[own], gone)
        left = np.append(0, np.cumsum(kept))[starts]
        values = (self.matrix.data[kept], self.matrix.indices[kept], left)
        return replace(self, matrix=sparse.csr_matrix(values, shape=self.matrix.shape), latest=self.latest[kept])


def _check(user_ids: Ints, items: Uuids, counts: npt.NDArray[Any], latest: Ints, msid: Bools) -> None:
    sizes = {column.shape for column in (user_ids, items, counts, latest, msid)}
    if sizes != {(user_ids.size,)}:
        raise InteractionsError(f"columns differ in length: {sorted(sizes)}")
    if not (counts > 0).all():
        raise InteractionsError("a listen count is not above 0")


def _catalogue(items: Uuids, msid: Bools) -> tuple[Uuids, Bools]:
    names, first, back = np.unique(items, return_index=True, return_inverse=True)
    of_msid = msid[first]
    if not np.array_equal(of_msid[back], msid):
        raise InteractionsError("a uuid is said to be a recording_mbid and a recording_msid")
    return names, of_msid


def _positions(ordered: npt.NDArray[Any], values: npt.NDArray[Any]) -> tuple[Ints, Bools]:
    """Where each value is in an ascending array, and whether it is there."""
    position = np.searchsorted(ordered, values)
    known = position < ordered.size
    known[known] = ordered[position[known]] == values[known]
    return position.astype(np.int64), known


def text_ids(items: Uuids, positions: Sequence[int] | Ints) -> list[str]:
    """Uuids as text, in the order of the positions."""
    return [name.decode("ascii") for name in items[np.asarray(positions, np.int64)].tolist()]
