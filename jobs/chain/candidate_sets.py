"""The job of candidate sets: Parquet of (artist_type, user_id, artist), a row per artist of a user's set."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet
from scipy import sparse

from conf.postgres import connect, dsn, transaction
from jobs import result_files
from jobs.chain.dataframes import current, facts_of, is_of
from jobs.chain.kept import Kept, finish, home, kept, remove_older
from jobs.chain.people import asked_user_ids
from jobs.engines.artist_sets import Artists, shared_listeners, similar_artists, top_artists
from jobs.engines.interactions import Interactions, Ints
from jobs.recommend.candidate_sets import DAYS, SIMILAR, TOP
from jobs.recommend.dataframes import RECORDINGS
from jobs.result_files import filesystem
from jobs.run_engine import EngineRun, Made

WHAT = "candidate_sets"
_INDEX = """
SELECT entity::text, doc FROM result_entity_document
 WHERE statistic = 'similar_artists' AND stats_range = 'all_time' AND entity = ANY(%s::uuid[])
"""


@dataclass(frozen=True)
class CandidateSets:
    """Artists by artist type and user."""

    kept: Kept

    def artists(self, artist_type: str) -> dict[int, list[str]]:
        """By user id."""
        files, path = filesystem(f"{self.kept.url}/artists.parquet")
        rows = pyarrow.parquet.read_table(path, filesystem=files, filters=[("artist_type", "=", artist_type)])
        found: dict[int, list[str]] = {}
        for user_id, artist in zip(rows["user_id"].to_pylist(), rows["artist"].to_pylist(), strict=True):
            found.setdefault(user_id, []).append(artist)
        return found


def create(run: EngineRun) -> Made:
    """The job. Raises NothingToWorkOnError for an unknown user and for an empty window."""
    only = asked_user_ids(run)
    days, top, similar = (run.params[name] for name in ("days", "top", "similar"))
    made = _made(run, _whole(days), _whole(top), _whole(similar), only).metadata
    return Made(said=f"candidate sets of {made['users_count']} users, of their last {days} days")


def current_sets(run: EngineRun, only: Sequence[int] | None) -> CandidateSets:
    """Those of this data version and T, if they have these users; else new ones with the settings of the last."""
    last = next(iter(kept(run.settings.lake, WHAT)), None)
    if last is not None and is_of(last, run) and last.metadata["users"] in (None, only):
        return CandidateSets(last)
    settings = {"days": DAYS, "top": TOP, "similar": SIMILAR} | (dict(last.metadata["settings"]) if last else {})
    return CandidateSets(_made(run, settings["days"], settings["top"], settings["similar"], only))


def _made(run: EngineRun, days: int, top: int, similar: int, only: Sequence[int] | None) -> Kept:
    dataframes = current(run, RECORDINGS)
    run.progress("looking up top artists")
    interactions = dataframes.interactions()
    artists = Artists.of(dataframes.recordings["artists"].to_pylist())
    everything = sparse.csr_matrix(interactions.matrix, dtype=np.float64) @ artists.by
    counts = _late_counts(run, days, interactions, artists, everything)
    tops = top_artists(counts, top)
    similars = similar_artists(tops, counts, similar, _nearest(run, artists, everything, tops))
    asked = set(interactions.user_ids.tolist() if only is None else only)
    rows = [
        (artist_type, int(user_id), artists.names[artist])
        for artist_type, sets in (("top", tops), ("similar", similars))
        for user_id, chosen in zip(interactions.user_ids, sets, strict=True)
        if user_id in asked
        for artist in chosen
    ]
    url = f"{home(run.settings.lake, WHAT)}/{run.run_id}"
    names = ("artist_type", "user_id", "artist")
    types = (pa.string(), pa.int64(), pa.string())
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    table = pa.table({name: pa.array(column, kind) for name, column, kind in zip(names, columns, types, strict=True)})
    result_files.write(f"{url}/artists.parquet", table)
    metadata = facts_of(run) | {
        "settings": {"days": days, "top": top, "similar": similar},
        "users": None if only is None else list(only),
        "users_count": len({user_id for _, user_id, _ in rows}),
        "dataframe_id": str(dataframes.kept.id),
    }
    finish(url, metadata)
    remove_older(run.settings.lake, WHAT, {run.run_id}, run.now)
    return Kept(run.run_id, url, metadata)


def _late_counts(run: EngineRun, days: int, interactions: Interactions, artists: Artists, everything: Any) -> Any:
    """Plays of artists in the last days; of who has none in them, in the whole window."""
    plays = run.within(days).named("recording_plays").select("user_id", "recording", "listen_count").toArrow()
    row, known_user = _places(interactions.user_ids, plays["user_id"].to_numpy().astype(np.int64))
    names = np.array(plays["recording"].to_pylist(), interactions.items.dtype)
    column, known_item = _places(interactions.items, names)
    both = known_user & known_item
    counted = plays["listen_count"].to_numpy().astype(np.float64)[both]
    late = sparse.csr_matrix((counted, (row[both], column[both])), shape=interactions.matrix.shape) @ artists.by
    silent = sparse.diags((np.diff(late.indptr) == 0).astype(np.float64))
    return sparse.csr_matrix(late + silent @ everything)


def _places(ordered: Any, values: Any) -> tuple[Ints, Any]:
    place = np.searchsorted(ordered, values)
    inside = np.minimum(place, max(0, len(ordered) - 1))
    return inside, ordered[inside] == values if len(ordered) else np.zeros(len(values), bool)


def _nearest(
    run: EngineRun, artists: Artists, everything: Any, tops: Sequence[Ints]
) -> Mapping[int, Sequence[tuple[int, float]]]:
    """By artist its similar ones: of the index where it has any among the artists heard here, else by listeners."""
    wanted = {artists.names[artist]: int(artist) for chosen in tops for artist in chosen}
    place = {name: at for at, name in enumerate(artists.names)}
    indexed: dict[int, list[tuple[int, float]]] = {}
    for mbid, items in _index(run, [name for name in wanted if _is_mbid(name)]):
        known = [(place[item["artist_mbid"]], float(item["score"])) for item in items if item["artist_mbid"] in place]
        if known:
            greatest = max(score for _, score in known)
            indexed[wanted[mbid]] = [(other, score / greatest) for other, score in known]
    others = np.array(sorted(set(wanted.values()) - indexed.keys()), np.int64)
    return shared_listeners(everything, others) | indexed


def _index(run: EngineRun, mbids: list[str]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Documents of similarity.artist as they are served, by MBID."""
    if not mbids:
        return []
    connected = closing(connect(dsn(run.settings), application="request_consumer"))
    with connected as connection, transaction(connection) as cursor:
        cursor.execute(_INDEX, (mbids,))
        return [(mbid, orjson.loads(doc)["items"]) for mbid, doc in cursor.fetchall()]


def _is_mbid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
