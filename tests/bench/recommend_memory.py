"""A recommend job of one size in a process of its own: how long its lists took and the most memory it had.

python -m tests.bench.recommend_memory USERS RECORDINGS PAIRS    prints JSON: seconds, peak and starting MB, bytes
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.chain.catalogue import Catalogue
from jobs.chain.dataframes import Dataframes
from jobs.chain.kept import Kept
from jobs.chain.lists import Ranker
from jobs.chain.recommending import BLOCK
from jobs.engines import models

LIMIT = 1000
MEGABYTE = 1024


def write_dataframes(folder: Path, users: int, recordings: int, pairs: int, seed: int = 6) -> Dataframes:
    """As the job of dataframes writes them: few recordings are heard by many, most by hardly anybody."""
    chance = np.random.default_rng(seed)
    recording = np.floor(recordings ** chance.random(pairs) ** 0.7).astype(np.int64) - 1
    pair = np.unique(chance.integers(0, users, pairs) * recordings + recording)
    names = [str(UUID(int=number << 8, version=4)) for number in range(recordings)]
    tables = {
        "users": {"spark_user_id": np.arange(1, users + 1), "user_id": np.arange(1, users + 1)},
        "recordings": {
            "recording": sorted(names),
            "msid": np.zeros(recordings, bool),
            "recording_name": [f"Song {number}" for number in range(recordings)],
            "artist_credit_name": [f"Artist {number // 10}" for number in range(recordings)],
            "credits": [[f"artist {number // 10}"] for number in range(recordings)],
            "artists": [[f"artist {number // 10}"] for number in range(recordings)],
        },
        "playcounts": {
            "spark_user_id": pair // recordings + 1,
            "recording_id": pair % recordings + 1,
            "playcount": chance.geometric(0.4, pair.size),
            "transformed_listencount": np.full(pair.size, 20, np.float32),
            "latest_listened_at": np.full(pair.size, 1_700_000_000),
        },
    }
    for name, columns in tables.items():
        (folder / name).mkdir()
        pq.write_table(pa.table(columns), folder / name / "part-0.parquet")
    return Dataframes(Kept(UUID(int=1), str(folder), {}))


def main(users: int, recordings: int, pairs: int) -> None:
    """Lists of everybody by item-item neighbours, written nowhere: what one block has is gone before the next."""
    with tempfile.TemporaryDirectory() as temporary:
        dataframes = write_dataframes(Path(temporary), users, recordings, pairs)
        known = Catalogue(dataframes, dataframes.interactions(), {})
        ranker = Ranker.of(models.fit("item_item", known.plays, {}, 0), known.plays)
        before, started, written = _peak(), time.perf_counter(), 0
        nothing = np.zeros(0, np.int64)
        for first in range(0, users, BLOCK):
            rows = dict.fromkeys(range(first, min(users, first + BLOCK)), nothing)
            for row, ranking in ranker.ranked(rows, None, LIMIT, 0.0).items():
                written += len(ranking.document(known, row + 1, {}, kind="item_item"))
        seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak": _peak(), "before": before, "bytes": written}))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
