"""`make torture`: a real system under load, its parts killed at random for N minutes, then the ledger is checked.

    python -m tests.faults.torture --minutes 5 --seed 1

Kills any process of it with SIGKILL: web server and workers, writer, reader, consumer or its JVM alone, scheduler,
PostgreSQL, and the supervisor itself. Exit status 1 when a promised listen is lost or doubled, a statistic is wrong,
a part does not come back, or Ctrl-C leaves something behind.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import psutil
import requests

from conf import postgres
from conf.embedded_postgres import embedded_dsn
from conf.settings import PROJECT
from jobs.listens.users import create_token, create_user
from tests.faults.client import Client
from tests.faults.ledger import (
    Key,
    Promise,
    check_ledger,
    check_rows,
    key_of,
    rows_in_lake,
    rows_in_postgres,
    user_names,
)
from tests.faults.parts import until
from tests.ports import free_port

WEIGHTS = {
    "web": 4, "listen_writer": 4, "spark_reader": 3, "request_consumer": 2, "java": 2, "postgres": 2, "scheduler": 1,
    "supervisor": 1,
}  # fmt: skip
"""How likely each is the next to be killed. PostgreSQL and Java take others along, so not too often."""
LONGEST_PAUSE = 8.0


class Torture:
    """One system on its own folder, started with `spark_manage.py up`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)  # noqa: S311 - kills must be reproducible
        self.environment = {
            **os.environ, "DATA_DIR": str(folder / "data"), "WEB_PORT": str(free_port()), "LANDING_INTERVAL": "1",
            "RATE_LIMIT_PER_TOKEN": "1000000", "RATE_LIMIT_PER_ADDRESS": "1000000", "SPARK_MASTER": "local[2]",
        }  # fmt: skip
        self.kills: Counter[str] = Counter()
        self.done = threading.Event()
        self.supervisor = self._up()

    def _up(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(PROJECT / "spark_manage.py"), "up"]
        with (self.folder / "up.log").open("ab") as log:
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    @property
    def database_url(self) -> str:
        return embedded_dsn(Path(self.environment["DATA_DIR"]))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['WEB_PORT']}"

    def ready(self) -> bool:
        """Every part reports, and nothing is missing."""
        assert self.supervisor.poll() is None, f"`up` ended by itself: {(self.folder / 'up.log').read_text()[-2000:]}"
        try:
            answer = requests.get(f"{self.url}/health/ready", timeout=10).json()
        except (requests.RequestException, ValueError):
            return False
        return bool(answer["ready"]) and not [alarm for alarm in answer["alarms"] if "not running" in alarm]

    def parts(self) -> list[tuple[str, psutil.Process]]:
        """What the supervisor has started, web workers and Java included, by name."""
        found = [("supervisor", psutil.Process(self.supervisor.pid))]
        for process in found[0][1].children(recursive=True):
            try:
                arguments = process.cmdline()
                name = process.name() if process.name() in ("java", "postgres") else arguments[-1]
                owner = process.ppid()
            except (psutil.NoSuchProcess, IndexError):
                continue
            if name != "postgres" or owner == self.supervisor.pid:
                found.append((name, process))
        return [(name, process) for name, process in found if name in WEIGHTS]

    def load(self, client: Client) -> None:
        """Submit small and large batches until told to stop."""
        while not self.done.is_set():
            client.submit(self.random.choice((1, 1, 1, 10, 200)))
            time.sleep(0.02)

    def kill_one(self) -> None:
        """SIGKILL a part; the supervisor brings it back, and is itself brought back by us."""
        parts = self.parts()
        names = sorted({name for name, _ in parts})
        [name] = self.random.choices(names, [WEIGHTS[name] for name in names])
        process = self.random.choice([process for found, process in parts if found == name])
        self.kills[name] += 1
        with suppress(psutil.NoSuchProcess):
            process.kill()
        if name == "supervisor":
            self.supervisor.wait()
            self.supervisor = self._up()

    def stop(self) -> None:
        """Ctrl-C; everything must be gone within a minute."""
        started = [process for _, process in self.parts()]
        self.supervisor.send_signal(signal.SIGINT)
        assert self.supervisor.wait(60) == 0
        left = [process.pid for process in started if _runs(process)]
        assert not left, f"processes {left} are left behind"


