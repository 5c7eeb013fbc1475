"""W5: similar recordings with production parameters, against naive Spark (N) and DuckDB's plain self-join (D).

The sizes are those of BENCH_LISTENS, ascending, each landed on top of the one before; a million without it. N takes
part at the first of them only. BENCH_ROUNDS=1 measures each thing once, after a round that warms up.
"""

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median

import duckdb
import orjson
import pyarrow as pa

from conf import postgres
from tests.bench.duckdb_similarity import Params, flat_listens, queries, similar_recordings
from tests.bench.duckdb_statistics import Cost, metered
from tests.bench.landed import Step, ask, landings
from tests.bench.meter import Usage
from tests.bench.naive_similarity import QUERY
from tests.bench.naive_statistics import naive_peer
from tests.bench.report import Section, number, paired_ratio
from tests.bench.statistics import listens_asked, once_asked
from tests.bench.system import Bench, bench_system

SIZES = (1_000_000,)
QUICK_SIZES = (20_000,)
PRODUCTION: Params = {"days": 7500, "session": 300, "contribution": 5, "threshold": 10, "limit": 100, "skip": 30}
QUICK: Params = {**PRODUCTION, "contribution": 2, "threshold": 2}
"""So few listens have no pair above the threshold of production."""
_STORED = "SELECT entity, doc FROM result_entity_document WHERE statistic = 'similar_recordings'"
_NAIVE = "SELECT one, other, score FROM naive_pair"
_FINGERPRINT = """
SELECT count(*), coalesce(bit_xor(hash(one, other, score::BIGINT)), 0) FROM listed"""


@dataclass
class Scale:
    """What was measured at one size."""

    listens: int
    lists: int = 0
    pairs: int = 0
    ours: list[Step] = field(default_factory=list)
    artists: list[Step] = field(default_factory=list)
    duckdb: list[Cost] = field(default_factory=list)
    naive: list[tuple[float, Usage]] = field(default_factory=list)


def run(quick: bool) -> Section:
    """The section."""
    section = Section("W5", "W5: recordings and artists that are heard in the same sessions")
    sizes = listens_asked(os.environ.get("BENCH_LISTENS", ""), QUICK_SIZES if quick else SIZES)
    params = QUICK if quick else PRODUCTION
    with bench_system() as bench:
        scales = [
            _measure(bench, params, 1 if once_asked(quick=quick) else 3, naive=size == sizes[0])
            for size, _ in landings(bench, sizes)
        ]
    for scale in scales:
        _add(section, scale, judged=not quick)
    if len(scales) > 1:
        first, last = scales[0], scales[-1]
        growth = _middle(last.ours) / _middle(first.ours)
        section.add(f"growth from {first.listens:,} to {last.listens:,} listens", f"{growth:.1f} x the time")
    section.text.append(_method(params))
    section.samples |= {f"{scale.listens}": _samples(scale) for scale in scales}
    return section


def _measure(bench: Bench, params: Params, rounds: int, *, naive: bool) -> Scale:
    """Interleaved; the first round warms up, and is where results are compared."""
    scale = Scale(bench.listens())
    newest = bench.value("SELECT newest_listen_ts FROM landing ORDER BY id DESC LIMIT 1")
    lake, flat = bench.settings.lake, bench.folder / "flat.parquet"
    flat_listens(lake, newest, params, flat)
    asked = {name: params[name] for name in ("days", "session", "threshold", "limit")} | {"is_production_dataset": True}
    recordings = {**asked, "max_contribution": params["contribution"], "skip_threshold": params["skip"]}
    artists = {**asked, "contribution": params["contribution"], "skip": params["skip"]}
    with naive_peer(bench, flat, "tests.bench.naive_similarity") as peer:
        for number_ in range(rounds + 1):
            step = ask(bench, "similarity.recording", recordings)
            lists, pairs, cost = _duckdb(lake, newest, params)
            told = [params[name] for name in ("session", "skip", "contribution", "threshold")]
            spent = peer.told(list(told)) if naive else None
            if number_ == 0:
                scale.lists = _same("lists of recordings", _ours(bench), lists)
                scale.pairs = _same("pairs of naive Spark", _table(bench, _NAIVE), pairs) if naive else pairs.num_rows
                ask(bench, "similarity.artist", artists)
                continue
            scale.ours.append(step)
            scale.duckdb.append(cost)
            scale.naive += [] if spent is None else [spent]
            scale.artists.append(ask(bench, "similarity.artist", artists))
    flat.unlink()
    return scale


