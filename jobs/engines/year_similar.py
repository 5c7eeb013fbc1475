"""Users who heard the same recordings in a year: exact cosines of their play counts (jobs.md 8, 12). Spark side."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from scipy.sparse import csr_matrix

from jobs.engines.plays import Moment
from jobs.engines.similar import most_similar

LEAST_LISTENS = 50
"""Who has no more than these in the year is compared with nobody."""
MOST_SIMILAR = 25
_SCHEMA = "key bigint, other bigint, score double, place int"


def similar_in_year(frames: Mapping[str, DataFrame], moment: Moment) -> DataFrame:
    """One row per (key, other): score, place from 1; ties: the greater user id first. Reads year_recording.

    What users heard is gathered by the driver: three values per (user, recording) of those who are compared.
    """
    del moment
    played = frames["year_recording"]
    enough = played.groupBy("key").agg(F.sum("listen_count").alias("together"))
    enough = enough.where(F.col("together") > LEAST_LISTENS)
    rows = played.join(enough, "key", "left_semi").select("key", "recording", "listen_count").toArrow()
    found = similar(
        rows["key"].to_numpy(),
        rows["recording"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False),
        rows["listen_count"].to_numpy(),
    )
    return played.sparkSession.createDataFrame(list(found), _SCHEMA)


def similar(
    keys: npt.NDArray[np.int64], recordings: npt.NDArray[np.int32], counts: npt.NDArray[np.int64]
) -> Iterator[tuple[int, int, float, int]]:
    """(user, other, score, place) of rows (user, number of a recording, listens), each pair once."""
    if not len(keys):
        return
    users, row_of = np.unique(keys, return_inverse=True)
    matrix = csr_matrix((counts, (row_of, recordings)), shape=(len(users), int(recordings.max()) + 1))
    for stretch in most_similar(matrix, MOST_SIMILAR):
        for at, (start, end) in enumerate(zip(stretch.starts[:-1], stretch.starts[1:], strict=True)):
            user = int(users[stretch.first + at])
            for place, position in enumerate(range(start, end), 1):
                yield user, int(users[stretch.rows[position]]), float(stretch.scores[position]), place
