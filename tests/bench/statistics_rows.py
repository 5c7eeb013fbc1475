"""W2 and W3: what was measured at one size, and its rows in the report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from jobs.ranges import STATS_RANGES
from tests.bench.duckdb_statistics import COUNTED, ENTITIES, ITEMS, LISTS, PLAYED, RESOLVED, Cost
from tests.bench.landed import Step
from tests.bench.meter import Usage
from tests.bench.naive_statistics import HEAP, MESSAGE, QUERY
from tests.bench.report import Section, number, paired_ratio
from tests.bench.statistics_changes import Landed

JUDGED = 5_000_000
"""Listens from which on targets hold: they are set for ten million."""
MEMORY_GIB = 6
Pair = tuple[str, str]
"""Entity and range."""
_METHOD = (
    "Seconds run from the request's row to its results stored by the reader; runs take turns with their peers (W2a "
    "after an untimed round), two threads each. Ours are requests to the running consumer (heap 2g) with `rebuild`: "
    "all users, whole lists, with the period before, listening time and the spelling most played. W2a: "
    "`stats.user.entity`, artists, all_time. W2b: `stats.user.entity` without params: four lists in nine ranges, "
    "and besides, which no peer makes, artist map and artist activity. W3: `stats.sitewide.entity` (with artist map "
    "and activity); `stats.entity.listeners` answers for what the metadata tables know, and generated data is "
    "landed without them here: its seconds are those of finding that."
)
_CHANGE = (
    "W2c: written through the write functions while the consumer is held, then landed (timed apart), then "
    "`stats.all` continued; T stays on its day. Proven each time: the run continued the one before, and every list "
    "has DuckDB's rows and sums. The fixed change: one user of every percentile of history length listens 30 times "
    "and deletes 5 old listens; 1,000 tracks without MBIDs that one of them alone has heard are re-mapped; one more "
    "user deletes everything. The backdated user is new: 20,000 listens spread over 20 years. W2b, which it is a "
    "part of, is less work than what is continued, `stats.all`; DuckDB's recompute is less than either."
)


@dataclass
class Compared:
    """Runs of the same thing, in the order they took turns."""

    ours: list[Step] = field(default_factory=list)
    duckdb: list[Cost] = field(default_factory=list)
    naive: list[tuple[float, Usage]] = field(default_factory=list)
    sail: list[tuple[float, Usage]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return median(step.seconds for step in self.ours)

    @property
    def duckdb_seconds(self) -> float:
        return median(cost.seconds for cost in self.duckdb)


@dataclass(frozen=True)
class Continued:
    """A change, its landing, the run after it, and DuckDB's recompute of everything."""

    landing: Landed
    run: Step
    touched: int | None
    """None: so many that everything was computed anew."""
    """Users, as the run says."""
    share: float
    """Of all listens that are those users' whom the change was expected to touch."""
    peer: Cost


@dataclass
class Scale:
    """Everything at one size."""

    listens: int
    users: int
    landing: Step | None = None
    same_rows: tuple[int, int] = (0, 0)
    """Proven equal: with DuckDB, with naive Spark."""
    one: Compared = field(default_factory=Compared)
    all: Compared = field(default_factory=Compared)
    naive_ranges: dict[Pair, tuple[float, float]] = field(default_factory=dict)
    """Seconds, CPU seconds."""
    sitewide: Compared = field(default_factory=Compared)
    listeners: Step | None = None
    rebuild: Step | None = None
    fixed: list[Continued] = field(default_factory=list)
    backdated: list[Continued] = field(default_factory=list)
    day: Continued | None = None
    at_random: int = 0
    """Users whom as many tracks, drawn from all, would touch."""

    def steps(self) -> list[Step]:
        """All runs of ours, and landings."""
        ran = [
            *self.one.ours,
            *self.all.ours,
            *self.sitewide.ours,
            *(one.run for one in (*self.fixed, *self.backdated)),
        ]
        return [*ran, *(step for step in (self.landing, self.listeners, self.rebuild) if step is not None)]

    @property
    def peak(self) -> float:
        """MB of JVM and Python together: the sum of what each part held at its highest."""
        return max(sum(mb for part, mb in step.usage.peak_pss.items() if part != "postgres") for step in self.steps())

    def naive_total(self) -> tuple[float, float]:
        """Seconds and CPU seconds of naive Spark for all entities and ranges; what was not measured is put low."""
        least = min(self.naive_ranges.values())
        pairs = [(entity, name) for entity in ENTITIES for name in STATS_RANGES]
        spent = [self.naive_ranges.get(pair) or self.naive_ranges.get(("artists", pair[1]), least) for pair in pairs]
        return sum(seconds for seconds, _ in spent), sum(cpu for _, cpu in spent)

    def samples(self) -> dict[str, Any]:
        return {
            "W2a": _samples(self.one),
            "W2b": _samples(self.all),
            "W2b naive": {f"{entity} {name}": spent for (entity, name), spent in self.naive_ranges.items()},
            "W3": _samples(self.sitewide),
            "peaks": [step.usage.peak_pss for step in self.steps()],
            "W2c": [[one.landing.seconds, one.run.seconds, one.run.usage.cpu, one.touched, one.share, one.peer.seconds]
                    for one in (*self.fixed, *self.backdated, *([self.day] if self.day else []))],
        }  # fmt: skip


