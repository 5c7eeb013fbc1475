"""h2load, a load generator in C: calls of kept connections at full speed, or at a steady rate with the wait of each."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import numpy.typing as npt

PER_CONNECTION = 80.0
"""Calls a second: h2load looks at a connection's clock every 10 ms at most, so more than 100 would come in bursts."""
BEGIN_SECONDS = 0.001
"""Between the beginnings of two connections, so that their calls are not due together."""


class H2loadMissingError(RuntimeError):
    """There is no h2load: `apt-get install nghttp2-client`."""


@dataclass(frozen=True)
class Steady:
    """Of one run at a steady rate."""

    waits: npt.NDArray[np.float64]
    """Seconds from when a call was due until its answer was whole, so a call that waited for its turn waited long."""
    per_second: float
    """Answers, from the first call to the last."""
    errors: int
    """Answers that were not 2xx or 3xx, and calls that failed."""


def full_speed(url: str, connections: int, seconds: float) -> float:
    """Calls a second when each connection sends the next as soon as it is answered. Raises H2loadMissingError."""
    said = _run(["-c", str(connections), "-D", str(max(1, round(seconds))), url])
    rate = re.search(r"finished in [0-9.]+m?s, ([0-9.]+) req/s", said)
    assert rate is not None, said
    return float(rate[1])


def steady(url: str, seconds: float, per_second: float) -> Steady:
    """Calls at a steady rate, whether or not the last ones were answered. Raises H2loadMissingError.

    So that calls of different connections are not due together, they begin one after the other.
    """
    connections = ceil(per_second / PER_CONNECTION)
    each = per_second / connections
    calls = connections * round(each * seconds)
    with tempfile.TemporaryDirectory(prefix="h2load-") as folder:
        log = Path(folder) / "calls.tsv"
        begin = ["-r", "1", "--rate-period=1ms", f"--rps={each:.6f}"]
        _run([*begin, "-c", str(connections), "-n", str(calls), f"--log-file={log}", url])
        started, status, took = np.loadtxt(log, dtype=np.int64, ndmin=2).T
    assert len(status) == calls, f"{calls - len(status)} of {calls} calls are not in the log"
    started, took = started / 1e6, took / 1e6
    return Steady(
        waits=took + lateness(started, connections, each),
        per_second=calls / float((started + took).max() - started.min()),
        errors=int(((status < 200) | (status >= 400)).sum()),
    )


def lateness(started: npt.NDArray[np.float64], connections: int, each: float) -> npt.NDArray[np.float64]:
    """Seconds by which each call was sent late, for its connection was still busy with the call before.

    `started`: when they were sent, in any order; the n-th of them was due n-th. The tenth that was sent soonest is in
    time: what h2load itself is late by, up to a millisecond, is no wait for an answer.
    """
    calls = len(started) // connections
    due = np.sort((np.arange(connections) * BEGIN_SECONDS)[:, None] + np.arange(calls) / each, axis=None)
    order = np.argsort(started, kind="stable")
    late = started[order] - due
    found = np.empty_like(started)
    found[order] = np.maximum(0.0, late - np.quantile(late, 0.1))
    return found


def _run(arguments: list[str]) -> str:
    if shutil.which("h2load") is None:
        raise H2loadMissingError("h2load is missing: install it (Debian: sudo apt-get install nghttp2-client)")
    command = ["h2load", "--h1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
