"""Listens with their times, cut into what a model may know and what it is asked to foresee. Never at random."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from jobs.engines.interactions import Bools, Interactions, Ints, Uuids

FOLDS = 3
"""Validation windows."""


class NothingToMeasureError(ValueError):
    """Nobody has listens both before and after the cut, so no model can be said to be better than another."""


class Windows(NamedTuple):
    """Moments, epoch seconds, ascending; each window has its first second and not its last."""

    validation_from: tuple[int, ...]
    """Before each of them models are fitted whose parameters are compared on what is heard until the next one."""
    test_from: int
    """Before it the chosen ones are fitted, to be measured on what is heard from here to until."""
    until: int

    @property
    def validation(self) -> list[tuple[int, int]]:
        """Begin and end of each validation window; the last one ends where the test begins."""
        return list(pairwise((*self.validation_from, self.test_from)))


@dataclass(frozen=True)
class Timeline:
    """Listens in columns. A row may also be several listens of a user and item, such as those of a day, at one time."""

    user_ids: Ints
    """users.id by row of a matrix, ascending."""
    items: Uuids
    """By column, ascending: everything that was ever heard here, the catalogue that is ranked."""
    msid: Bools
    """By column, as in Interactions."""
    user: Ints
    """Row number of each listen."""
    item: Ints
    """Column number of each listen."""
    listened_at: Ints
    """Epoch seconds of each listen."""
    listen_count: Ints
    """How many listens a row is."""

    @classmethod
    def of(
        cls,
        user_ids: npt.ArrayLike,
        items: npt.ArrayLike,
        listened_at: npt.ArrayLike,
        msid: npt.ArrayLike,
        listen_counts: npt.ArrayLike | None = None,
    ) -> "Timeline":
        """From flat columns in any order; without counts each row is one listen."""
        users, user = np.unique(np.asarray(user_ids, np.int64), return_inverse=True)
        names, first, item = np.unique(np.asarray(items, "S36"), return_index=True, return_inverse=True)
        at = np.asarray(listened_at, np.int64)
        counts = np.ones(at.size, np.int64) if listen_counts is None else np.asarray(listen_counts, np.int64)
        of_msid = np.asarray(msid, bool)[first]
        return cls(users, names, of_msid, user.astype(np.int64), item.astype(np.int64), at, counts)

    def before(self, end: int) -> Interactions:
        """Play counts of all listens before a moment; every user and item keeps its row and column."""
        pairs, inside, which = self._pairs(self.listened_at < end)
        counts = np.bincount(which, self.listen_count[inside], minlength=pairs.size)
        latest = np.zeros(pairs.size, np.int64)
        np.maximum.at(latest, which, self.listened_at[inside])
        width = max(1, self.items.size)
        row, column = pairs // width, pairs % width
        return Interactions.of(
            self.user_ids[row], self.items[column], counts, latest, self.msid[column],
            users=self.user_ids, catalogue=(self.items, self.msid),
        )  # fmt: skip

    def listens_before(self, end: int) -> Ints:
        """By row, how many listens a user has before a moment: listens, whatever `before` makes of play counts."""
        inside = self.listened_at < end
        counts = np.bincount(self.user[inside], self.listen_count[inside], minlength=self.user_ids.size)
        return counts.astype(np.int64)

    def heard(self, start: int, end: int) -> Any:
        """csr_matrix (users, items) of bool: what was heard from `start` until before `end`."""
        pairs, _, _ = self._pairs((self.listened_at >= start) & (self.listened_at < end))
        shape = (self.user_ids.size, self.items.size)
        width = max(1, self.items.size)
        return sparse.csr_matrix((np.ones(pairs.size, bool), (pairs // width, pairs % width)), shape=shape)

    def windows(self, test_share: float = 0.2, validation_share: float = 0.3, folds: int = FOLDS) -> Windows:
        """The last `test_share` of all listens are the test, of the rest the last `validation_share` the validation.

        That is cut into `folds` windows of as many listens, for one window alone would choose by chance. Listens of
        one second are on one side. Raises NothingToMeasureError without listens.
        """
        if not self.listened_at.size:
            raise NothingToMeasureError("there are no listens to measure models on")
        order = np.argsort(self.listened_at, kind="stable")
        reached = np.cumsum(self.listen_count[order])
        shares = (1 - test_share) * np.append(1 - validation_share * np.arange(folds, 0, -1) / folds, 1)
        places = np.searchsorted(reached, reached[-1] * shares, side="right")
        *validation, test = self.listened_at[order][places].tolist()
        return Windows(tuple(validation), test, int(self.listened_at.max()) + 1)

    def _pairs(self, chosen: Bools) -> tuple[Ints, Ints, Ints]:
        """Distinct (user, item) as one number each, the rows chosen, and which of the pairs each of these is of."""
        inside = np.flatnonzero(chosen)
        pairs, which = np.unique(self.user[inside] * self.items.size + self.item[inside], return_inverse=True)
        return pairs, inside, which


@dataclass(frozen=True)
class Trial:
    """What some users heard before a moment, and which of the items heard after it are to be foreseen."""

    known: Interactions
    """Of all users: models are fitted on it."""
    users: Ints
    """Row numbers of those measured: with listens before and something to foresee after, ascending."""
    listens: Ints
    """How many listens each of them has before the moment: how active they are, whatever play counts `known` has."""
    held_out: Any
    """csr_matrix (len(users), items) of bool."""
    new_only: bool
    """Whether only items count, and are listed, that the user had not heard before."""


def trial(
    timeline: Timeline, known: Interactions, start: int, end: int, *, new_only: bool, most_users: int, seed: int
) -> Trial:
    """Of the listens from `start` until before `end`; beyond `most_users` so many are drawn.

    `known` is timeline.before(start). Raises NothingToMeasureError.
    """
    heard = timeline.heard(start, end)
    if new_only:
        heard = sparse.csr_matrix(heard > heard.multiply(known.matrix.astype(bool)))
    users = np.flatnonzero((np.diff(heard.indptr) > 0) & (np.diff(known.matrix.indptr) > 0))
    if not users.size:
        what = "something new to them after" if new_only else "after"
        raise NothingToMeasureError(f"nobody has listens before the moment {start} and {what} it")
    if users.size > most_users:
        users = np.sort(np.random.default_rng(seed).choice(users, most_users, replace=False))
    return Trial(known, users, timeline.listens_before(start)[users], heard[users], new_only)