def _runs(process: psutil.Process) -> bool:
    """One that has ended, but was not yet asked for its status by whoever adopted it, does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def run(minutes: float, seed: int, folder: Path) -> str:
    """Load, kill, heal, drain, check. Returns what was done; raises AssertionError when the ledger does not hold."""
    torture = Torture(folder, seed)
    try:
        until(torture.ready, 180, "the system is up")
        with closing(postgres.connect(torture.database_url)) as connection:
            user_id = create_user(connection, "ledger")
            with postgres.transaction(connection) as cursor:
                token = create_token(cursor, user_id, "torture", None)
        client = Client(torture.url, "ledger", token, folder / "ledger.jsonl")
        load = threading.Thread(target=torture.load, args=(client,))
        load.start()
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end:
            time.sleep(torture.random.uniform(0.5, LONGEST_PAUSE))
            torture.kill_one()
        torture.done.set()
        load.join()
        said = check(torture, client)
        print(said, flush=True)
        torture.stop()
        return "Ctrl-C left nothing behind."
    finally:
        torture.done.set()
        if torture.supervisor.poll() is None:
            torture.supervisor.terminate()
            torture.supervisor.wait(60)


def check(torture: Torture, client: Client) -> str:
    """Drain what is queued, wait for landing and statistics, and hold everything against the ledger."""
    healing = time.monotonic()
    until(torture.ready, 180, "every part is back")
    until(lambda: client.submit(1) == 200, 120, "submissions are taken again")
    healed = time.monotonic() - healing
    with closing(postgres.connect(torture.database_url)) as connection:
        until(lambda: _drained(connection), 300, "the queue is empty and everything has landed")
        promises, rows = client.promises(), rows_in_postgres(connection)
        check_rows(promises, rows, "PostgreSQL")
        in_lake = rows_in_lake(f"{torture.environment['DATA_DIR']}/lake", user_names(connection))
        check_rows(promises, in_lake, "the lake")
        assert rows == in_lake, "PostgreSQL and the lake do not hold the same listens"
        consumed = check_ledger(connection)
        until(lambda: _is_current(connection), 180, "statistics of the newest data version are served")
    _check_statistics(torture.url, promises, rows)
    kept = sum(len(p.listens) for p in promises if p.status == 200)
    statuses = Counter(str(p.status) for p in promises)
    return (f"{sum(torture.kills.values())} kills {dict(torture.kills)}; healed after {healed:.0f} s; "
            f"answers {dict(statuses)}; {kept} listens promised, {consumed} consumed, {rows.total()} landed, "
            f"0 lost, 0 doubled; statistics right")  # fmt: skip


def _check_statistics(url: str, promises: list[Promise], rows: Counter[Key]) -> None:
    """Top artists as served, against a count of the listens that are stored."""
    artist = {key_of(p.user_name, one): one["track_metadata"]["artist_name"] for p in promises for one in p.listens}
    expected = Counter(artist[key] for key in rows)
    payload = requests.get(f"{url}/1/stats/user/ledger/artists?range=all_time", timeout=10).json()["payload"]
    served = {one["artist_name"]: one["listen_count"] for one in payload["artists"]}
    assert served == dict(expected), f"served {served}, counted {dict(expected)}"


def _drained(connection: postgres.Connection) -> bool:
    with postgres.transaction(connection) as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT FROM queue_message WHERE queue = 'incoming')"
            " AND coalesce((SELECT max(position) FROM listen), 0) <= coalesce((SELECT max(position) FROM landing), 0)"
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def _is_current(connection: postgres.Connection) -> bool:
    with postgres.transaction(connection) as cursor:
        cursor.execute(
            "SELECT coalesce(min(r.data_version), 0) >= (SELECT max(id) FROM landing WHERE kind = 'land')"
            " FROM run r WHERE r.statistic = 'user_artists'"
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def main() -> None:
    """Read the options, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="listenlake-torture-") as folder:
        Path(folder).chmod(0o755)
        print(run(options.minutes, options.seed, Path(folder)))


if __name__ == "__main__":
    main()