def _duckdb(lake: str, newest: int, params: Params) -> tuple[pa.Table, pa.Table, Cost]:
    found, cost = metered(lambda: similar_recordings(lake, newest, params))
    return (*found, cost)


def _ours(bench: Bench) -> pa.Table:
    """entity, other, score as stored."""
    with postgres.transaction(bench.connection) as cursor:
        cursor.execute(_STORED)
        stored = [(str(entity), orjson.loads(doc)["items"]) for entity, doc in cursor.fetchall()]
    rows = [(entity, item["id"], item["score"]) for entity, items in stored for item in items]
    return _columns(rows)


def _table(bench: Bench, query: str) -> pa.Table:
    with postgres.transaction(bench.connection) as cursor:
        cursor.execute(query)
        return _columns(cursor.fetchall())


def _columns(rows: Sequence[tuple[str, str, int]]) -> pa.Table:
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(("one", "other", "score"))})


def _same(what: str, ours: pa.Table, theirs: pa.Table) -> int:
    """Equal by the number of rows and an order-free hash of them: how many."""
    found = [_fingerprint(table) for table in (ours, theirs)]
    assert found[0] == found[1], f"{what}: {found[0]} here, DuckDB {found[1]}: no times are compared"
    assert found[0][0] > 0, f"{what}: nothing is above the threshold, so nothing is compared"
    return found[0][0]


def _fingerprint(rows: pa.Table) -> tuple[int, int]:
    with closing(duckdb.connect()) as connection:
        connection.register("listed", rows.rename_columns(["one", "other", "score"]))
        [(count, digest)] = connection.execute(_FINGERPRINT).fetchall()
    return int(count), int(digest)


def _add(section: Section, scale: Scale, *, judged: bool) -> None:
    at = f"{scale.listens:,} listens"
    section.add(f"{at}: equal results", f"{scale.lists:,} rows of lists as D's, {scale.pairs:,} pairs as N's")
    section.add(f"{at}: ours, `similarity.recording`, stored", _steps(scale.ours))
    section.add(f"{at}: ours, `similarity.artist`, stored", _steps(scale.artists))
    cpu = median(cost.cpu for cost in scale.duckdb)
    section.add(f"{at}: D", f"median {median(cost.seconds for cost in scale.duckdb):.3g} s; {cpu:.1f} CPU-s")
    ratio, text = paired_ratio([step.seconds for step in scale.ours], [cost.seconds for cost in scale.duckdb])
    section.add(f"{at}: ours : D", text, "<= 1" if judged else "", ratio <= 1 if judged else None)
    if scale.naive:
        cpu = median(usage.cpu_total for _, usage in scale.naive)
        section.add(f"{at}: N", f"median {median(seconds for seconds, _ in scale.naive):.3g} s; {cpu:.0f} CPU-s")
        ratio, text = paired_ratio([seconds for seconds, _ in scale.naive], [step.seconds for step in scale.ours])
        section.add(f"{at}: N : ours", text, ">= 5" if judged else "", ratio >= 5 if judged else None)


def _steps(steps: Sequence[Step]) -> str:
    middle = sorted(steps, key=lambda step: step.seconds)[len(steps) // 2]
    return (
        f"median {_middle(steps):.3g} s of {len(steps)}; {middle.usage.cpu_total:.0f} CPU-s "
        f"({middle.usage.cpu_text()}); peak {middle.usage.rss_text()}"
    )


def _middle(steps: Sequence[Step]) -> float:
    return median(step.seconds for step in steps)


def _method(params: Params) -> str:
    said = ", ".join(f"{name} {number(value)}" for name, value in params.items())
    return (
        f"Parameters: {said}. Ours is the whole request: landed lake to documents with names in PostgreSQL, queue, "
        "Spark and reader included. D reads the same Parquet files with two threads and ends with lists of ids in "
        "memory; N reads one flat file with text ids and stores pairs. All three repeat none of the original's faults, "
        f"so that their results are equal, by hash. D:\n\n```sql\n{queries().strip()}\n```\n\n"
        f"N:\n\n```sql\n{QUERY.strip()}\n```"
    )


def _samples(scale: Scale) -> dict[str, object]:
    return {
        "ours": [[step.seconds, step.usage.cpu] for step in scale.ours],
        "artists": [[step.seconds, step.usage.cpu] for step in scale.artists],
        "duckdb": [[cost.seconds, cost.cpu, cost.peak] for cost in scale.duckdb],
        "naive": [[seconds, usage.cpu] for seconds, usage in scale.naive],
    }
