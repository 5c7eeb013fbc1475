"""W8: reading the API, beside a route that answers a constant and one as it is written first."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any
from uuid import uuid4

import numpy as np
import orjson
import requests

from conf.postgres import transaction
from conf.settings import PROJECT, environment
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.write import write_submissions
from tests.bench import h2load
from tests.bench.bare import fill_naive
from tests.bench.report import Section, paired_ratio
from tests.bench.system import Bench, bench_system, wait
from tests.bench.wrk import wrk
from tests.ports import free_port

NAME = "reader"
ITEMS = 1000
CLIENTS = (1, 8, 32)
READS = {
    "listens": f"/1/user/{NAME}/listens",
    "listen-count": f"/1/user/{NAME}/listen-count",
    "playing-now": f"/1/user/{NAME}/playing-now",
    "stats, 25 of 1,000 artists": f"/1/stats/user/{NAME}/artists",
}


def run(quick: bool) -> Section:
    """The section."""
    section = Section("W8", "W8: API reads, beside a bare Flask route on the same server")
    pairs, seconds, listens = (1, 1.0, 2_000) if quick else (5, 4.0, 150_000)
    with bench_system() as bench:
        user = bench.create_users([NAME])[1]
        _listens(bench, user, listens)
        items = _statistic(bench, user)
        fill_naive(bench.connection, user, items)
        bench.system.start("web")
        with bare_server(bench) as bare:
            _throughput(section, bench.system.url, bare, pairs, seconds, user)
            _latency(section, bench.system.url, bare, pairs, 2 if quick else 15)
    section.text.append(
        f"An account with {listens:,} listens and {ITEMS:,} artists; wrk, one thread, on the same 2 cores; ours and "
        "the bare server have 2 workers of 8 threads each, both run all the time, and are loaded in turns. Bare: a "
        "Flask route that returns 15 constant bytes; no token, limit, header or database. Ours hears of every change "
        "from PostgreSQL within about a millisecond, and believes the version of an answer until then: unchanged ones "
        "are told again before Flask, 200 and 304 alike; by the application: the same answers past that. Naive: jsonb "
        "of 1,000 items read whole, cut, jsonify. At 70 % load: h2load, so many connections that each has at most 80 "
        "calls a second; a call waits from when it was due, not from when its connection was free for it."
    )
    return section


@contextmanager
def bare_server(bench: Bench) -> Iterator[str]:
    """The bare application on a port of its own; its URL."""
    port = free_port()
    given = {**environment(bench.settings), "WEB_PORT": str(port), "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.bare"], env=given, cwd=PROJECT)
    url = f"http://127.0.0.1:{port}"
    try:
        wait(lambda: _answers(url), 30, "the bare server answers")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/live", timeout=2).ok
    except requests.RequestException:
        return False


BY_THE_APPLICATION = {"Accept-Encoding": "identity;q=1"}
"""Such a wish is not judged before Flask, where answers are told again (webapi/unchanged.py)."""


def _throughput(section: Section, ours: str, bare: str, pairs: int, seconds: float, user: int) -> None:
    for what, path in READS.items():
        etag = requests.get(ours + path, timeout=30).headers["ETag"]
        for clients in CLIENTS if what == "listens" else (8,):
            here, there, made, unchanged = [], [], [], []
            for _ in range(pairs):
                there.append(wrk(f"{bare}/constant", clients, seconds))
                here.append(wrk(ours + path, clients, seconds))
                made.append(wrk(ours + path, clients, seconds, headers=BY_THE_APPLICATION))
                unchanged.append(wrk(ours + path, clients, seconds, headers={"If-None-Match": etag}))
            rates = [[load.per_second for load in loads] for loads in (here, there, unchanged, made)]
            ratio, told = paired_ratio(rates[0], rates[1])
            name = f"{what}, {clients} clients"
            errors = sum(load.errors for load in here + made + unchanged)
            section.add(f"{name}: answers that failed", str(errors), "0", errors == 0)
            section.add(
                f"{name}: calls/s",
                f"{median(rates[0]):,.0f}; by the application: {median(rates[3]):,.0f}; 304: {median(rates[2]):,.0f}",
            )
            section.add(f"{name}: ours : bare ({median(rates[1]):,.0f}/s)", told, ">= 0.6", ratio >= 0.6)
            shorter, told = paired_ratio(rates[3], rates[2])
            section.add(f"{name}: time of a 304 : time of a 200 by the application", told, "<= 0.6", shorter <= 0.6)
            section.samples[name] = rates
    _naive(section, ours, f"{bare}/naive/{user}", pairs, seconds)


def _naive(section: Section, ours: str, naive: str, pairs: int, seconds: float) -> None:
    here, there = [], []
    for _ in range(pairs):
        there.append(wrk(naive, 8, seconds).per_second)
        here.append(wrk(ours + READS["stats, 25 of 1,000 artists"], 8, seconds).per_second)
    ratio, told = paired_ratio(here, there)
    section.add(f"stats: ours : naive ({median(there):,.0f}/s)", told, ">= 4", ratio >= 4)
    section.samples["naive"] = [here, there]


def _latency(section: Section, ours: str, bare: str, pairs: int, seconds: float) -> None:
    """Each at 70 % of what it got itself just before, in an open loop, in turns."""
    loads: dict[str, list[tuple[float, h2load.Steady]]] = {"ours": [], "bare": []}
    for _ in range(pairs):
        for whose, url in (("bare", f"{bare}/constant"), ("ours", ours + READS["listens"])):
            rate = 0.7 * median(h2load.full_speed(url, CLIENTS[-1], seconds / 4) for _ in range(3))
            loads[whose].append((rate, h2load.steady(url, seconds, rate)))
    for whose, runs in loads.items():
        told = [_shape(run) for _, run in runs]
        ratio = median(p99 / p50 for p50, p99 in told)
        rates = ", ".join(f"{rate:,.0f}" for rate, _ in runs)
        section.add(
            f"{'listens' if whose == 'ours' else 'bare'} at 70 % load ({rates}/s): p50, p99, p99 : p50, medians",
            f"{median(p50 for p50, _ in told):.2f} ms, {median(p99 for _, p99 in told):.2f} ms, {ratio:.1f}",
            "<= 4" if whose == "ours" else "",
            ratio <= 4 if whose == "ours" else None,
        )
        errors = sum(run.errors for _, run in runs)
        section.add(f"{whose} at 70 % load: answers that failed", str(errors), "0", errors == 0)
        section.samples[f"{whose} at 70 % load, p50 and p99 in ms"] = [list(each) for each in told]


def _shape(run: h2load.Steady) -> tuple[float, float]:
    """p50 and p99 in ms."""
    p50, p99 = np.percentile(run.waits * 1000, [50, 99])
    return float(p50), float(p99)


def _listens(bench: Bench, user: int, count: int) -> None:
    for first in range(0, count, 10_000):
        listens = tuple(_listen(first + n) for n in range(min(10_000, count - first)))
        write_submissions(bench.connection, [Submission(new_message_id(), user, 1, listens)])
    with transaction(bench.connection) as cursor:
        cursor.execute("ANALYZE listen")


def _listen(number: int) -> dict[str, Any]:
    info = {"submission_client": "bench", "duration_ms": 215000, "media_player": "bench player"}
    metadata = {"artist_name": "Ada Holmberg", "track_name": f"Song {number % 977}", "additional_info": info}
    return {"listened_at": 1_600_000_000 + 97 * number, "track_metadata": metadata}


def _statistic(bench: Bench, user: int) -> list[dict[str, Any]]:
    """A stored run of 1,000 artists of one user; the same as documents."""
    artists = [{"artist_name": f"Artist {n}", "artist_mbid": str(uuid4())} for n in range(ITEMS)]
    with transaction(bench.connection) as cursor:
        cursor.execute(
            "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
            " row_count) VALUES ('user_artists', 'all_time', %s, 1, 0, 1, 1, 1)",
            (uuid4(),),
        )
        for number, artist in enumerate(artists):
            text = orjson.dumps(artist).decode()
            cursor.execute("INSERT INTO result_entity (id, doc) VALUES (%s, %s)", (number, text))
        counts = list(range(ITEMS, 0, -1))
        cursor.execute(
            "INSERT INTO result_list (statistic, stats_range, key, ids, counts)"
            " VALUES ('user_artists', 'all_time', %s, %s, %s)",
            (user, list(range(ITEMS)), counts),
        )
    return [{**artist, "listen_count": count} for artist, count in zip(artists, counts, strict=True)]
