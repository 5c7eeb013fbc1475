"""What the steps of the request consumer share, and what they ask of it: does the JVM live, what does this part say."""

import os
import socket
import threading
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from conf import part_status
from conf.broker import SPARK_REQUEST
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
    beside: "dict[str, Part]" = field(default_factory=dict)
    """What serves the other queues, by name: each in a thread of its own, of this process and JVM."""
    at_work: set[UUID] = field(default_factory=set)
    """Runs that are being made, in any of them: nobody else knows of their files yet."""

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

    What serves another queue beside it says nothing by itself: it is the same process.
    """
    if part.queue != SPARK_REQUEST:
        return
    detail: dict[str, Any] = {"state": part.state, "done": part.done}
    for name, other in part.beside.items():
        detail |= {name: other.state, f"{name}_done": other.done}
    if part.landing is not None:
        detail |= part.landing.detail()
    with part.pool.transaction() as cursor:
        part_status.report(cursor, PART, detail)
