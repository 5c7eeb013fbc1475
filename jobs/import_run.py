"""An import as the request consumer runs it: what an importer is given, and how its dotted name becomes a function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs.dotted import function_of
from jobs.job import Job
from jobs.landing import Landing
from jobs.lock import LakeLock


@dataclass(frozen=True)
class ImportRun:
    """What an importer works with."""

    spark: SparkSession
    settings: Settings
    lock: LakeLock
    """Of the lake; `check` it right before every commit."""
    params: Mapping[str, Any]
    conclude: Callable[[Mapping[str, int]], Landing]
    """Makes these versions, by table, part of a new data version: before that nobody sees them."""
    progress: Callable[[str], None]
    """Tell what is being done; raises when nobody wants it any more."""


def run_import(job: Job, run: ImportRun) -> str:
    """Do it; what was done, for a person to read. Raises ImportRefusedError: then nothing was changed."""
    importer: Callable[[ImportRun], str] = function_of(job.run)
    return importer(run)
