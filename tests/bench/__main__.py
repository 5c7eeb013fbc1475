"""`make bench`: measures the platform and writes docs/benchmark.md.

    python -m tests.bench                      everything, about 85 minutes on 2 cores
    python -m tests.bench --only submit,W1     some sections; the others are kept as last measured
    python -m tests.bench --quick              small sizes: whether the harness works, not figures to quote

Everything runs on temporary folders and free ports, as processes of its own, and is gone afterwards, also when it is
ended by Ctrl-C or SIGTERM.
"""

import argparse
import importlib
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from conf.settings import PROJECT
from tests.bench.report import Section, Store, load_now, markdown, now, show

SECTIONS = (
    "bounds",
    "submit",
    "bulk",
    "W1",
    "W8",
    "W9",
    "W10",
    "W11",
    "freshness",
    "growth",
    "W2",
    "W4",
    "W5",
    "W6",
    "W7",
)
"""In the order of the report; W1 and W11 as in the reference of workloads."""
MODULES = {
    "W1": "ingest",
    "W2": "statistics",
    "W4": "user_similarity",
    "W5": "similarity",
    "W6": "training",
    "W7": "year",
    "W8": "reads",
    "W9": "submits",
    "W10": "dump_import",
    "W11": "start",
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, store, report; the exit status."""
    options = _options().parse_args(arguments)
    store, console = Store(options.out / "benchmark.json"), Console(stderr=True)
    for number, name in enumerate(options.only, 1):
        console.print(f"[{number}/{len(options.only)}] {name} ...", highlight=False, markup=False)
        section = _measure(name, options.quick)
        store.put(section)
        console.print(f"    {section.seconds:.0f} s", highlight=False)
    found = store.sections()
    text = markdown([found[name] for name in SECTIONS if name in found])
    (options.out / "benchmark.md").write_text(text)
    show(text)
    return 0


def _measure(name: str, quick: bool) -> Section:
    module = importlib.import_module(f"tests.bench.{MODULES.get(name, name)}")
    before, started, at = load_now(), time.monotonic(), now()
    section: Section = module.run(quick)
    section.seconds, section.measured_at = time.monotonic() - started, at + (", quick sizes" if quick else "")
    section.load = f"before {before}, after {load_now()}"
    return section


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small and few: for a smoke test")
    parser.add_argument("--only", type=_names, default=list(SECTIONS), help=f"comma-separated: {', '.join(SECTIONS)}")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs", help="folder of the report (default: docs)")
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = sorted(set(names) - set(SECTIONS))
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown section {unknown[0]!r}; known are {', '.join(SECTIONS)}")
    return names


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
