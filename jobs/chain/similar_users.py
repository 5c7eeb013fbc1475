"""The job of similar users: blocks of rows of X.X^T, each a batch of documents."""

from collections.abc import Iterator

import numpy as np
import orjson
import pyarrow as pa

from jobs.chain.dataframes import current
from jobs.engines.interactions import Interactions
from jobs.engines.similar import Neighbours, most_similar
from jobs.recommend.dataframes import SIMILAR_USERS
from jobs.run_engine import EngineRun, Made

STATISTIC = "similar_users"


def similar_users(run: EngineRun) -> Made:
    """A document per user who is similar to anybody. Raises NothingToWorkOnError for an empty window."""
    interactions = current(run, SIMILAR_USERS).interactions()
    count = run.params["max_num_users"]
    assert isinstance(count, int)
    return Made(_documents(run, interactions, count))


def _documents(run: EngineRun, interactions: Interactions, count: int) -> Iterator[pa.RecordBatch]:
    total = interactions.user_ids.size
    for block in most_similar(interactions.matrix, count):
        run.progress(f"comparing users: {block.first} of {total}")
        yield _batch(block, interactions)


def _batch(block: Neighbours, interactions: Interactions) -> pa.RecordBatch:
    own = np.flatnonzero(np.diff(block.starts))
    documents = [_document(block, int(row), interactions) for row in own]
    return pa.record_batch(
        {
            "statistic": pa.array([STATISTIC] * own.size, pa.string()),
            "key": interactions.user_ids[block.first + own],
            "doc": pa.array(documents, pa.string()),
        }
    )


def _document(block: Neighbours, row: int, interactions: Interactions) -> str:
    """[[user id, score], ...], most similar first."""
    stretch = slice(block.starts[row], block.starts[row + 1])
    others = interactions.user_ids[block.rows[stretch]].tolist()
    return orjson.dumps(list(zip(others, block.scores[stretch].tolist(), strict=True))).decode()
