"""Generated listens in the lake of a running system, and requests to it; each measured. Shared by sections."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from conf.settings import PROJECT
from jobs import reports
from jobs.tables import LISTENS
from request_consumer.requests import enqueue
from tests.bench.load import load
from tests.bench.meter import Usage, measured
from tests.bench.system import Bench, start_consumer, wait


@dataclass(frozen=True)
class Step:
    """One measured stretch."""

    seconds: float
    usage: Usage
    listens: int


def generated(folder: Path, listens: int) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak MB of the generator's command, without JSON and metadata."""
    command = [sys.executable, "-m", "dumps.generator", "--listens", str(listens), "--no-json", "--no-metadata"]
    started = time.monotonic()
    process = subprocess.Popen([*command, str(folder)], cwd=PROJECT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def make_users(bench: Bench, path: Path) -> dict[int, int]:
    known = pq.read_table(path / "truth/listen_counts.parquet", columns=["user_id"])["user_id"].to_pylist()
    made = bench.create_users([f"listener {number}" for number in known])
    return {user: made[place] for place, user in enumerate(known, 1)}


def first_users(path: Path, listens: int) -> range:
    """The first users who have about so many listens."""
    counts = pq.read_table(path / "truth/listen_counts.parquet")
    upto = int(np.searchsorted(np.cumsum(counts["listen_count"].to_numpy()), listens))
    return range(1, counts["user_id"][max(0, upto)].as_py() + 1)


def land(bench: Bench, path: Path, users: dict[int, int], only: range) -> Step:
    loaded = load(bench.connection, path / "listens.parquet", users, only)
    with measured(bench.roots) as usage:
        started = time.monotonic()
        bench.wait_landed(7200)
        seconds = time.monotonic() - started
    tell(f"{loaded:,} listens landed", seconds)
    return Step(seconds, usage, loaded)


def landings(bench: Bench, sizes: Sequence[int]) -> Iterator[tuple[int, Step]]:
    """Start reader and consumer and land generated listens, each size, ascending, on top of the one before.

    (size, its landing) once all of it has landed and the lake is in order; the last is everything.
    """
    path = bench.folder / "data"
    generated(path, sizes[-1])
    bench.system.start("spark_reader")
    users = make_users(bench, path)
    start_consumer(bench)
    landed_to = 0
    for listens in sizes:
        upto = max(users) if listens == sizes[-1] else first_users(path, listens).stop - 1
        landing = land(bench, path, users, range(landed_to + 1, upto + 1))
        settle(bench)
        yield listens, landing
        landed_to = upto


def settle(bench: Bench) -> None:
    """Wait until the lake is in order: months compacted, every rule checked of every listen.

    Both come by themselves after a backlog, and take what is measured next its cores for minutes.
    """
    started, asked = time.monotonic(), datetime.now(UTC)
    reports.ask(bench.settings.data_dir)
    name = LISTENS.name
    wait(
        lambda: any(r.table == name and r.checked_at >= asked for r in reports.read(bench.settings.data_dir)),
        3600,
        "the rules of the listens are checked",
        pause=1.0,
    )
    tell("compaction and a check of all listens", time.monotonic() - started)


def ask(bench: Bench, query: str, params: Mapping[str, object], seconds: float = 7200) -> Step:
    """Ask for a statistic; until its results are stored by the reader. AssertionError when it fails."""
    with closing(bench.broker()) as broker, measured(bench.roots) as usage:
        started = time.monotonic()
        row = enqueue(bench.connection, broker, query, params)
        state = "SELECT CASE state WHEN 'done' THEN 1 WHEN 'failed' THEN 2 ELSE 0 END FROM request WHERE id = %s"
        wait(lambda: bench.value(state, row.id) > 0, seconds, "the statistic is stored")
        taken = time.monotonic() - started
    assert bench.value(state, row.id) == 1, f"{query} failed: see the consumer's log"
    tell(f"{query} {dict(params)}", taken)
    return Step(taken, usage, bench.listens())


def tell(what: str, seconds: float) -> None:
    """Say what has been measured, as soon as it is: a section of an hour that is cut short has told its figures."""
    print(f"    {what}: {seconds:.2f} s", file=sys.stderr, flush=True)
