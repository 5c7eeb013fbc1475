"""W9: submitting through the API, durable when answered, beside a route that only parses."""

from pathlib import Path
from statistics import median

from tests.bench.reads import bare_server
from tests.bench.report import Section, paired_ratio
from tests.bench.system import Bench, bench_system
from tests.bench.wrk import posting, wrk


def run(quick: bool) -> Section:
    """The section."""
    section = Section("W9", "W9: API submits of 1 and 1,000 listens, beside a Flask route that only parses")
    pairs, seconds = (1, 1.0) if quick else (5, 4.0)
    with bench_system() as bench:
        user = bench.create_users(["submitter"])[1]
        bench.system.start("listen_writer")
        bench.system.start("web")
        with bare_server(bench) as bare:
            for listens in (1, 1000):
                _pairs(section, bench, bare, user, listens, pairs, seconds)
    section.text.append(
        "wrk, 8 connections from one thread, on the same 2 cores; ours and the bare server have 2 workers of 8 "
        "threads, and are loaded in turns. Ours: token, limits, all rules, MSIDs, and 200 only when the message is "
        "on disk (the embedded broker); the listen writer works at the same time on the same cores. Bare: json.loads."
    )
    return section


def _pairs(section: Section, bench: Bench, bare: str, user: int, listens: int, pairs: int, seconds: float) -> None:
    script = posting(Path(bench.folder), bench.token(user), listens)
    here, there, errors = [], [], 0
    for _ in range(pairs):
        there.append(wrk(f"{bare}/parse", 8, seconds, script=script).per_second)
        load = wrk(f"{bench.system.url}/1/submit-listens", 8, seconds, script=script)
        here.append(load.per_second)
        errors += load.errors
    ratio, told = paired_ratio(here, there)
    name = f"{listens:,} listens a call" if listens > 1 else "1 listen a call"
    section.add(f"{name}: answers that failed", str(errors), "0", errors == 0)
    section.add(f"{name}: calls/s", f"{median(here):,.0f}; parse only: {median(there):,.0f}")
    target = 0.5 if listens == 1 else None
    section.add(f"{name}: ours : parse only", told, ">= 0.5" if target else "", ratio >= target if target else None)
    section.samples[name] = [here, there]