def add_rows(section: Section, scale: Scale) -> None:
    """The rows of one size."""
    at, judged = f"{scale.listens:,} listens", scale.listens >= JUDGED
    _one_entity(section, scale, at, judged=judged)
    _all_entities(section, scale, at, judged=judged)
    _sitewide(section, scale, at)
    for found, what, most in ((scale.fixed, "fixed change", 0.15), (scale.backdated, "with backdated user", 0.25)):
        if found:
            _continued(section, scale, found, f"W2c, {at}, {what}", most if judged else None)
    if scale.day is not None:
        _day(section, scale, scale.day, f"W2c, {at}, a day of 0.3 % new and 0.05 % deleted")
    met = scale.peak <= MEMORY_GIB * 1024
    _judge(section, f"{at}: peak memory, JVM and Python together", f"{scale.peak / 1024:.2f} GiB",
           f"<= {MEMORY_GIB} GiB", met, judged=judged)  # fmt: skip


def add_growth(section: Section, scales: Sequence[Scale]) -> None:
    """How the fixed change grows from the first size to the last."""
    first, last = scales[0], scales[-1]
    if len(scales) < 2:
        return
    for what, of in (("fixed change", "fixed"), ("with backdated user", "backdated")):
        found = [getattr(scale, of) for scale in (first, last)]
        if all(found):
            few, many = (median(one.run.seconds for one in one_size) for one_size in found)
            _judge(section, f"W2c, {what}: {last.listens:,} : {first.listens:,} listens", f"{many / few:.2f}", "<= 1.3",
                   many / few <= 1.3, judged=last.listens >= JUDGED)  # fmt: skip


def add_text(section: Section) -> None:
    """How it was measured."""
    section.text += [
        _METHOD,
        _CHANGE,
        "Equality: artists of all time by an order-free hash of (user, folded name, MBID, count), naive Spark where it "
        "has not cut at 1000; every other list by rows, listens, squares of listens, listens times user.",
        "D: DuckDB, from opening the Parquet files of the newest Delta version (no deletion vectors: the files are the "
        f"rows) to Arrow tables:\n\n```sql\n{RESOLVED}\n{ITEMS['artists']}\n{PLAYED}\n{COUNTED}\n{LISTS}\n```",
        f"N: naive Spark, a process of its own, heap {HEAP}, 200 shuffle partitions, from one flat Parquet file; "
        f"toLocalIterator, asDict, json.dumps, INSERT of jsonb, {MESSAGE} users a transaction:\n\n```sql\n{QUERY}\n```",
        "S: Sail (pysail), a process of its own: N's statement, file and way into PostgreSQL, without Spark's JVM.",
    ]


def _one_entity(section: Section, scale: Scale, at: str, *, judged: bool) -> None:
    one = scale.one
    naive, sail = [seconds for seconds, _ in one.naive], [seconds for seconds, _ in one.sail]
    section.add(f"W2a, {at} of {scale.users:,} users: ours", _steps(one.ours))
    section.add(f"W2a, {at}: D", _costs(one.duckdb))
    section.add(f"W2a, {at}: N", _spent(one.naive))
    section.add(f"W2a, {at}: S", f"{_spent(one.sail)}; S : ours {median(sail) / one.seconds:.2f}")
    ratio, text = paired_ratio([step.seconds for step in one.ours], [cost.seconds for cost in one.duckdb])
    _judge(section, f"W2a, {at}: ours : D", text, "<= 3", ratio <= 3, judged=judged)
    ratio, text = paired_ratio(naive, [step.seconds for step in one.ours])
    _judge(section, f"W2a, {at}: N : ours", text, ">= 4", ratio >= 4, judged=judged)
    section.add(f"W2a, {at}: rows proven equal", f"{scale.same_rows[0]:,} (D), {scale.same_rows[1]:,} (N)")


def _spent(spent: Sequence[tuple[float, Usage]]) -> str:
    seconds, cpu = median(taken for taken, _ in spent), median(usage.cpu_total for _, usage in spent)
    peak = max(sum(mb for part, mb in usage.peak_pss.items() if part != "postgres") for _, usage in spent)
    return f"{seconds:.1f} s, {cpu:.0f} CPU-s; peak {peak:.0f} MB"


