"""W7: the year in music of every user, against naive Spark that reads the listens once for each section.

The sizes are those of BENCH_LISTENS, ascending, each landed on top of the one before; a million and ten without it.
BENCH_ROUNDS=1 measures each thing once, after a round that warms up.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import orjson

from conf import postgres
from jobs.year_in_music.report import BUNDLE, SECTIONS
from jobs.year_in_music.section import NAME
from jobs.year_inputs import HISTORY
from jobs.years import range_of
from tests.bench.duckdb_statistics import flat_listens
from tests.bench.landed import Step, ask, landings, tell
from tests.bench.meter import Usage
from tests.bench.naive_statistics import Naive, naive_peer
from tests.bench.naive_year import QUERIES
from tests.bench.report import Section, paired_ratio, spread
from tests.bench.statistics import listens_asked, once_asked
from tests.bench.system import Bench, bench_system
from tests.bench.year_runs import ARTISTS, SCAN, section_jobs

SIZES = (1_000_000, 10_000_000)
QUICK_SIZES = (20_000,)
YEAR = 2024
"""The last that the generator knows."""
Timed = list[tuple[float, Usage]]


@dataclass
class Scale:
    """What was measured at one size."""

    listens: int
    of_year: int = 0
    users: int = 0
    compared: int = 0
    """Numbers of both that were the same."""
    report: list[Step] = field(default_factory=list)
    naive: Timed = field(default_factory=list)
    """Its sections one after another."""
    same: Timed = field(default_factory=list)
    """The sections it has, in one run of ours."""
    year_only: Timed = field(default_factory=list)
    artists: Timed = field(default_factory=list)
    history: Timed = field(default_factory=list)
    scan: Timed = field(default_factory=list)


def run(quick: bool) -> Section:
    """The section."""
    section = Section("W7", "W7: the year in music")
    sizes = listens_asked(os.environ.get("BENCH_LISTENS", ""), QUICK_SIZES if quick else SIZES)
    with bench_system() as bench:
        scales = [_measure(bench, 1 if once_asked(quick=quick) else 3) for _ in landings(bench, sizes)]
    for scale in scales:
        _add(section, scale, judged=not quick)
    section.text.append(_method())
    section.samples |= {f"{scale.listens}": _samples(scale) for scale in scales}
    return section


def _measure(bench: Bench, rounds: int) -> Scale:
    """Interleaved; the first round warms up, and is where results are compared."""
    scale = Scale(bench.listens())
    flat = bench.folder / "flat.parquet"
    flat_listens(bench.settings.lake, flat)
    with naive_peer(bench, flat, "tests.bench.naive_year") as naive:
        for round_ in range(rounds + 1):
            step, spent = ask(bench, BUNDLE.name, {"year": YEAR}), _one_after_another(naive)
            if round_ == 0:
                scale.compared = _same(bench)
                continue
            scale.report.append(step)
            scale.naive.append(spent)
    flat.unlink()
    scale.users, scale.of_year = _size(bench)
    needs = {job.statistic.removeprefix(f"{NAME}_"): _needs_history(job.inputs) for job in section_jobs(SECTIONS)}
    asked = {
        "same": ",".join(QUERIES),
        "year_only": ",".join(name for name in SECTIONS if not needs[name]),
        "artists": ARTISTS,
        "history": "new_artists_discovered,top_discoveries,top_missed_recordings",
        "scan": SCAN,
    }
    with naive_peer(bench, bench.folder / "lake", "tests.bench.year_runs") as ours:
        for round_ in range(rounds + 1):
            for name, what in asked.items():
                spent = ours.told([what, YEAR])
                tell(f"ours, {name}", spent[0])
                if round_:
                    getattr(scale, name).append(spent)
    return scale


def _needs_history(inputs: Sequence[str]) -> bool:
    return any(name in (*HISTORY, "discovered_recording", "missed_recording") for name in inputs)


def _one_after_another(naive: Naive) -> tuple[float, Usage]:
    """All sections it has: the sum of seconds, and of CPU seconds by process."""
    seconds, cpu = 0.0, Usage()
    for name in QUERIES:
        taken, usage = naive.told([name, YEAR])
        tell(f"naive Spark's {name}", taken)
        seconds += taken
        for process, spent in usage.cpu.items():
            cpu.cpu[process] = cpu.cpu.get(process, 0.0) + spent
    return seconds, cpu


def _same(bench: Bench) -> int:
    """Numbers that both have are equal, user by user: how many. AssertionError where they are not."""
    compared = 0
    for name in ("listen_count", "new_artists_discovered", "top_artists", "top_recordings", "top_release_groups"):
        ours, theirs = _ours(bench, name), _theirs(bench, name)
        assert ours == theirs, f"{name}: other numbers than naive Spark's, so no times are compared"
        compared += len(ours)
    assert compared, "nobody has a report, so nothing is compared"
    return compared


def _ours(bench: Bench, section: str) -> dict[int, object]:
    with postgres.transaction(bench.connection) as cursor:
        cursor.execute(
            "SELECT key, doc FROM result_document WHERE statistic = %s AND stats_range = %s",
            (f"{NAME}_{section}", range_of(YEAR)),
        )
        return {key: _numbers(orjson.loads(doc)) for key, doc in cursor.fetchall()}


def _theirs(bench: Bench, section: str) -> dict[int, object]:
    with postgres.transaction(bench.connection) as cursor:
        cursor.execute("SELECT user_id, data::text FROM naive_year WHERE section = %s", (section,))
        return {user_id: _numbers(orjson.loads(data)) for user_id, data in cursor.fetchall()}


def _numbers(stored: object) -> object:
    """Of a list its length and the listens of what is shown; of a number itself."""
    if not isinstance(stored, dict):
        return stored
    return stored["total"], sorted(item["listen_count"] for item in stored["items"])


def _size(bench: Bench) -> tuple[int, int]:
    """Users and listens of the year."""
    counts = _ours(bench, "listen_count").values()
    return len(counts), sum(int(str(count)) for count in counts)


def _add(section: Section, scale: Scale, *, judged: bool) -> None:
    at = f"{scale.listens:,} listens"
    section.add(f"{at}: in {YEAR}", f"{scale.of_year:,} of {scale.users:,} users")
    section.add(f"{at}: equal results", f"{scale.compared:,} documents with the numbers of N's")
    whole = [step.seconds for step in scale.report]
    section.add(f"{at}: ours, all {len(SECTIONS)} sections, stored", spread(whole, "s"))
    section.add(f"{at}: N, {len(QUERIES)} sections one after another, stored", _spread(scale.naive))
    section.add(f"{at}: ours, those {len(QUERIES)} in one run, as files", _spread(scale.same))
    ratio, text = paired_ratio(_seconds(scale.naive), _seconds(scale.same))
    section.add(f"{at}: N : ours, the same sections", text, ">= 5" if judged else "", ratio >= 5 if judged else None)
    _, text = paired_ratio(_seconds(scale.naive), whole)
    section.add(f"{at}: N's {len(QUERIES)} : ours, all {len(SECTIONS)}", text)
    section.add(f"{at}: sections of the year alone", _spread(scale.year_only))
    section.add(f"{at}: top artists of that year (W2a)", _spread(scale.artists))
    ratio, text = paired_ratio(_seconds(scale.year_only), _seconds(scale.artists))
    section.add(f"{at}: the former : the latter", text, "<= 4" if judged else "", ratio <= 4 if judged else None)
    section.add(f"{at}: new artists, discoveries and missed recordings, which need history", _spread(scale.history))
    section.add(f"{at}: `user_track` of all time", _spread(scale.scan))
    ratio, text = paired_ratio(_seconds(scale.history), _seconds(scale.scan))
    section.add(f"{at}: the former : the latter", text, "<= 2" if judged else "", ratio <= 2 if judged else None)


def _seconds(timed: Timed) -> list[float]:
    return [seconds for seconds, _ in timed]


def _spread(timed: Timed) -> str:
    return f"{spread(_seconds(timed), 's')}; {median(usage.cpu_total for _, usage in timed):.0f} CPU-s"


def _method() -> str:
    return (
        "Ours, stored, is the whole request, landed lake to documents in PostgreSQL; N reads one flat file with text "
        "ids and stores documents. The generated lake has no metadata, so sections made of it are empty, and N lacks "
        f"them and the similar users. N has {', '.join(QUERIES)}. What is measured as files runs in a session of its "
        "own, one run after another."
    )


def _samples(scale: Scale) -> dict[str, object]:
    timed = ("naive", "same", "year_only", "artists", "history", "scan")
    found = {name: [[seconds, usage.cpu] for seconds, usage in getattr(scale, name)] for name in timed}
    return {**found, "report": [[step.seconds, step.usage.cpu] for step in scale.report]}
