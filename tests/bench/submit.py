"""Single submissions at a steady rate while the whole system runs: latency of the answer, and until it is read."""

import threading
import time
from bisect import bisect_left

import psycopg2

from conf import postgres
from tests.bench import http
from tests.bench.meter import measured, memory
from tests.bench.report import Section, percentiles
from tests.bench.system import Bench, bench_system, start_consumer, wait

USERS = 100
FIRST = 1_700_000_000
_ARRIVED = "SELECT count(*) FROM listen WHERE listened_at BETWEEN %s AND %s"
IDLE_SECONDS = 30.0
"""The consumer gives memory back after 20 s without work."""


def run(quick: bool) -> Section:
    """The section: idle memory, then the load."""
    section = Section("submit", "Single submissions: 300 a second for a minute")
    rate, seconds = (50, 4) if quick else (300, 60)
    with bench_system() as bench:
        users = bench.create_users([f"listener {number}" for number in range(USERS + 1)])
        for part in ("listen_writer", "spark_reader", "web"):
            bench.system.start(part)
        start_consumer(bench)
        _idle(section, bench, 1.0 if quick else IDLE_SECONDS)
        tokens = {user: bench.token(user) for user in users.values()}
        probe, *others = users.values()
        warm = [_one(tokens[others[0]], FIRST - 1000 + n) for n in range(100)]
        http.on_schedule(bench.port, warm, 50, 4)
        _load(section, bench, others, probe, rate, seconds)
    return section


def _one(token: str, listened_at: int) -> bytes:
    info = {"submission_client": "bench", "duration_ms": 215000, "media_player": "bench player"}
    metadata = {"artist_name": "Ada Holmberg", "track_name": f"Song {listened_at % 977}", "additional_info": info}
    return http.submission("single", token, [{"listened_at": listened_at, "track_metadata": metadata}])


def _idle(section: Section, bench: Bench, seconds: float) -> None:
    time.sleep(seconds)
    held = memory(bench.roots())
    section.below("idle system: memory of all parts (PSS)", sum(held.values()), "MB", 1500)
    section.text.append(
        "Idle, by part: " + ", ".join(f"{name} {size:.0f} MB" for name, size in sorted(held.items())) + "."
    )
    section.samples["idle_mb"] = held


def _load(section: Section, bench: Bench, users: list[int], probe: int, rate: int, seconds: int) -> None:
    count = rate * seconds
    requests = [_one(bench.token(users[n % len(users)]), FIRST + n) for n in range(count)]
    watch = _Watch(postgres.dsn(bench.settings))
    watch.start()
    with measured(bench.roots) as usage, http.process() as pool:
        load = pool.submit(http.on_schedule, bench.port, requests, rate, 16)
        probes = pool.submit(http.until_readable, bench.port, _probes(bench, probe, seconds), 0.4)
        answers, polled = load.result(), probes.result()
    wait(lambda: bench.value(_ARRIVED, FIRST, FIRST + count - 1) >= count, 60, "every listen is in PostgreSQL")
    watch.end()
    took = max(a.answered for a in answers) - min(a.due for a in answers)
    errors = sum(a.status != 200 for a in answers)
    readable = watch.waits(bench.connection, {FIRST + n: a.due for n, a in enumerate(sorted(answers, key=_due))})
    section.add("answers other than 200", f"{errors} of {count}", "0", errors == 0)
    section.add("rate", f"{count / took:.0f} calls/s over {took:.0f} s", f"{rate} calls/s", count / took > 0.97 * rate)
    section.add("HTTP answer, from when the call was due", percentiles([a.answered - a.due for a in answers]))
    section.add(
        "submit to readable, every listen",
        percentiles(readable),
        "p99 < 2000 ms",
        sorted(readable)[int(0.99 * len(readable))] < 2 and len(readable) == count,
    )
    section.add(f"submit to readable, {len(polled)} listens polled with GET .../listens", percentiles(polled))
    worker = usage.peak_rss["web"]
    section.below("web worker, highest resident size", worker, "MB", 200)
    section.add("CPU seconds", f"{usage.cpu_total:.0f} of {2 * took:.0f} ({usage.cpu_text()})")
    section.add("peak memory of the system (PSS, sampled)", f"{usage.peak_total:.0f} MB")
    section.text.append(
        f"{count} single submissions of {len(users)} users over 16 kept connections to 2 web workers, an open loop: a "
        "late answer does not delay the next call, and latency counts from when a call was due. All parts run, the "
        "request consumer landing every 5 s included. Every listen: a watcher asks PostgreSQL every 10 ms for the "
        "newest position it can see; position order is commit order, so that is when GET would show the listen. The "
        "client runs in a process of its own and is not in the CPU seconds, but on the same cores."
    )
    section.samples |= {"cpu": usage.cpu, "rss": usage.peak_rss, "polled": polled}


def _due(answer: http.Answer) -> float:
    return answer.due


def _probes(bench: Bench, user: int, seconds: int) -> list[tuple[bytes, bytes, bytes]]:
    token = bench.token(user)
    found = []
    for number in range(seconds * 3 // 2):
        second = FIRST + 10_000_000 + number
        ask = http.get(f"/1/user/listener%200/listens?min_ts={second - 1}&max_ts={second + 1}&count=1", token)
        found.append((_one(token, second), ask, b'"listened_at":%d' % second))
    return found


class _Watch(threading.Thread):
    """Notes when which position could be seen."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._connection = postgres.connect(url, application="bench watch", autocommit=True)
        self._ending = threading.Event()
        self._positions: list[int] = []
        self._times: list[float] = []

    def run(self) -> None:
        with self._connection.cursor() as cursor:
            while not self._ending.wait(0.01):
                cursor.execute("SELECT max(position) FROM listen")
                row = cursor.fetchone()
                position = int(row[0] or 0) if row else 0
                if not self._positions or position > self._positions[-1]:
                    self._positions.append(position)
                    self._times.append(time.time())

    def end(self) -> None:
        time.sleep(0.1)
        self._ending.set()
        self.join()
        self._connection.close()

    def waits(self, connection: psycopg2.extensions.connection, due: dict[int, float]) -> list[float]:
        """Seconds from due to visible, for the listens of these seconds (listened_at)."""
        with postgres.transaction(connection) as cursor:
            cursor.execute("SELECT listened_at, position FROM listen WHERE listened_at = ANY(%s)", (list(due),))
            rows = cursor.fetchall()
        return [self._times[bisect_left(self._positions, position)] - due[second] for second, position in rows]
