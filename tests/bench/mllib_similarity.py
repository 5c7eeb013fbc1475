"""The peer of W4 in Spark: columnSimilarities of MLlib over rows of recordings. A process of its own.

python -m tests.bench.mllib_similarity FOLDER    reads plays.npz, writes pairs.npz, prints seconds of each round
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from scipy import sparse

HEAP = "6g"
ROUNDS = 2


def main(folder: Path) -> None:
    """Two rounds over cached rows; the pairs of the last one are kept."""
    from pyspark.mllib.linalg import Vectors
    from pyspark.mllib.linalg.distributed import RowMatrix
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", HEAP)
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.local.dir", str(folder))
        .getOrCreate()
    )
    plays = sparse.csc_matrix(sparse.load_npz(folder / "plays.npz"), dtype=np.float64)
    plays.sort_indices()
    users = plays.shape[0]
    rows = [
        Vectors.sparse(users, plays.indices[start:end].tolist(), plays.data[start:end].tolist())
        for start, end in zip(plays.indptr[:-1], plays.indptr[1:], strict=True)
    ]
    vectors = spark.sparkContext.parallelize(rows, 8).cache()
    vectors.count()
    seconds: list[float] = []
    entries = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        entries = RowMatrix(vectors).columnSimilarities().entries.collect()
        seconds.append(time.perf_counter() - started)
    np.savez(
        folder / "pairs.npz",
        first=np.array([entry.i for entry in entries], np.int64),
        second=np.array([entry.j for entry in entries], np.int64),
        score=np.array([entry.value for entry in entries]),
    )
    spark.stop()
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
