"""What recommendations are made of, at one data version: play counts, names, artists, what users leave out."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from jobs.chain.dataframes import Dataframes
from jobs.engines.artist_sets import Artists
from jobs.engines.interactions import UUID_TYPE, Interactions, Ints, Uuids
from jobs.listens.credit_names import names_in
from jobs.listens.msid import fold

Exclusions = Mapping[int, Sequence[tuple[str, str]]]
"""By user id (kind, value_key) of artists and recordings (jobs/inputs.py excluded_key)."""


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
        by = {"artist": self._by_artist, "recording": self._by_recording}
        return together(by[kind][key] for kind, key in self.exclusions.get(user_id, ()) if key in by[kind])

    def places(self, ids: Collection[str]) -> dict[str, Ints]:
        """Positions by id, of those that are a recording here: its own id, an MBID merged into it, an MSID it had."""
        known = list(ids)
        if not known:
            return {}
        at = _places(self.plays.items, np.array(known, UUID_TYPE))
        found = {one: [int(place)] for one, place in zip(known, at, strict=True) if place >= 0}
        others = self.dataframes.other_ids(known)
        meant = _places(self.plays.items, np.array(others["recording"].to_pylist(), UUID_TYPE))
        for one, place in zip(others["id"].to_pylist(), meant.tolist(), strict=True):
            if place >= 0:
                found.setdefault(one, []).append(place)
        return {one: np.array(places, np.int64) for one, places in found.items()}

    @cached_property
    def _named(self) -> pa.Table:
        columns = ["recording", "recording_name", "artist_credit_name"]
        return self.dataframes.recordings.select(columns).combine_chunks()

    @cached_property
    def _artist_place(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.artists.names)}

    @cached_property
    def _by_recording(self) -> dict[str, Ints]:
        return self.places(self._left_out_by("recording"))

    @cached_property
    def _by_artist(self) -> dict[str, Ints]:
        """Positions by what somebody leaves out: an artist's MBID, any of its names, a credit or a name in a credit.

        Whoever may be meant by a name is meant: the answers hide it too, before a run knows of the exclusion.
        """
        wanted = self._left_out_by("artist")
        if not wanted:
            return {}
        artists = {name: {self._artist_place[name]} for name in wanted if name in self._artist_place}
        for name, artist in self._names_of_artists():
            if name in wanted:
                artists.setdefault(name, set()).add(self._artist_place[artist])
        credited: dict[str, list[int]] = {name: [] for name in wanted}
        for at, names in enumerate(self._credited()):
            for name in names & wanted:
                credited[name].append(at)
        return {
            name: np.union1d(
                self.artists.recordings_of(np.array(sorted(artists.get(name, ())), np.int64)),
                np.array(credited[name], np.int64),
            )
            for name in wanted
        }

    def _left_out_by(self, kind: str) -> set[str]:
        return {key for chosen in self.exclusions.values() for own, key in chosen if own == kind}

    def _names_of_artists(self) -> Iterator[tuple[str, str]]:
        """(folded name, artist)."""
        names = self.dataframes.artist_names
        return (
            (fold(name), one) for one, name in zip(*(names[c].to_pylist() for c in names.schema.names), strict=True)
        )

    def _credited(self) -> Iterator[set[str]]:
        """Of each recording its folded credits, and the names in them."""
        columns = (self.dataframes.recordings[name].to_pylist() for name in ("artist_credit_name", "credits"))
        for shown, said in zip(*columns, strict=True):
            credits_ = {fold(shown), *said}
            yield credits_.union(*(names_in(credit) for credit in credits_))


def together(positions: Iterable[Ints]) -> Ints:
    """What is in any of them, ascending, once each."""
    return np.unique(np.concatenate([np.zeros(0, np.int64), *positions]))


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
