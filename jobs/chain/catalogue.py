"""What recommendations are made of, at one data version: play counts, names, artists, what users leave out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from jobs.chain.dataframes import Dataframes
from jobs.engines.artist_sets import Artists
from jobs.engines.interactions import Interactions, Ints, Uuids

Exclusions = Mapping[int, Sequence[tuple[str, str]]]
"""By user id (kind, value_key) of the table exclusions: artists and recordings."""


@dataclass(frozen=True)
class Catalogue:
    """All recordings that anybody heard in the window."""

    dataframes: Dataframes
    plays: Interactions
    """Play counts as they are."""
    exclusions: Exclusions

    @cached_property
    def artists(self) -> Artists:
        """Who recordings are by, in the order of plays.items."""
        return Artists.of(self.dataframes.recordings["artists"].to_pylist())

    @cached_property
    def listens(self) -> Ints:
        """Everybody's plays, by recording."""
        return np.asarray(self.plays.matrix.sum(axis=0), np.int64).ravel()

    def names(self, positions: Iterable[int]) -> dict[str, list[str]]:
        """[recording_name, artist_credit_name] by uuid."""
        chosen = self._named.take(sorted(set(positions)))
        columns = (chosen[name].to_pylist() for name in ("recording", "recording_name", "artist_credit_name"))
        return {uuid: [name, credit] for uuid, name, credit in zip(*columns, strict=True)}

    def of_artists(self, names: Iterable[str]) -> Ints:
        """Positions of all recordings by any of these artists, ascending; one that nobody hears has none."""
        place = self._artist_place
        return self.artists.recordings_of(np.array([place[name] for name in names if name in place], np.int64))

    def left_out(self, user_id: int) -> Ints:
        """Positions of what the user does not want to hear of, ascending."""
        chosen = self.exclusions.get(user_id, ())
        if not chosen:
            return np.zeros(0, np.int64)
        artists = {key for kind, key in chosen if kind == "artist"}
        recordings = {key for kind, key in chosen if kind == "recording"}
        credited = [at for at, keys in enumerate(self._credits) if not artists.isdisjoint(keys)]
        named = [at for at, uuid in enumerate(self._uuids) if uuid in recordings]
        return np.union1d(self.of_artists(artists), np.array([*credited, *named], np.int64))

    @cached_property
    def _named(self) -> pa.Table:
        columns = ["recording", "recording_name", "artist_credit_name"]
        return self.dataframes.recordings.select(columns).combine_chunks()

    @cached_property
    def _artist_place(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.artists.names)}

    @cached_property
    def _credits(self) -> list[list[str]]:
        credits_: list[list[str]] = self.dataframes.recordings["credits"].to_pylist()
        return credits_

    @cached_property
    def _uuids(self) -> list[str]:
        uuids: list[str] = self.dataframes.recordings["recording"].to_pylist()
        return uuids


@dataclass(frozen=True)
class Columns:
    """The columns of a model's matrix as positions in the catalogue, and back."""

    of: Ints
    """By column of the model the position in the catalogue; -1: nobody hears it any more."""
    back: Ints
    """By position in the catalogue the column of the model; -1: it came after the model was trained."""

    @classmethod
    def between(cls, model_items: Uuids, items: Uuids) -> "Columns":
        """Both ascending."""
        return cls(_places(items, model_items), _places(model_items, items))

    def rows(self, shape: tuple[int, int], positions: Mapping[int, Ints], *, with_gone: bool) -> Any:
        """csr_matrix (users, model's columns) of bool: in these rows what is at these positions of the catalogue.

        `with_gone`: and what nobody hears any more.
        """
        gone = np.flatnonzero(self.of < 0) if with_gone else np.zeros(0, np.int64)
        lengths = np.zeros(shape[0], np.int64)
        found = []
        for row in sorted(positions):
            columns = self.back[positions[row]]
            chosen = np.union1d(columns[columns >= 0], gone)
            lengths[row] = chosen.size
            found.append(chosen)
        columns = np.concatenate(found) if found else np.zeros(0, np.int64)
        return sparse.csr_matrix((np.ones(columns.size, bool), columns, np.append(0, np.cumsum(lengths))), shape=shape)


def _places(ordered: Uuids, values: Uuids) -> Ints:
    if not ordered.size:
        return np.full(values.size, -1, np.int64)
    place = np.minimum(np.searchsorted(ordered, values), ordered.size - 1)
    return np.where(ordered[place] == values, place, -1).astype(np.int64)
