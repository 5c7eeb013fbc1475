"""What a system of processes costs: CPU seconds and peak memory of each part. Linux: it reads /proc."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MEGABYTE = 2**20
SAMPLE_SECONDS = 1.0
Roots = Callable[[], Mapping[str, list[int]]]
"""Part name to the pids it was started with."""


@dataclass
class Usage:
    """Of one measured stretch: CPU seconds per part, and peaks in MB."""

    cpu: dict[str, float] = field(default_factory=dict)
    peak_rss: dict[str, float] = field(default_factory=dict)
    """Highest resident size that one process of the part reached (VmHWM)."""
    peak_total: float = 0.0
    """Highest sum over all processes, shared pages counted once (PSS), looked at once a second."""
    peak_pss: dict[str, float] = field(default_factory=dict)

    @property
    def cpu_total(self) -> float:
        return sum(self.cpu.values())

    def cpu_text(self) -> str:
        """CPU seconds by part, the greatest first."""
        parts = sorted(self.cpu.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts if seconds >= 0.05)

    def rss_text(self) -> str:
        """Peak resident sizes by part."""
        return ", ".join(f"{name} {size:.0f} MB" for name, size in sorted(self.peak_rss.items()))


def processes(roots: Mapping[str, list[int]]) -> dict[int, tuple[str, psutil.Process]]:
    """Every process of the parts by pid, with the name of its group: Java and what it starts stand alone."""
    found: dict[int, tuple[str, psutil.Process]] = {}
    for name, pids in roots.items():
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                _collect(psutil.Process(pid), name, found)
    return found


def _collect(process: psutil.Process, name: str, found: dict[int, tuple[str, psutil.Process]]) -> None:
    group = "jvm" if process.name() == "java" else "spark python" if name == "jvm" else name
    found[process.pid] = (group, process)
    for child in process.children():
        with suppress(psutil.NoSuchProcess):
            _collect(child, group, found)


def cpu_seconds(roots: Mapping[str, list[int]]) -> dict[str, float]:
    """User and system time by group, that of ended children included."""
    spent: dict[str, float] = {}
    for group, process in processes(roots).values():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent[group] = spent.get(group, 0.0) + sum(times[:4])
    return spent


def memory(roots: Mapping[str, list[int]]) -> dict[str, float]:
    """MB by group, shared pages divided among those who share them (PSS)."""
    held: dict[str, float] = {}
    for group, process in processes(roots).values():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            held[group] = held.get(group, 0.0) + process.memory_full_info().pss / MEGABYTE
    return held


def peak_rss(roots: Mapping[str, list[int]]) -> dict[str, float]:
    """MB by group: the highest resident size of any one process since the last `reset_peaks`."""
    peaks: dict[str, float] = {}
    for pid, (group, _) in processes(roots).items():
        with suppress(OSError, ValueError):
            status = Path(f"/proc/{pid}/status").read_text()
            size = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
            peaks[group] = max(peaks.get(group, 0.0), size / 1024)
    return peaks


def reset_peaks(roots: Mapping[str, list[int]]) -> None:
    """Begin anew with the peaks of all processes."""
    for pid in processes(roots):
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextmanager
def measured(roots: Roots) -> Iterator[Usage]:
    """Meter the block: the Usage is filled at its end."""
    usage, done = Usage(), threading.Event()
    reset_peaks(roots())
    before = cpu_seconds(roots())
    sampler = threading.Thread(target=_sample, args=(roots, usage, done), daemon=True)
    sampler.start()
    try:
        yield usage
    finally:
        done.set()
        sampler.join()
        after = cpu_seconds(roots())
        usage.cpu = {group: spent - before.get(group, 0.0) for group, spent in after.items()}
        usage.peak_rss = peak_rss(roots())


def _sample(roots: Roots, usage: Usage, done: threading.Event) -> None:
    while True:
        held = memory(roots())
        usage.peak_total = max(usage.peak_total, sum(held.values()))
        for group, size in held.items():
            usage.peak_pss[group] = max(usage.peak_pss.get(group, 0.0), size)
        if done.wait(SAMPLE_SECONDS):
            return
