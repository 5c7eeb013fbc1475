"""What one more day changes in what is there: deleted listens, wiped users, corrected mappings."""

import numpy as np
import pyarrow as pa

from dumps.generator import chance
from dumps.generator.catalogue import Catalogue
from dumps.generator.chance import Ids
from dumps.generator.listeners import Listeners
from dumps.generator.plays import Plays
from dumps.generator.rows import Described, credit_mbids, describe_recordings
from dumps.generator.truth import distinct_plays
from jobs.listens.msid import recording_msid

DELETES = 0.0005
"""Share of the listens."""
REMAPS = 0.0001
"""Share of the recordings; only such that clients send without MBIDs."""
WIPES = 0.001
"""Share of the users."""


def deletes(catalogue: Catalogue, listeners: Listeners, plays: Plays) -> pa.Table:
    """Listens of a block that their users delete: user_id, user_name, listened_at (epoch seconds), recording_msid."""
    user, recording, listened_at = distinct_plays(plays)
    gone = chance.uniform(catalogue.seed, "delete", user << 32 ^ listened_at << 8 ^ recording) < DELETES
    return pa.table(
        {
            "user_id": pa.array(user[gone], pa.int32()),
            "user_name": listeners.names().take(pa.array(user[gone] - 1)),
            "listened_at": pa.array(listened_at[gone]),
            "recording_msid": msids(catalogue, recording[gone]),
        }
    )


def remaps(catalogue: Catalogue, recordings: Ids) -> pa.Table:
    """Mappings found for unmapped ones of `recordings`: recording_msid, recording_mbid, release_mbid, artist_mbids."""
    found = chance.uniform(catalogue.seed, "remap", recordings) < REMAPS / (1 - catalogue.mapped(recordings).mean())
    chosen = recordings[found & ~catalogue.mapped(recordings)]
    known = np.ones(len(chosen), dtype=np.bool_)
    return pa.table(
        {
            "recording_msid": msids(catalogue, chosen),
            "recording_mbid": chance.mbids(catalogue.seed, "recording", chosen),
            "release_mbid": chance.mbids(catalogue.seed, "release", catalogue.release_of(chosen)[0]),
            "artist_mbids": credit_mbids(catalogue, catalogue.credits(chosen), known),
        }
    )


def wipes(catalogue: Catalogue, listeners: Listeners) -> pa.Table:
    """Users who delete their whole history: user_id, user_name."""
    gone = pa.array(chance.uniform(catalogue.seed, "wipe", listeners.ids) < WIPES)
    return pa.table(
        {"user_id": pa.array(listeners.ids, pa.int32()).filter(gone), "user_name": listeners.names().filter(gone)}
    )


def msids(catalogue: Catalogue, recordings: Ids) -> pa.Array:
    """The MSID of each recording, as the listen writer makes it; for few recordings."""
    said: Described = describe_recordings(catalogue, recordings)
    rows = said.table.select(["artist_name", "track_name", "release_name", "track_number", "duration_ms"]).to_pylist()
    found = [str(recording_msid(**{**row, "track_number": str(row["track_number"])})) for row in rows]
    return pa.array(found, pa.string()).take(pa.array(said.row))
