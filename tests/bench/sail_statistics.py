"""Peer S: what tests/bench/naive_statistics.py asks of Spark, word for word, asked of Sail (pysail).

Sail executes Spark's SQL without a JVM. It is asked over Spark Connect, by a process that also is its server:

    python -m tests.bench.sail_statistics FLAT.parquet < requests
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pysail.spark import SparkConnectServer

from tests.bench.naive_statistics import main

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def sail_session(flat: str) -> "Iterator[SparkSession]":
    """A session of Sail, with the file of listens as the view `listens`."""
    from pyspark.sql import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    spark = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.read.parquet(flat).createOrReplaceTempView("listens")
    yield spark
    spark.stop()
    server.stop()


if __name__ == "__main__":
    main(sys.argv[1], sail_session)
