"""W2 and W3: statistics of every user and of everybody, whole and after a change, against DuckDB and naive Spark.

The sizes are those of BENCH_LISTENS, ascending, each landed on top of the one before; a million and ten without it:

    BENCH_LISTENS=50000000 python -m tests.bench --only W2

BENCH_ROUNDS=1 measures each thing once, one list after a round that warms up, and asks naive Spark for two lists of the
thirty-six: an hour for both sizes, not two.
"""

import os
from collections.abc import Iterable, Sequence
from functools import partial

from jobs.ranges import STATS_RANGES, period
from tests.bench.duckdb_statistics import ENTITIES, flat_listens, metered, sitewide_lists, user_lists
from tests.bench.landed import ask, landings, tell
from tests.bench.naive_statistics import Naive, naive_peer
from tests.bench.report import Section
from tests.bench.statistics_changes import Change, Size, fixed_change, landed, next_day, reached_at_random, share_of
from tests.bench.statistics_equal import same_artists, same_as_naive, same_sums
from tests.bench.statistics_rows import Compared, Continued, Scale, add_growth, add_rows, add_text
from tests.bench.system import Bench, bench_system

SIZES = (1_000_000, 10_000_000)
QUICK_SIZES = (10_000, 20_000)
REBUILD = {"rebuild": True}
TOP_ARTISTS = {"entity": "artists", "stats_range": "all_time", **REBUILD}
NAIVE_SECONDS = 300.0
"""After so long no further range is asked of naive Spark; what is missing is put low."""
_RUN = "SELECT {} FROM run WHERE statistic = 'user_artists' AND stats_range = 'all_time'"


def run(quick: bool) -> Section:
    """The section."""
    section = Section("W2", "W2, W3: statistics of users and of everybody, whole and after a change")
    sizes = listens_asked(os.environ.get("BENCH_LISTENS", ""), QUICK_SIZES if quick else SIZES)
    with bench_system() as bench:
        scales = []
        for _, landing in landings(bench, sizes):
            scales.append(_measure(bench, quick=quick))
            scales[-1].landing = landing
    for scale in scales:
        add_rows(section, scale)
    add_growth(section, scales)
    add_text(section)
    section.samples |= {f"{scale.listens}": scale.samples() for scale in scales}
    return section


def listens_asked(text: str, usual: tuple[int, ...]) -> tuple[int, ...]:
    """Sizes, comma-separated and ascending; empty: the usual ones. Raises ValueError."""
    if not text:
        return usual
    sizes = tuple(int(part) for part in text.split(","))
    if sizes[0] <= 0 or list(sizes) != sorted(set(sizes)):
        raise ValueError(f"BENCH_LISTENS={text}: expected ascending numbers of listens, e.g. 1000000,10000000")
    return sizes


def once_asked(*, quick: bool) -> bool:
    """Whether each thing is measured once."""
    return quick or os.environ.get("BENCH_ROUNDS") == "1"


def _measure(bench: Bench, *, quick: bool) -> Scale:
    scale = Scale(bench.listens(), bench.value("SELECT count(*) FROM listen_totals WHERE listen_count > 0"))
    once = once_asked(quick=quick)
    rounds = 1 if once else 5 if scale.listens < 3_000_000 else 3
    flat = bench.folder / "flat.parquet"
    flat_listens(bench.settings.lake, flat)
    with naive_peer(bench, flat) as naive, naive_peer(bench, flat, "tests.bench.sail_statistics") as sail:
        _one_entity(bench, scale, naive, sail, rounds)
        _all_entities(bench, scale, naive, 1 if once else 2, 0 if once else NAIVE_SECONDS)
    flat.unlink()
    _sitewide(bench, scale)
    scale.rebuild = ask(bench, "stats.all", REBUILD)
    assert _is_whole(bench)
    plan = (False, True) if once else (False, False, True, False, True)
    _changes(bench, scale, Size(2, 6, 2, 20, 200) if quick else Size(), plan)
    return scale


def _one_entity(bench: Bench, scale: Scale, naive: Naive, sail: Naive, rounds: int) -> None:
    """W2a, interleaved; the first round warms up, and is where results are compared."""
    newest = _newest(bench)
    for number in range(rounds + 1):
        step = ask(bench, "stats.user.entity", TOP_ARTISTS)
        assert _is_whole(bench)
        lists, cost = metered(partial(user_lists, bench.settings.lake, newest, ("artists",), ("all_time",)))
        spent = naive.ask("artists", period("all_time", newest))
        same = (same_artists(bench, lists), same_as_naive(bench)) if number == 0 else scale.same_rows
        of_sail = sail.ask("artists", period("all_time", newest))
        if number == 0:
            scale.same_rows = same
            assert same_as_naive(bench) == same[1]
            continue
        scale.one.ours.append(step)
        scale.one.duckdb.append(cost)
        scale.one.naive.append(spent)
        scale.one.sail.append(of_sail)
        tell("the same: DuckDB", cost.seconds)
        tell("the same: naive Spark", spent[0])
        tell("the same: Sail", of_sail[0])


