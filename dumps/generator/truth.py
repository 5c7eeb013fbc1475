"""What must come out: counts of the plays made with numpy from the generator's own numbers, not through any job."""

import numpy as np
import pyarrow as pa

from dumps.generator import chance
from dumps.generator.catalogue import Catalogue
from dumps.generator.chance import Ids
from dumps.generator.plays import Plays
from jobs.listens.msid import fold


def distinct_plays(plays: Plays) -> tuple[Ids, Ids, Ids]:
    """(user, recording, listened_at) with duplicates once, as every store must hold them; in order of user and time."""
    order = np.lexsort((plays.recording, plays.listened_at, plays.user))
    columns = [column[order] for column in (plays.user, plays.recording, plays.listened_at)]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    user, recording, listened_at = (column[first] for column in columns)
    return user, recording, listened_at


def listen_counts(plays: Plays) -> pa.Table:
    """Listens per user of a block: user_id, listen_count, oldest and newest (epoch seconds)."""
    user, _, listened_at = distinct_plays(plays)
    ids, first, count = np.unique(user, return_index=True, return_counts=True)
    return pa.table(
        {
            "user_id": pa.array(ids, pa.int32()),
            "listen_count": pa.array(count),
            "oldest": pa.array(np.minimum.reduceat(listened_at, first)),
            "newest": pa.array(np.maximum.reduceat(listened_at, first)),
        }
    )


def top_artists(catalogue: Catalogue, plays: Plays) -> pa.Table:
    """Listens per user and artist of a block, all time: user_id, artist_key, artist_mbid (or null), listen_count.

    A listen counts once for each artist of its credit; the key is the folded credit text, and one without MBIDs counts
    for that text. Rows are in order of user, count descending, key, MBID.
    """
    user, recording, _ = distinct_plays(plays)
    known, index = np.unique(recording, return_inverse=True)
    keys, key_of = _keys(catalogue, known)
    credited = np.where(catalogue.mapped(known)[:, None], catalogue.credits(known).artists, -1)
    credited[credited[:, 0] < 0, 0] = -2
    column = credited[index]
    row, slot = np.nonzero(column != -1)
    spread = catalogue.scale.artists + 2  # of artist numbers, from -2 upwards
    groups = (user[row] * len(keys) + key_of[index][row]) * spread + column[row, slot] + 2
    distinct, count = np.unique(groups, return_counts=True)
    pair, artist = distinct // spread, distinct % spread - 2
    table = pa.table(
        {
            "user_id": pa.array(pair // len(keys), pa.int32()),
            "artist_key": pa.array(keys).take(pa.array(pair % len(keys))),
            "artist_mbid": _mbids(catalogue, artist),
            "listen_count": pa.array(count),
        }
    )
    order = [("user_id", "ascending"), ("listen_count", "descending"), ("artist_key", "ascending")]
    return table.sort_by([*order, ("artist_mbid", "ascending")])


def _keys(catalogue: Catalogue, recordings: Ids) -> tuple[list[str], Ids]:
    """Folded credit texts, and which one each recording has: two credits may read the same."""
    text = catalogue.credit_names(catalogue.credits(recordings)).dictionary_encode()
    folded = [fold(name) for name in text.dictionary.to_pylist()]
    keys = sorted(set(folded))
    number = {key: at for at, key in enumerate(keys)}
    codes = np.array([number[key] for key in folded], dtype=np.int64)
    return keys, codes[text.indices.to_numpy()]


def _mbids(catalogue: Catalogue, artists: Ids) -> pa.Array:
    named = chance.mbids(catalogue.seed, "artist", np.maximum(artists, 0)).to_numpy(zero_copy_only=False)
    return pa.array(named, pa.string(), mask=artists < 0)
