"""W11: from the start of the request consumer to the first statistic that can be read, against a bare Spark session."""

import subprocess
import sys
import time
from statistics import median

import requests

from conf import postgres
from conf.settings import PROJECT
from dumps.generator.files import World
from request_consumer.requests import enqueue
from tests.bench import http
from tests.bench.report import Section, paired_ratio, spread
from tests.bench.system import UNTIL, Bench, bench_system, start_consumer, wait
from tests.faults.parts import Part

BARE = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
print(spark.range(1000).count(), flush=True)
spark.stop()
"""
QUERY, PARAMS = "stats.user.entity", {"entity": "artists", "stats_range": "all_time"}
LISTENS = 20_000


def run(quick: bool) -> Section:
    """The section."""
    section = Section("W11", "W11: cold start and a warm small request")
    pairs, listens = (1, 2_000) if quick else (5, LISTENS)
    with bench_system() as bench:
        _api(section, bench)
        for part in ("listen_writer", "spark_reader"):
            bench.system.start(part)
        _fill(bench, listens)
        start_consumer(bench)
        bench.wait_landed(120)
        _ask(bench)
        warm = [_ask(bench) for _ in range(2 if quick else 7)]
        _stop(bench)
        if not quick:  # warm-up of the pair: files in the page cache
            _cold(bench)
            _bare()
        cold, bare = [], []
        for _ in range(pairs):
            bare.append(_bare())
            cold.append(_cold(bench))
    _, ratio = paired_ratio(cold, bare)
    middle = median(cold) / median(bare)
    section.add("consumer start to first statistic readable", spread(cold, "s"))
    section.add("bare SparkSession + range().count(), process start to answer", spread(bare, "s"))
    section.add("ours : bare, interleaved pairs", ratio, "<= 1.3", middle <= 1.3)
    section.add("warm request, asked to readable", spread(warm, "s"))
    section.above("cold : warm", median(cold) / median(warm), "times", 10)
    section.text.append(
        f"A lake of {listens:,} landed listens; the request ({QUERY}, artists, all_time, every user) is queued "
        "when the consumer's process starts. Readable: GET of a user's statistic answers with the new run. Besides "
        "starting Spark, ours loads Delta, takes the lake's lock, checks lake against store, computes, writes, and the "
        "reader switches. Bare: no Delta, no files."
    )
    section.samples |= {"cold": cold, "bare": bare, "warm": warm}
    return section


def _api(section: Section, bench: Bench) -> None:
    """The API without any Java: process start to an accepted submission."""
    (user,) = bench.create_users(["listener"]).values()
    token = bench.token(user)
    started = time.monotonic()
    bench.system.start("web")
    metadata = {"artist_name": "Ada", "track_name": "Song"}
    call = http.submission("single", token, [{"listened_at": UNTIL, "track_metadata": metadata}])
    line = http.Line(bench.port)
    wait(lambda: line.exchange(call)[0] == 200, 30, "a submission is accepted")
    section.add("API: process start to a submission accepted, no Java running", f"{time.monotonic() - started:.2f} s")


def _fill(bench: Bench, listens: int) -> None:
    world = World.make(3, listens, until=UNTIL)
    users = bench.create_users(world.listeners.names().to_pylist())
    calls = [http.submission("import", bench.token(users[u]), body.encode()) for u, _, body in world.messages()]
    assert all(answer.status == 200 for answer in http.at_full_speed(bench.port, calls, 2))
    wait(lambda: bench.consumed() >= listens, 120, "listens are in PostgreSQL")


def _last_updated(bench: Bench) -> int:
    answer = requests.get(f"{bench.system.url}/1/stats/user/listener/artists?range=all_time", timeout=10)
    return int(answer.json()["payload"]["last_updated"]) if answer.status_code == 200 else 0


def _runs(bench: Bench) -> int:
    """Changes with every run that became readable."""
    return bench.value("SELECT extract(epoch FROM last_updated) * 1000 FROM run WHERE stats_range = 'all_time'")


def _enqueue(bench: Bench) -> None:
    broker = bench.broker()
    connection = postgres.connect(postgres.dsn(bench.settings))
    enqueue(connection, broker, QUERY, PARAMS)
    connection.close()
    broker.close()


def _readable(bench: Bench, before: int, since: float) -> float:
    """Seconds until a run newer than `before` can be read through the API."""
    wait(lambda: _runs(bench) > before, 180, "a new run is stored", pause=0.02)
    wait(lambda: _last_updated(bench) * 1000 + 1000 > before, 30, "the API answers with it", pause=0.02)
    return time.monotonic() - since


def _ask(bench: Bench) -> float:
    before, started = _runs(bench), time.monotonic()
    _enqueue(bench)
    return _readable(bench, before, started)


def _cold(bench: Bench) -> float:
    before = _runs(bench)
    _enqueue(bench)
    started = time.monotonic()
    bench.system.start("request_consumer")
    took = _readable(bench, before, started)
    _stop(bench)
    return took


def _stop(bench: Bench) -> None:
    for part in _consumers(bench):
        part.stop()


def _consumers(bench: Bench) -> list[Part]:
    return [p for p in bench.system.parts if p.name == "request_consumer" and p.process.poll() is None]


def _bare() -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", BARE], check=True, capture_output=True, cwd=PROJECT)
    return time.monotonic() - started