def _all_entities(bench: Bench, scale: Scale, naive: Naive, rounds: int, naive_seconds: float) -> None:
    """W2b."""
    newest = _newest(bench)
    for _ in range(rounds):
        step = ask(bench, "stats.user.entity", REBUILD)
        assert _is_whole(bench)
        _full_recompute(bench, scale.all, newest)
        scale.all.ours.append(step)
    asked = [("artists", "all_time"), ("artists", "week"), *((entity, "all_time") for entity in ENTITIES[1:])]
    asked += [(entity, name) for entity in ENTITIES for name in STATS_RANGES if (entity, name) not in asked]
    scale.naive_ranges = dict(_of_naive(naive, newest, asked, naive_seconds))


def _of_naive(
    naive: Naive, newest: int, asked: Iterable[tuple[str, str]], seconds: float
) -> Iterable[tuple[tuple[str, str], tuple[float, float]]]:
    """Seconds and CPU seconds by entity and range, until the time is over; two in any case."""
    total = 0.0
    for number, (entity, name) in enumerate(asked):
        if number >= 2 and total >= seconds:
            return
        taken, usage = naive.ask(entity, period(name, newest))
        total += taken
        tell(f"naive Spark's {entity} {name}", taken)
        yield (entity, name), (taken, usage.cpu_total)


def _full_recompute(bench: Bench, compared: Compared, newest: int) -> None:
    """DuckDB's lists of every user, entity and range, which ours are equal to."""
    lists, cost = metered(partial(user_lists, bench.settings.lake, newest, ENTITIES, STATS_RANGES))
    same_sums(bench, lists, "user")
    tell("DuckDB's lists of every user", cost.seconds)
    compared.duckdb.append(cost)


def _sitewide(bench: Bench, scale: Scale) -> None:
    """W3."""
    newest = _newest(bench)
    scale.sitewide.ours.append(ask(bench, "stats.sitewide.entity", REBUILD))
    scale.listeners = ask(bench, "stats.entity.listeners", REBUILD)
    lists, cost = metered(partial(sitewide_lists, bench.settings.lake, newest))
    same_sums(bench, lists, "sitewide")
    tell("DuckDB's lists of everybody", cost.seconds)
    scale.sitewide.duckdb.append(cost)


def _changes(bench: Bench, scale: Scale, size: Size, plan: Sequence[bool]) -> None:
    """W2c: the fixed change, in turn without and with the backdated user (the very first warms up), then a day.

    `plan`: whether with that user; of two, none warms up.
    """
    scale.at_random = reached_at_random(bench, size.remaps)
    for times, backdated in enumerate(plan):
        change = partial(fixed_change, bench, _newest(bench), size, times, backdated=backdated)
        found = _continued(bench, change)
        if len(plan) == 2 or times > 0:
            (scale.backdated if backdated else scale.fixed).append(found)
    scale.day = _continued(bench, partial(next_day, bench, _newest(bench)), whole_allowed=True)


def _continued(bench: Bench, write: partial[Change], *, whole_allowed: bool = False) -> Continued:
    """Write, land, continue every statistic; proven equal to DuckDB's recompute of the lake as it is then.

    `whole_allowed`: the change may touch so many that everything is computed anew.
    """
    landing = landed(bench, write)
    step = ask(bench, "stats.all", {})
    whole = _is_whole(bench)
    assert whole_allowed or not whole, "the run was not continued: no times"
    touched = None if whole else bench.value(_RUN.format("touched_users"))
    peer = Compared()
    _full_recompute(bench, peer, _newest(bench))
    return Continued(landing, step, touched, share_of(bench, landing.change.users), peer.duckdb[0])


def _is_whole(bench: Bench) -> bool:
    """Whether what is served was computed from everything."""
    return bench.value(_RUN.format("CASE WHEN base_run_id IS NULL THEN 1 ELSE 0 END")) == 1


def _newest(bench: Bench) -> int:
    """T of the newest data version."""
    return bench.value("SELECT newest_listen_ts FROM landing ORDER BY id DESC LIMIT 1")
