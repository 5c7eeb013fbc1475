"""What the steps of the request consumer share, and what they ask of it: does the JVM live, what does this part say."""

import os
import socket
import threading
from dataclasses import dataclass, field
from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from conf import part_status
from conf.broker import SPAN_REQUEST, SPARK_REQUEST
from conf.busy import WorkThread
from conf.postgres import Pool
from conf.settings import Settings
from jobs.lock import LakeLock
from request_consumer.landing import LandingLoop

PART = "request_consumer"


class JvmDiedError(RuntimeError):
    """The Java process is gone: this one ends too, its supervisor starts another, the request is tried again."""


@dataclass
class Part:
    """What the steps of the loop share."""

    settings: Settings
    pool: Pool
    lock: LakeLock
    stop: threading.Event
    spark: SparkSession | None = None
    landing: LandingLoop | None = None
    thread: WorkThread = field(default_factory=lambda: WorkThread("job"))
    worker: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    state: str = "standby"
    done: int = 0
    swept: float = float("-inf")
    queue: str = SPARK_REQUEST
    """Where its requests come from."""
    spans: "Part | None" = None
    """What serves spans beside it."""

    @property
    def jvm_died(self) -> bool:
        """The landing thread has met a dead Java process; it ends this one by setting `stop`."""
        return self.landing is not None and self.landing.dead


def check_alive(part: Part) -> None:
    """Raises JvmDiedError when the Java process does not answer."""
    assert part.spark is not None
    try:
        stopped: bool = part.spark.sparkContext._jsc.sc().isStopped()
    except (Py4JError, OSError) as problem:
        raise JvmDiedError("Spark's Java process is gone (out of memory, or killed)") from problem
    if stopped:
        raise JvmDiedError("the Spark session has stopped")
    report(part)


def report(part: Part) -> None:
    """Say what this process does and how far the lake is. Raises StoreUnavailableError.

    What serves spans says nothing by itself: it is the same process.
    """
    if part.queue == SPAN_REQUEST:
        return
    detail: dict[str, Any] = {"state": part.state, "done": part.done}
    if part.spans is not None:
        detail["spans"] = part.spans.done
    if part.landing is not None:
        detail |= part.landing.detail()
    with part.pool.transaction() as cursor:
        part_status.report(cursor, PART, detail)
