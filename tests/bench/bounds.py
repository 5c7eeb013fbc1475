"""What this machine can do at best: the floors that the other figures stand on."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import orjson
import pyarrow.parquet as pq

from dumps.generator import World, generate
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.rows import rows_of
from jobs.listens.validator import validate_payload
from tests.bench.report import Section, number
from tests.bench.system import UNTIL


def run(quick: bool) -> Section:
    """The section."""
    section = Section("bounds", "What the machine can do")
    listens, times = (5_000, 2) if quick else (200_000, 5)
    world = World.make(4, min(listens, 20_000), until=UNTIL)
    messages = [(count, body.encode()) for _, count, body in world.messages()]
    total, size = sum(count for count, _ in messages), sum(len(body) for _, body in messages)
    with tempfile.TemporaryDirectory() as folder:
        parquet = Path(folder)
        generate(parquet, 4, listens, until=UNTIL, json_lines=False, metadata=False)
        file = parquet / "listens.parquet"
        for kind, columns in (("int", ["user_id", "recording"]), ("text", ["artist_name", "track_name"])):
            read = partial(pq.read_table, file, columns=columns, use_threads=False)
            _rate(section, f"decode two {kind} columns of Parquet", listens, times, read, "rows")
        _disk(section, parquet, 32 if quick else 512)
    _rate(section, "copy memory", size, times * 20, lambda: b"".join(body for _, body in messages), "bytes")
    _rate(section, "parse JSON (orjson)", total, times, lambda: [orjson.loads(body) for _, body in messages], "listens")
    payloads = [orjson.loads(body) for _, body in messages]
    _rate(section, "validate listens", total, times,
          lambda: [validate_payload(payload, "import", UNTIL) for payload in payloads], "listens")  # fmt: skip
    submissions = [Submission(new_message_id(), 1, 1, tuple(payload)) for payload in payloads]
    _rate(section, "MSID, rules and rows of the listen writer", total, times,
          lambda: [rows_of(s, 0) for s in submissions], "listens")  # fmt: skip
    pairs = np.random.default_rng(1).integers(0, 1 << 40, listens)
    _rate(section, "count distinct pairs (numpy, one thread)", listens, times, lambda: np.unique(pairs), "rows")
    section.text.append(
        f"One thread, median of {times} runs, CPU seconds (the disk: wall time). Mean size of a listen as JSON: "
        f"{size / total:.0f} bytes."
    )
    return section


def floor_of_import(bodies: Sequence[str]) -> float:
    """CPU seconds of what no import can do without: parse, validate, MSIDs and rules, and nothing else."""
    before = time.process_time()
    for body in bodies:
        payload = validate_payload(orjson.loads(body), "import", UNTIL)
        rows_of(Submission(new_message_id(), 1, 1, tuple(payload)), 0)
    return time.process_time() - before


def _rate(section: Section, what: str, amount: int, times: int, work: Callable[[], object], unit: str) -> None:
    spent = []
    for _ in range(times):
        before = time.process_time()
        work()
        spent.append(max(time.process_time() - before, 1e-6))
    section.add(what, f"{number(amount / median(spent))} {unit}/CPU-s")
    section.samples[what] = spent


def _disk(section: Section, folder: Path, megabytes: int) -> None:
    block, path = os.urandom(2**20), folder / "written"
    started = time.monotonic()
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    section.add("write to disk, fsync at the end", f"{megabytes / (time.monotonic() - started):.0f} MB/s")
    spent = []
    with path.open("r+b") as file:
        for _ in range(50):
            began = time.monotonic()
            file.write(block[:4096])
            file.flush()
            os.fsync(file.fileno())
            spent.append(time.monotonic() - began)
    section.add("fsync of 4 KB (what a confirm waits for)", f"{median(spent) * 1000:.2f} ms")
