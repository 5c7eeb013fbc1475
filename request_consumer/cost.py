"""What a run costs, measured: wall seconds, and CPU seconds of this process and what it started, Java above all."""

import time
from contextlib import suppress

import psutil


class Meter:
    """Runs from when it is made. What else these processes do meanwhile is counted too: a landing, a run beside it."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._spent = _cpu_seconds()

    def read(self) -> tuple[float, float]:
        """(seconds, CPU seconds) until now."""
        return time.monotonic() - self._started, max(0.0, _cpu_seconds() - self._spent)


def _cpu_seconds() -> float:
    """Of the living processes, with what their ended children have spent."""
    this = psutil.Process()
    spent = 0.0
    for process in (this, *this.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            spent += sum(process.cpu_times()[:4])
    return spent
