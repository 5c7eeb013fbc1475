"""The job of recommendations: blocks of users, each list ranked by the first way that has anything for its user."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from conf.postgres import connect, dsn
from jobs.chain import discovery, model_store
from jobs.chain.candidate_sets import CandidateSets, current_sets
from jobs.chain.catalogue import Catalogue, together
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
NO_LISTENS = "there are no listens yet, so there is nothing to recommend"
FEW_SAID = "you have heard few recordings lately, so this is what most listeners here hear"
NOTHING_SAID = "nobody here hears what you hear, so this is what most listeners here hear"
FEW_BY_THESE_SAID = "you have heard few recordings lately, so this is what most listeners hear by these artists"
BY_THESE_SAID = "nobody here hears what you hear and these artists too, so this is what most listeners hear by them"
ALONE_SAID = "nobody else listens here, so there is nobody to compare you with: these are recordings of your own"
OWN_SAID = "there is nothing here that you have not heard lately, so these are recordings of your own"
# Said of a list that stays empty: on an instance of one user, say, no other way is left. The answer is then this text,
# not an empty one (204): who asks shall not have to guess whether anything was computed for her.
EMPTY_SAID = {
    "raw": "nothing was heard here lately that could be recommended to you",
    "top": "nothing was heard here lately by your top artists that could be recommended to you",
    "similar": "no artist is known here yet that is similar to your top artists",
}


class _Case(NamedTuple):
    """What a list is of, and for whom."""

    by_artist: bool
    few: bool
    """She has heard too little for a model."""


@dataclass(frozen=True)
class _Way:
    """How a list may come about."""

    ranker: Ranker
    max_heard_share: float
    said: Mapping[_Case, str | None]
    """By the cases in which it is a way, what is said of the list."""
    any_artist: bool = False
    """A list of some artists is of all others too: who has heard too little has no artists that would do."""


_MEASURED = {_Case(by_artist, few=False): None for by_artist in (False, True)}
_POPULAR = {
    _Case(by_artist=False, few=False): NOTHING_SAID,
    _Case(by_artist=True, few=False): BY_THESE_SAID,
    _Case(by_artist=False, few=True): FEW_SAID,
    _Case(by_artist=True, few=True): FEW_BY_THESE_SAID,
}
_POPULAR_BY_ANYBODY = {_Case(by_artist=True, few=True): FEW_SAID}


def recommend(run: EngineRun) -> Made:
    """A document per user and artist type. Raises NothingToWorkOnError: no model yet, unknown user, empty window."""
    model = model_store.newest(run.settings, run.run_id)
    if model is None:
        raise NothingToWorkOnError(NO_LISTENS if run.nothing_left else NO_MODEL)
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
    measured = [Ranker.of(one, asked_with) for one in model_store.models_of(model)]
    most_heard = Ranker.of(popular, plays)
    return [
        *(_Way(one, share, _MEASURED) for one in measured),
        _Way(most_heard, share, _POPULAR),
        _Way(most_heard, share, _POPULAR_BY_ANYBODY, any_artist=True),
        _Way(Ranker.of(own, plays), 1.0, dict.fromkeys(_POPULAR, own_said)),
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
        left_out = _left_out(catalogue, block, unwanted)
        heard_at = discovery.latest_of(latest, block)
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


def _left_out(catalogue: Catalogue, users: Sequence[int], unwanted: Mapping[int, Ints]) -> dict[int, Ints]:
    """By user what must not be in her list: what she does not want, and what she heard although her row says nothing.

    Who has too few listens for the dataframes has an empty row, so no limit of what was heard would find it.
    """
    below = catalogue.dataframes.heard_below(users)
    return {
        user_id: together((unwanted[user_id], below[user_id].positions)) if user_id in below else unwanted[user_id]
        for user_id in users
    }


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
    cases = {row: _Case(artists is not None, bool(heard[row] < FEW)) for row in rows}
    found: dict[int, _Listed] = {}
    for way in ways:
        asked = [row for row, user_id in rows.items() if user_id not in found and cases[row] in way.said]
        if not asked:
            continue
        unwanted = {row: left_out[rows[row]] for row in asked}
        allowed = None
        if artists is not None and not way.any_artist:
            allowed = {row: catalogue.of_artists(artists.get(rows[row], ())) for row in asked}
        for row, ranking in way.ranker.ranked(unwanted, allowed, count, way.max_heard_share).items():
            if ranking.items.size:
                found[rows[row]] = _Listed(ranking, way.said[cases[row]])
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
