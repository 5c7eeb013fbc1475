"""The Delta JARs: resolved once into conf/jars, each checked against conf/jars.lock; after that no network is needed.

`python -m conf.jars` fetches what is missing. The Ivy inside pyspark resolves them, from wherever it is set up to.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from conf.settings import PROJECT

FOLDER = PROJECT / "conf" / "jars"
LOCK = PROJECT / "conf" / "jars.lock"

_PYSPARK_HAS_THEM = (
    "com.fasterxml.jackson.core:jackson-annotations", "com.fasterxml.jackson.core:jackson-core",
    "com.fasterxml.jackson.core:jackson-databind", "com.fasterxml.jackson.datatype:jackson-datatype-jdk8",
    "com.github.luben:zstd-jni", "commons-logging:commons-logging", "commons-pool:commons-pool",
    "io.airlift:aircompressor", "javax.annotation:javax.annotation-api", "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime", "org.apache.logging.log4j:log4j-api",
    "org.apache.logging.log4j:log4j-core", "org.apache.logging.log4j:log4j-slf4j2-impl",
    "org.apache.parquet:parquet-column", "org.apache.parquet:parquet-common", "org.apache.parquet:parquet-encoding",
    "org.apache.parquet:parquet-format-structures", "org.apache.parquet:parquet-hadoop",
    "org.apache.parquet:parquet-jackson", "org.locationtech.jts:jts-core", "org.roaringbitmap:RoaringBitmap",
    "org.roaringbitmap:shims", "org.slf4j:slf4j-api", "org.xerial.snappy:snappy-java",
    "com.google.code.findbugs:jsr305",
)  # fmt: skip
"""What the JARs ask for and pyspark ships: not fetched a second time."""


class JarsMissingError(RuntimeError):
    """A JAR is not there or is not the one of the lock: names it and what to do."""


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    coordinate: str
    """group:artifact:version."""
    sha256: str

    @property
    def path(self) -> Path:
        """Where it is kept."""
        _, artifact, version = self.coordinate.split(":")
        return FOLDER / f"{artifact}-{version}.jar"


def locked() -> list[Jar]:
    """The JARs of conf/jars.lock."""
    lines = [line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    return [Jar(coordinate, sha256) for coordinate, sha256 in lines]


def jar_paths() -> list[Path]:
    """The JARs for `spark.jars`. Raises JarsMissingError when one has not been fetched."""
    jars = locked()
    missing = [jar.path.name for jar in jars if not jar.path.exists()]
    if missing:
        raise JarsMissingError(f"{FOLDER} lacks {', '.join(missing)}: run `make setup`")
    return [jar.path for jar in jars]


def fetch() -> list[str]:
    """Resolve what is missing, check every file, and say which were fetched. No network when all are there.

    Raises JarsMissingError when a file cannot be had or is not the one of the lock; then nothing wrong is kept.
    """
    missing = [jar for jar in locked() if not jar.path.exists()]
    if missing:
        with tempfile.TemporaryDirectory(prefix="listenlake-jars-") as folder:
            _resolve(missing, Path(folder))
            for jar in missing:
                _keep(jar, Path(folder) / "jars" / f"{jar.coordinate.split(':')[0]}_{jar.path.name}")
    for jar in locked():
        _check(jar, jar.path)
    return [jar.path.name for jar in missing]


def _resolve(jars: list[Jar], ivy: Path) -> None:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise JarsMissingError("pyspark is not installed: run `make setup`")
    nothing = ivy / "nothing.py"
    nothing.write_text("")
    done = subprocess.run(
        [str(Path(spec.origin).parent / "bin" / "spark-submit"), "--master", "local[1]",
         "--packages", ",".join(jar.coordinate for jar in jars), "--exclude-packages", ",".join(_PYSPARK_HAS_THEM),
         "--conf", f"spark.jars.ivy={ivy}", str(nothing)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        tail = " / ".join(line.strip() for line in done.stderr.splitlines()[-3:])
        raise JarsMissingError(f"the Delta JARs could not be fetched (Java 17 or 21 and a network are needed): {tail}")


def _keep(jar: Jar, fetched: Path) -> None:
    if not fetched.exists():
        raise JarsMissingError(f"{jar.coordinate} was not delivered; run `make setup` again")
    _check(jar, fetched)
    FOLDER.mkdir(exist_ok=True)
    partial = jar.path.with_suffix(".partial")
    shutil.copyfile(fetched, partial)
    partial.rename(jar.path)


def _check(jar: Jar, path: Path) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != jar.sha256:
        raise JarsMissingError(
            f"{path} has SHA-256 {found}, conf/jars.lock says {jar.sha256}: remove the file and run `make setup`"
        )


def main() -> None:
    """Fetch and say so; exit status 1 with the reason."""
    try:
        fetched = fetch()
    except JarsMissingError as problem:
        sys.exit(str(problem))
    sys.stdout.write(f"Delta JARs: {', '.join(fetched) or 'all there'}\n")


if __name__ == "__main__":
    main()
