"""The lake, read-only, through Spark: for jobs and notebooks. Everything is read at one data version."""

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import deltalake
import pyarrow as pa
import pyarrow.compute as pc
from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StructType

from conf.settings import load_settings
from jobs import lake_files
from jobs.landing import Landing
from jobs.lock import local_folder

if TYPE_CHECKING:
    from jobs.opened_lake import Lake

__all__ = [
    "Landing",
    "TableUnknownError",
    "landing_of",
    "newest_landing",
    "open_lake",
    "open_table",
    "open_version",
    "row_count",
]

_PLAIN = re.compile(r"[A-Za-z0-9_./:+=@,~-]+")


class LakeMissingError(LookupError):
    """There is no lake where one was to be opened: names the place and how it comes to be."""


class TableUnknownError(LookupError):
    """A table that the data version does not have: names those it has."""


def newest_landing(spark: SparkSession, lake: str) -> Landing | None:
    """The newest data version; None before the first landing."""
    if not DeltaTable.isDeltaTable(spark, f"{lake}/landing"):
        return None
    rows = open_version(spark, lake, "landing").orderBy("landing_id", ascending=False).limit(1).collect()
    return Landing.of(rows[0].asDict()) if rows else None


def landing_of(spark: SparkSession, lake: str, landing_id: int) -> Landing | None:
    """A data version by its number; None when there is none, or its row has gone."""
    found = open_version(spark, lake, "landing").where(F.col("landing_id") == landing_id).collect()
    return Landing.of(found[0].asDict()) if found else None


def open_table(spark: SparkSession, lake: str, landing: Landing, name: str) -> DataFrame:
    """A table as the data version has it. Raises TableUnknownError."""
    if name not in landing.versions:
        raise TableUnknownError(f"table {name!r}: the lake has {', '.join(sorted(landing.versions))}")
    return open_version(spark, lake, name, landing.versions[name])


def row_count(spark: SparkSession, lake: str, landing: Landing, name: str) -> int:
    """Rows of a table as the data version has it: the sum of what its log says of each file, where that is known.

    Raises TableUnknownError.
    """
    table = _plain_table(lake, name, landing.versions[name]) if name in landing.versions else None
    counts = None if table is None else pa.table(table.get_add_actions())["num_records"]
    if counts is None or counts.null_count:
        return open_table(spark, lake, landing, name).count()
    return int(pc.sum(counts, min_count=0).as_py())


def open_version(spark: SparkSession, lake: str, name: str, version: int | None = None) -> DataFrame:
    """A table at a version of its own; None: as it is now.

    As plain Parquet files, those that the log names: deltalake reads it in milliseconds, where Delta runs a Spark job
    of its own over the log for each table of each plan; of all that planning took, that was more than half. Our tables
    have neither deletion vectors nor column mapping (jobs/tables/table.py), so that a version is just its files. What
    Delta would skip by its statistics per file, Parquet skips by those in the files' footers. Through Delta on other
    storage, where deltalake would need keys of its own, and in a folder with a name that not all take alike: deltalake
    cannot open one with a percent sign, and to Spark's file reader stars and brackets are patterns.
    """
    table = _plain_table(lake, name, version)
    if table is None:
        reader = spark.read.format("delta")
        return (reader if version is None else reader.option("versionAsOf", version)).load(f"{lake}/{name}")
    schema = StructType.fromJson(json.loads(table.schema().to_json()))
    paths = pa.table(table.get_add_actions())["path"].to_pylist()
    if not paths:
        return spark.createDataFrame([], schema).where("false")
    home = f"{local_folder(lake)}/{name}"
    reader = spark.read.schema(schema).option("basePath", home)
    return reader.parquet(*(f"{home}/{path}" for path in paths)).select(*schema.names)


def _plain_table(lake: str, name: str, version: int | None) -> deltalake.DeltaTable | None:
    """As deltalake opens it; None where only Delta can."""
    folder = local_folder(lake)
    if folder is None or not _PLAIN.fullmatch(str(folder)):
        return None
    return lake_files.open_version(lake, name, version)


def open_lake(path: str | None = None, *, as_of: "int | str | datetime | None" = None) -> "Lake":
    """The lake of the running system, or the one at `path`, for reading: its tables at one data version.

    `as_of`: a data version, or the moment (UTC, where nothing else is said) whose newest data version is read; without
    it the newest. Starts Spark in this process, a JVM of its own with 1 GB, where there is none. Writing to the lake is
    refused (jobs/read_only.py). Raises LakeMissingError, DataVersionUnknownError, SettingError, SessionInUseError,
    SparkUnavailableError.
    """
    from jobs.opened_lake import opened  # here: it computes statistics too, with modules that read through this one
    from jobs.read_only import read_only_session

    settings = load_settings() if path is None else replace(load_settings(), lake_url=path)
    folder = local_folder(settings.lake)
    if folder is not None and not (folder / "landing").is_dir():
        raise LakeMissingError(
            f"no lake at {settings.lake}: `make up` makes one; set DATA_DIR or LAKE_URL, or name the path of another"
        )
    return opened(read_only_session(settings), settings, as_of)
