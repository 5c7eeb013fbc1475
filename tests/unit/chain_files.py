"""Dataframes as Spark writes them, from plain rows, without Spark."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.chain.dataframes import Dataframes
from jobs.chain.kept import Kept

Plays = Mapping[tuple[int, str], int]
"""(user id, recording uuid) to play count."""


def dataframes(
    folder: Path,
    plays: Plays,
    artists: Mapping[str, str] | None = None,
    mbids: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    other_ids: Mapping[str, str] | None = None,
    below: Plays | None = None,
) -> Dataframes:
    """`artists`: by recording its artist's name; without it everything is by one.

    `mbids`: by name those of artists who have one; `names`: how they are called, by MBID; `other_ids`: recordings by
    another id; `below`: plays of those recordings by users who have too few for the others.
    """
    users = sorted({user_id for user_id, _ in plays})
    recordings = sorted({uuid for _, uuid in plays})
    named = {uuid: (artists or {}).get(uuid, "low") for uuid in recordings}
    rows = [(users.index(user) + 1, recordings.index(uuid) + 1, count) for (user, uuid), count in plays.items()]
    few = [(user, recordings.index(uuid) + 1, count) for (user, uuid), count in (below or {}).items()]
    tables = {
        "users": pa.table({"spark_user_id": range(1, len(users) + 1), "user_id": users}),
        "recordings": pa.table(
            {
                "recording": recordings,
                "msid": [False] * len(recordings),
                "recording_name": [f"song {uuid[-2:]}" for uuid in recordings],
                "artist_credit_name": [named[uuid].title() for uuid in recordings],
                "credits": [[named[uuid]] for uuid in recordings],
                "artists": [[(mbids or {}).get(named[uuid], named[uuid])] for uuid in recordings],
            }
        ),
        "artist_names": _texts("artist", "name", list((names or {}).items())),
        "other_ids": _texts("id", "recording", list((other_ids or {}).items())),
        "playcounts": pa.table(
            {
                "spark_user_id": [row[0] for row in rows],
                "recording_id": [row[1] for row in rows],
                "playcount": [row[2] for row in rows],
                "transformed_listencount": [20.0 if row[2] == 1 else 30.0 + min(row[2], 20) for row in rows],
                "latest_listened_at": [1_700_000_000] * len(rows),
            }
        ),
    }
    columns = enumerate(("user_id", "recording_id", "playcount"))
    tables["heard_below"] = pa.table({name: pa.array([row[at] for row in few], pa.int64()) for at, name in columns})
    for name, table in tables.items():
        (folder / name).mkdir(parents=True)
        pq.write_table(table, folder / name / "part-0.parquet")
    return Dataframes(Kept(UUID(int=1), str(folder), {}))


def _texts(first: str, second: str, rows: Sequence[tuple[str, str]]) -> pa.Table:
    return pa.table({name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate((first, second))})
