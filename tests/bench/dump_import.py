"""W10, its import: a full Spark dump from its archive to rows that the API serves; the same once more; memory."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from conf.settings import PROJECT
from dumps.generator.files import World
from tests.bench.meter import Usage, measured
from tests.bench.report import Section, number
from tests.bench.system import UNTIL, Bench, bench_system
from tests.spark_dumps.generated import generated_dump

_RUN = """
import sys, time, orjson
from conf.settings import load_settings
from dumps.load.spark.importer import import_full
print(import_full(load_settings(env_file=None), orjson.loads(sys.argv[1]), lambda text: None))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(time.process_time(), int(peak.split()[1]) / 1024)
"""
"""(Not ru_maxrss: a process has it of whoever started it.)"""


@dataclass(frozen=True)
class Run:
    """One import."""

    seconds: float
    usage: Usage
    """Of PostgreSQL."""
    said: str
    cpu: float
    """Seconds of the importer."""
    peak: float
    """MB of the importer."""


def run(quick: bool) -> Section:
    """The section."""
    section = Section("W10", "W10: import of a full Spark dump")
    small, big = (2_000, 20_000) if quick else (100_000, 1_000_000)
    for listens in (small, big):
        with bench_system() as bench:
            folder = bench.folder / "dump"
            folder.mkdir()
            archive = generated_dump(folder, World.make(1, listens, until=UNTIL))
            first, again = _import(bench, folder), _import(bench, folder)
            size = archive.stat().st_size / 2**20
            _add(section, f"{listens:,} listens, {size:.0f} MB", listens, first, again)
    section.text.append(
        "A dump of generated listens, one Parquet file of zstd; the clock runs from the checksum to the last commit: "
        "staging by COPY, users, mapping, listens through the write function under 10,000 a lock. The importer is a "
        "process of its own, PostgreSQL the embedded one; landing is W1's."
    )
    return section


def _add(section: Section, what: str, listens: int, first: Run, again: Run) -> None:
    section.add(f"{what}: first import", f"{first.seconds:.1f} s, {number(listens / first.seconds)} listens/s")
    section.add(f"{what}: the same dump again", f"{again.seconds:.1f} s; {again.said.partition(';')[0]}")
    section.add(f"{what}: CPU seconds", f"importer {first.cpu:.1f}, {first.usage.cpu_text()}")
    section.add(f"{what}: peak memory", f"importer {first.peak:.0f} MB, {first.usage.rss_text()}")


def _import(bench: Bench, folder: Path) -> Run:
    params = orjson.dumps({"folder": str(folder), "source": "listenbrainz"}).decode()
    with measured(bench.roots) as usage:
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", _RUN, params],
            env={**bench.system.environment, "PYTHONPATH": str(PROJECT)},
            cwd=PROJECT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    said, own = done.stdout.splitlines()
    cpu, peak = map(float, own.split())
    return Run(seconds, usage, said, cpu, peak)
