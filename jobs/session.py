"""The Spark session: one per process, built from settings and a profile of conf/spark."""

import gc
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from pyspark.sql import SparkSession

from conf.settings import PROJECT, Settings
from jobs.lock import local_folder

PROFILES = PROJECT / "conf" / "spark"
RAW_FILES = "org.apache.hadoop.fs.RawLocalFileSystem"
LOOPBACK = ("127.0.0.1", "localhost")
LANDING_POOL = "landing"
JOBS_POOL = "jobs"
LONG_POOL = "long"
SPANS_POOL = "spans"

_ALWAYS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.scheduler.mode": "FAIR",
    "spark.scheduler.allocation.file": (PROFILES / "fairscheduler.xml").as_uri(),
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
    # Delta's parser knows only the older way to bind :parameters, which takes them where a constant may stand.
    "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
    # Landing names the columns of every append; a stray column is an error, never a new column.
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    # The upkeep knows which versions are in use; 24 h is its own rule, the log is kept as long.
    "spark.databricks.delta.retentionDurationCheck.enabled": "false",
    "spark.databricks.delta.vacuum.parallelDelete.enabled": "true",
    # A vacuum that commits its start and end makes versions no landing row names, and the next one passes over them.
    "spark.databricks.delta.vacuum.logging.enabled": "false",
}
_ON_LOOPBACK = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}


def jar_paths() -> list[Path]:
    """The Delta JARs."""
    return sorted((PROJECT / "conf" / "jars").glob("*.jar"))


class SparkUnavailableError(RuntimeError):
    """Spark cannot start: names what is missing, usually Java 17 or 21."""


def build_session(settings: Settings, application: str, spill: Path | None = None) -> SparkSession:
    """The session of this process; one that runs already is returned as it is.

    `spill`: folder of what does not fit into memory (jobs/spill.py); None: DATA_DIR/spark, where nobody tidies.
    Raises SparkUnavailableError without a Java, JarsMissingError without the Delta JARs.
    """
    builder = SparkSession.builder.appName(application).master(settings.spark_master)
    for name, value in properties(settings).items():
        builder = builder.config(name, value)
    if spill is not None:
        builder = builder.config("spark.local.dir", str(spill))
    _export_python()
    try:
        session = builder.getOrCreate()
    except Exception as problem:
        raise SparkUnavailableError(
            f"Spark did not start with SPARK_MASTER={settings.spark_master} ({type(problem).__name__}: "
            f"{str(problem).splitlines()[0]}); it needs Java 17 or 21 on PATH or in JAVA_HOME"
        ) from problem
    session.sparkContext.setLogLevel("ERROR")
    return session


def forget_frames() -> None:
    """Let the JVM free what the frames of a finished run or landing hold: broadcasts, and the data they are made of.

    What py4j names them by is in cycles, so Python lets go of it only when it happens to collect its oldest objects,
    and that becomes rare where many live long: 220 MB of the heap stayed taken by one list of a million listens. Takes
    70 ms.
    """
    gc.collect()


def properties(settings: Settings) -> dict[str, str]:
    """Every Spark property of a session: the profile, then what the platform cannot do without."""
    local = settings.spark_master.startswith("local")
    profile = settings.spark_profile if settings.spark_profile != "auto" else "local" if local else "cluster"
    given = read_profile(PROFILES / f"{profile}.conf")
    options = given.pop("spark.driver.extraJavaOptions", "")
    own = {
        "spark.jars": ",".join(str(path) for path in jar_paths()),
        "spark.driver.memory": settings.spark_driver_memory,
        # Servers of ours listen on loopback only; on a cluster of several machines the executors must reach the driver.
        **(_ON_LOOPBACK if local or on_loopback(settings.spark_master) else {}),
        "spark.local.dir": str(settings.data_dir / "spark"),
        "spark.sql.warehouse.dir": str(settings.data_dir / "spark" / "warehouse"),
        "spark.driver.extraJavaOptions": f"{options} -Dderby.system.home={settings.data_dir / 'spark'}".strip(),
        "spark.executorEnv.PYTHONPATH": _python_path(),
        # It gives memory back: a worker that ranks a list of everybody needs 1.4 GB, with the default 1.65.
        "spark.executorEnv.ARROW_DEFAULT_MEMORY_POOL": "jemalloc",
        # Hadoop runs chmod as a process for every file it makes: without .crc files that is half as often.
        **({"spark.hadoop.fs.file.impl": RAW_FILES} if local_folder(settings.lake) else {}),
    }
    return {**given, **_ALWAYS, **own}


def on_loopback(master: str) -> bool:
    """Whether a standalone master, the first where there are several, is on this machine's loopback."""
    host = urlsplit(master.split(",", maxsplit=1)[0]).hostname if master.startswith("spark://") else None
    return host in LOOPBACK


def read_profile(path: Path) -> dict[str, str]:
    """A profile's properties: `name value` lines, # comments."""
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split(None, 1) for line in lines if line and not line.startswith("#"))
    return {name: value.strip() for name, value in pairs}


def _export_python() -> None:
    """Executors run this interpreter and find the project."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = _python_path()


def _python_path() -> str:
    given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return os.pathsep.join(dict.fromkeys([str(PROJECT), *given]))
