"""The job of recommendations: blocks of users, each list ranked by the first way that has anything for its user."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from conf.postgres import connect, dsn
from jobs.chain import discovery, model_store
from jobs.chain.candidate_sets import CandidateSets, current_sets
from jobs.chain.catalogue import Catalogue
from jobs.chain.dataframes import current
from jobs.chain.kept import Kept
from jobs.chain.lists import Ranker, Ranking
from jobs.chain.people import asked_user_ids, exclusions_of, user_ids
from jobs.chain.unwanted import unwanted_by
from jobs.engines import models
from jobs.engines.interactions import Ints
from jobs.job import NothingToWorkOnError
from jobs.recommend.dataframes import RECORDINGS
from jobs.recommend.recommendations import ARTIST_TYPES, FEW
from jobs.run_engine import EngineRun, Made

BLOCK = 256
"""Users whose lists are in memory at a time."""
NO_MODEL = "no model yet: `request_model` trains one, `cron_request_recommendations` does all that it takes"
FEW_SAID = "you have heard few recordings lately, so this is what most listeners here hear"
NOTHING_SAID = "nobody here hears what you hear, so this is what most listeners here hear"
BY_THESE_SAID = "nobody here hears what you hear and these artists too, so this is what most listeners hear by them"
ALONE_SAID = "nobody else listens here, so there is nobody to compare you with: these are recordings of your own"
OWN_SAID = "there is nothing here that you have not heard lately, so these are recordings of your own"
EMPTY_SAID = {
    "raw": "nothing was heard here lately that could be recommended to you",
    "top": "you have heard all that anybody here hears by your top artists, or have no top artists yet",
    "similar": "no artist is known here yet that is similar to your top artists",
}


@dataclass(frozen=True)
class _Way:
    """How a list may come about, and what is said of it."""

    ranker: Ranker
    max_heard_share: float
    fallback: str | None
    by_artist: str | None
    """What is said instead where the list is of some artists only."""
    for_few: str | None
    """What is said instead where the user has heard too little for a model; None: then it is none of her ways."""


def recommend(run: EngineRun) -> Made:
    """A document per user and artist type. Raises NothingToWorkOnError: no model yet, unknown user, empty window."""
    trained = model_store.last(run.settings, run.run_id)
    if not trained:
        raise NothingToWorkOnError(NO_MODEL)
    model = trained[0]
    only = asked_user_ids(run)
    if run.base is None:
        only = None  # nothing is served whose other lists could stay
    dataframes = current(run, RECORDINGS)
    everybody = user_ids(run)
    catalogue = Catalogue(dataframes, dataframes.interactions(everybody=everybody), exclusions_of(run))
    asked = run.params.get("artist_type")
    types = ARTIST_TYPES if asked is None else (str(asked),)
    sets = current_sets(run, only) if set(types) != {"raw"} else None
    users = everybody if only is None else only
    with closing(connect(dsn(run.settings), application="request_consumer")) as connection:
        unwanted = unwanted_by(connection, catalogue, users)
    ways = _ways(run, catalogue, model, unwanted)
    return Made(
        _batches(run, catalogue, model, ways, types, sets, discovery.current(run), unwanted),
        said=f"recommendations of {len(users)} users by model {model.id}",
        touched=only,
    )


def _ways(run: EngineRun, catalogue: Catalogue, model: Kept, unwanted: Mapping[int, Ints]) -> list[_Way]:
    """The measured model, what most hear, one's own recordings: in this order.

    `unwanted`: by user what is no reason for anything either.
    """
    share = run.params["max_heard_share"]
    assert isinstance(share, float)
    plays = catalogue.plays
    transformed = model.metadata["use_transformed_listencounts"]
    users = plays.user_ids.tolist()
    asked_with = catalogue.dataframes.interactions(transformed=True, everybody=users) if transformed else plays
    asked_with = asked_with.without(dict(zip(_rows(catalogue, unwanted), unwanted.values(), strict=True)))
    popular = models.fit("popularity", plays, {}, 0)
    own = models.fit("own_history", plays, {}, 0)
    own_said = ALONE_SAID if np.count_nonzero(np.diff(plays.matrix.indptr)) == 1 else OWN_SAID
    return [
        *(_Way(Ranker.of(one, asked_with), share, None, None, None) for one in model_store.models_of(model)),
        _Way(Ranker.of(popular, plays), share, NOTHING_SAID, BY_THESE_SAID, FEW_SAID),
        _Way(Ranker.of(own, plays), 1.0, own_said, own_said, own_said),
    ]


def _batches(  # noqa: PLR0917 - what it is made of, then of whom
    run: EngineRun,
    catalogue: Catalogue,
    model: Kept,
    ways: Sequence[_Way],
    types: Sequence[str],
    sets: CandidateSets | None,
    latest: Kept,
    unwanted: Mapping[int, Ints],
) -> Iterator[pa.RecordBatch]:
    artists = {one: sets.artists(one) if sets is not None and one != "raw" else {} for one in types}
    facts = {"model_id": str(model.id), "made_from": _made_from(run)}
    users = [*unwanted]
    for first in range(0, len(users), BLOCK):
        run.progress(f"recommending: {first} of {len(users)} users")
        block = users[first : first + BLOCK]
        left_out = {user_id: unwanted[user_id] for user_id in block}
        heard_at = discovery.latest_of(latest, block[0], block[-1])
        for artist_type in types:
            limit = run.params[f"recommendation_{artist_type}_limit"]
            assert isinstance(limit, int)
            own = None if artist_type == "raw" else artists[artist_type]
            found = _lists(catalogue, ways, left_out, own, limit)
            nothing = {"kind": ways[0].ranker.model.kind, "fallback": EMPTY_SAID[artist_type], "items": [], "names": {}}
            empty = orjson.dumps({**facts, **nothing}).decode()
            documents = [
                found[user_id].document(catalogue, user_id, heard_at, facts) if user_id in found else empty
                for user_id in block
            ]
            yield _batch(f"recommendations_{artist_type}", block, documents)


def _made_from(run: EngineRun) -> dict[str, int]:
    """In each list: the run that is served may be of some users only, and then says nothing of the others' lists."""
    landing = run.landing
    return {"data_version": landing.landing_id, "position": landing.position, "newest_listen_ts": run.newest}