def _all_entities(section: Section, scale: Scale, at: str, *, judged: bool) -> None:
    asked, measured = len(ENTITIES) * len(STATS_RANGES), len(scale.naive_ranges)
    seconds, cpu = scale.naive_total()
    section.add(f"W2b, {at}: ours", _steps(scale.all.ours))
    section.add(
        f"W2b, {at}: D", f"{_costs(scale.all.duckdb)}; ours : D {scale.all.seconds / scale.all.duckdb_seconds:.1f}"
    )
    known = sum(taken for taken, _ in scale.naive_ranges.values())
    how = f"extrapolated: {measured} of {asked} measured, {known:.0f} s; the others as artists, or the cheapest run"
    if measured == asked:
        how = "measured"
    section.add(f"W2b, {at}: N", f"{seconds:.0f} s, {cpu:.0f} CPU-s ({how})")
    ratio = seconds / scale.all.seconds
    _judge(section, f"W2b, {at}: N : ours", f"{ratio:.1f}", ">= 10", ratio >= 10, judged=judged)
    if scale.rebuild is not None:
        section.add(f"`stats.all` of everything, {at}", _steps([scale.rebuild]))


def _sitewide(section: Section, scale: Scale, at: str) -> None:
    section.add(f"W3, {at}: ours, `stats.sitewide.entity`", _steps(scale.sitewide.ours))
    ratio = scale.sitewide.seconds / scale.sitewide.duckdb_seconds
    section.add(f"W3, {at}: D", f"{_costs(scale.sitewide.duckdb)}; ours : D {ratio:.1f}")
    if scale.listeners is not None:
        section.add(f"W3, {at}: ours, `stats.entity.listeners`", _steps([scale.listeners]))


def _continued(section: Section, scale: Scale, found: list[Continued], what: str, most: float | None) -> None:
    change, last = found[-1].landing.change, found[-1]
    seconds = median(one.run.seconds for one in found)
    section.add(
        f"{what}: continued",
        f"{_steps([one.run for one in found])}; {last.touched} users touched ({len(change.users)} expected, "
        f"{last.share:.1%} of listens)",
    )
    section.add(
        f"{what}: landing of {change.listens:,} listens, {change.deletes} deletes, a wipe, {change.remaps} re-mapped",
        f"{median(one.landing.seconds for one in found):.1f} s, "
        f"{median(one.landing.usage.cpu_total for one in found):.0f} CPU-s",
    )
    ratio, limit = seconds / scale.all.seconds, most or 0
    _judge(section, f"{what}: part of W2b", f"{ratio:.3f}", f"<= {limit}", ratio <= limit, judged=most is not None)
    peer = median(one.peer.seconds for one in found)
    _judge(section, f"{what}: ours : D's recompute of all lists", f"{seconds / peer:.2f} (D {peer:.1f} s)", "< 1",
           seconds < peer, judged=most is not None)  # fmt: skip
    if most is not None and "backdated" not in what:
        section.add(
            f"{what}: users touched had the tracks been drawn from all", f"{scale.at_random:,} of {scale.users:,}"
        )


def _touched(day: Continued) -> str:
    return "computed anew: most" if day.touched is None else f"{day.touched:,}"


def _day(section: Section, scale: Scale, day: Continued, what: str) -> None:
    change, rebuild = day.landing.change, scale.rebuild
    section.add(
        f"{what}: continued",
        f"{_steps([day.run])}; {_touched(day)} of {scale.users:,} users touched, the turned day's included "
        f"({len(change.users):,} expected), {day.share:.0%} of listens",
    )
    section.add(
        f"{what}: landing of {change.listens:,} listens, {change.deletes:,} deletes",
        f"{day.landing.seconds:.1f} s, {day.landing.usage.cpu_total:.0f} CPU-s",
    )
    if rebuild is not None:
        section.add(
            f"{what}: part of `stats.all` of everything",
            f"{day.run.seconds / rebuild.seconds:.2f}; floor {day.share:.2f}: the touched users' share of listens",
        )


def _judge(section: Section, what: str, measured: str, target: str, met: bool, *, judged: bool) -> None:
    section.add(what, measured, target if judged else "", met if judged else None)


def _steps(steps: Sequence[Step]) -> str:
    """Median seconds of runs, their CPU by part, and the highest peaks."""
    middle = sorted(steps, key=lambda step: step.seconds)[len(steps) // 2]
    return (
        f"{_seconds(step.seconds for step in steps)}; {middle.usage.cpu_total:.0f} CPU-s ({middle.usage.cpu_text()}); "
        f"peak {middle.usage.rss_text()}"
    )


def _costs(costs: Sequence[Cost]) -> str:
    cpu = median(cost.cpu for cost in costs)
    return (
        f"{_seconds(cost.seconds for cost in costs)}; {cpu:.1f} CPU-s; peak {max(cost.peak for cost in costs):.0f} MB"
    )


def _seconds(values: Iterable[float]) -> str:
    found = sorted(values)
    of = f" ({number(found[0])} to {number(found[-1])}, {len(found)} runs)" if len(found) > 1 else ""
    return f"{median(found):.3g} s{of}"


def _samples(compared: Compared) -> dict[str, Any]:
    return {
        "ours": [[step.seconds, step.usage.cpu] for step in compared.ours],
        "duckdb": [[cost.seconds, cost.cpu, cost.peak] for cost in compared.duckdb],
        "naive": [[seconds, usage.cpu] for seconds, usage in compared.naive],
        "sail": [[seconds, usage.cpu] for seconds, usage in compared.sail],
    }
