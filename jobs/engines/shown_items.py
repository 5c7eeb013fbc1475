"""Which items a listen counts for, as whole columns: identities to display structs. No Spark.

A statistic's items come as rows (identity_id, group_hash, id); what was played as rows of PLAYED. Both are only ints,
so joining them is a look-up in arrays, and no shuffle.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from jobs.engines.int_order import Ints, dense, order_of, starts_of
from jobs.engines.rank_lists import SOURCES

PLAYED = ("key", "identity_id", "windows", "listen_count", *SOURCES)
"""What was played: one row per (key, identity, windows)."""


@dataclass(frozen=True)
class ShownItems:
    """The items of one statistic, by identity. Each (identity, group, struct) once."""

    identities: Ints
    """Those that count for something, ascending."""
    starts: Ints
    """Where the items of each begin, and after the last one their number."""
    group: Ints
    """Places in `groups`."""
    place: Ints
    id: Ints
    groups: Ints
    """The hashes of the groups there are, ascending."""

    def columns(self, played: "Played") -> dict[str, Ints]:
        """The rows of jobs/engines/rank_lists.py INPUT: each played row once for every item of its identity.

        As group_hash the group's place in `groups`: so small a number needs no sorting, and tells groups apart too.
        """
        if not self.identities.size or not played.identities.size:
            return {name: np.zeros(0, np.int64) for name in (*played.columns, "group_hash", "place", "id")}
        found = np.searchsorted(self.identities, played.identities).clip(max=self.identities.size - 1)
        known = self.identities[found] == played.identities
        counts = np.where(known, self.starts[found + 1] - self.starts[found], 0)[played.identity]
        row = np.repeat(np.arange(counts.size), counts)
        inside = np.arange(row.size) - np.repeat(np.cumsum(counts) - counts, counts)
        item = self.starts[found][played.identity[row]] + inside
        columns = {name: column[row] for name, column in played.columns.items()}
        columns |= {"group_hash": self.group[item], "place": self.place[item], "id": self.id[item]}
        return columns

    def hashed(self, capped: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of INPUT with the groups' hashes, which mean the same in every run."""
        place = capped.schema.get_field_index("group_hash")
        hashes = pa.array(self.groups[capped.column(place).to_numpy()])
        return capped.set_column(place, capped.schema.field(place), hashes)


@dataclass(frozen=True)
class Played:
    """Rows of PLAYED by key, ready to be asked for the items of several statistics."""

    identities: Ints
    """Those played, ascending."""
    identity: Ints
    """Of each row the place of its own among them."""
    columns: dict[str, Ints]
    """Of PLAYED, without identity_id, and spelling_count, which is listen_count."""


def played_of(columns: dict[str, Ints]) -> Played:
    """Of the columns of PLAYED."""
    identities, identity = dense(columns["identity_id"])
    order = np.argsort(columns["key"], kind="stable")
    identity = identity[order]
    others = {name: columns[name][order] for name in PLAYED if name != "identity_id"}
    return Played(identities, identity, others | {"spelling_count": others["listen_count"]})


def shown_items(identity_id: Ints, group_hash: Ints, item_id: Ints, ids_in_order: Ints) -> ShownItems:
    """Arrange the items of a statistic. Rows may repeat.

    `ids_in_order`: every struct's id, in the total order of structs. Raises KeyError for an item that is not in it.
    """
    ordered, place_of = _places(ids_in_order)
    found = np.searchsorted(ordered, item_id).clip(max=max(ordered.size - 1, 0))
    if item_id.size and (not ordered.size or (ordered[found] != item_id).any()):
        raise KeyError("an item has no place in the order of all display structs")
    place = place_of[found] if item_id.size else item_id
    order = order_of(identity_id, place, group_hash)
    order = order[starts_of(identity_id[order], place[order], group_hash[order])]
    by_identity = identity_id[order]
    starts = starts_of(by_identity)
    groups, group = dense(group_hash[order])
    return ShownItems(by_identity[starts], np.append(starts, order.size), group, place[order], item_id[order], groups)


def _places(ids_in_order: Ints) -> tuple[Ints, Ints]:
    """The ids ascending, and the place of each."""
    order = np.argsort(ids_in_order)
    return ids_in_order[order], order