@dataclass(frozen=True)
class _Listed:
    """A user's list, and how it came about."""

    ranking: Ranking
    fallback: str | None

    def document(
        self, catalogue: Catalogue, user_id: int, latest: Mapping[tuple[int, str], int], facts: Mapping[str, Any]
    ) -> str:
        """As it is stored, `facts` first."""
        kind = self.ranking.ranker.model.kind
        return self.ranking.document(catalogue, user_id, latest, **facts, kind=kind, fallback=self.fallback)


def _lists(
    catalogue: Catalogue,
    ways: Sequence[_Way],
    left_out: Mapping[int, Ints],
    artists: Mapping[int, Sequence[str]] | None,
    count: int,
) -> dict[int, _Listed]:
    """By user id a list, of those for whom there is one.

    `left_out`: by user what must not be in it. `artists`: by user, whose recordings alone may be in it.
    """
    rows = dict(zip(_rows(catalogue, left_out), left_out, strict=True))
    heard = np.diff(catalogue.plays.matrix.indptr)
    found: dict[int, _Listed] = {}
    for way in ways:
        waiting = [row for row, user_id in rows.items() if user_id not in found]
        asked = [row for row in waiting if heard[row] >= FEW or way.for_few is not None]
        if not asked:
            continue
        allowed = None if artists is None else {row: catalogue.of_artists(artists.get(rows[row], ())) for row in asked}
        unwanted = {row: left_out[rows[row]] for row in asked}
        for row, ranking in way.ranker.ranked(unwanted, allowed, count, way.max_heard_share).items():
            if ranking.items.size:
                usual = way.fallback if artists is None else way.by_artist
                found[rows[row]] = _Listed(ranking, usual if heard[row] >= FEW else way.for_few)
    return found


def _rows(catalogue: Catalogue, users: Iterable[int]) -> list[int]:
    """Row numbers of users, all of whom have one."""
    rows: list[int] = np.searchsorted(catalogue.plays.user_ids, np.array([*users], np.int64)).tolist()
    return rows


def _batch(statistic: str, users: Sequence[int], documents: Sequence[str]) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "statistic": pa.array([statistic] * len(users), pa.string()),
            "key": pa.array(users, pa.int64()),
            "doc": pa.array(documents, pa.string()),
        }
    )
