"""Lists of recommendations with their reasons: ranked by a model, written as the documents that are served."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from jobs.chain.catalogue import Catalogue, Columns
from jobs.engines.interactions import Floats, Interactions, Ints
from jobs.engines.recommender import PADDING, Model, Reasons
from jobs.recommend.recommendations import EXPLAINED, MOST_REASONS

TOLERANCE = 1e-6
"""Shares add up to the score as exactly as that, relative to a score above 1."""
Item = dict[str, Any]


class UnexplainedError(ArithmeticError):
    """The reasons of a score do not add up to it: names the model and both numbers. Nothing of it is served."""


@dataclass(frozen=True)
class Ranker:
    """A model over the catalogue."""

    model: Model
    plays: Interactions
    """What the model is asked with: the catalogue's users and the model's recordings."""
    columns: Columns

    @classmethod
    def of(cls, model: Model, plays: Interactions) -> "Ranker":
        """`plays`: of the catalogue, transformed if the model wants them so."""
        return cls(model, plays.on(model.items), Columns.between(model.items, plays.items))

    def ranked(
        self, left_out: Mapping[int, Ints], candidates: Mapping[int, Ints] | None, count: int, max_heard_share: float
    ) -> dict[int, "Ranking"]:
        """A list for each row in `left_out`, of what is in `candidates` (None: of everything). Positions: catalogue."""
        rows = np.array(sorted(left_out), np.int64)
        shape = self.plays.matrix.shape
        allowed = None if candidates is None else self.columns.rows(shape, candidates, with_gone=False)
        found = self.model.recommend(
            self.plays,
            rows,
            count,
            exclude_heard=max_heard_share <= 0,
            candidates=allowed,
            excluded=self.columns.rows(shape, left_out, with_gone=True),
            max_heard_share=max_heard_share,
        )
        return {
            int(row): Ranking(self, int(row), items[items != PADDING], scores[items != PADDING])
            for row, items, scores in zip(rows, found.items, found.scores, strict=True)
        }


@dataclass(frozen=True)
class Ranking:
    """One user's list."""

    ranker: Ranker
    row: int
    items: Ints
    """Columns of the model, best first."""
    scores: Floats

    def document(self, catalogue: Catalogue, user_id: int, latest: Mapping[tuple[int, str], int], **facts: Any) -> str:
        """As stored: JSON, `facts` first. `latest`: by (user, uuid) when that was heard. Raises UnexplainedError."""
        positions = self.ranker.columns.of[self.items]
        explained = self.items[:EXPLAINED]
        reasons = self.ranker.model.explain(self.ranker.plays, self.row, explained) if explained.size else []
        items, named = [], set(positions[:EXPLAINED].tolist())
        for at, (position, score) in enumerate(zip(positions.tolist(), self.scores.tolist(), strict=True)):
            uuid = catalogue.plays.items[position].decode()
            item = {
                "id": uuid,
                "msid": bool(catalogue.plays.msid[position]),
                "score": score,
                "latest_listened_at": latest.get((user_id, uuid)),
            }
            if at < len(reasons):
                item["reasons"], used = self._told(catalogue, reasons[at], score)
                named.update(used)
            items.append(item)
        return orjson.dumps({**facts, "items": items, "names": catalogue.names(named)}).decode()

    def _told(self, catalogue: Catalogue, reasons: Reasons, score: float) -> tuple[list[list[Any]], list[int]]:
        """[[uuid, msid, listens, share], ...], what all others say together without an id; and positions named."""
        if abs(float(reasons.shares.sum()) - score) > TOLERANCE * max(1.0, abs(score)):
            raise UnexplainedError(
                f"{self.ranker.model.kind}: reasons add up to {float(reasons.shares.sum())!r}, the score is {score!r}"
            )
        positions = self.ranker.columns.of[reasons.items]
        told = (positions >= 0) & (np.arange(positions.size) < MOST_REASONS)
        listens = self._listens(catalogue, positions)
        rows: list[list[Any]] = [
            [catalogue.plays.items[position].decode(), bool(catalogue.plays.msid[position]), int(count), float(share)]
            for position, count, share in zip(positions[told], listens[told], reasons.shares[told], strict=True)
        ]
        if not told.all():
            rows.append([None, False, int(listens[~told].sum()), float(reasons.shares[~told].sum())])
        return rows, positions[told].tolist()

    def _listens(self, catalogue: Catalogue, positions: Ints) -> Ints:
        """How often each was heard: by everybody where that is the reason, else by the user."""
        if self.ranker.model.kind == "popularity":
            return np.where(positions >= 0, catalogue.listens[positions], 0)
        matrix = catalogue.plays.matrix
        own = slice(matrix.indptr[self.row], matrix.indptr[self.row + 1])
        heard, counts = np.append(matrix.indices[own], PADDING), np.append(matrix.data[own], 0)
        place = np.searchsorted(heard[:-1], positions)  # a place after the last one is that of nothing
        return np.where(heard[place] == positions, counts[place], 0).astype(np.int64)
