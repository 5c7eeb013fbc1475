"""`make torture`: a real system under load, its parts killed at random for N minutes, then the ledger is checked.

    python -m tests.faults.torture --minutes 5 --seed 1

Kills any part (PostgreSQL, web, writer, consumer with its JVM, reader) and now and then the supervisor itself.
A kill is a SIGKILL to the process named in part_status; the supervisor brings it back. Exit status 1 on any loss.
"""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import psycopg2

from conf import postgres
from conf.embedded_postgres import embedded_dsn
from conf.settings import PROJECT
from jobs.listens.users import create_token, create_user
from tests.faults.client import Client
from tests.faults.ledger import check_ledger, check_rows, rows_in_lake, rows_in_postgres, user_names
from tests.faults.parts import until


class Torture:
    """One system on its own folder, started with `spark_manage.py up`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)  # noqa: S311 - kills must be reproducible
        self.environment = {
            **os.environ, "DATA_DIR": str(folder / "data"), "WEB_PORT": str(_free_port()), "LANDING_INTERVAL": "1",
            "RATE_LIMIT_PER_TOKEN": "1000000", "RATE_LIMIT_PER_ADDRESS": "1000000", "SPARK_MASTER": "local[2]",
        }  # fmt: skip
        self.kills: Counter[str] = Counter()
        self.done = threading.Event()
        self.supervisor = self._up()

    def _up(self) -> subprocess.Popen[bytes]:
        log = (self.folder / "up.log").open("ab")
        command = [sys.executable, str(PROJECT / "spark_manage.py"), "up"]
        return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    @property
    def database_url(self) -> str:
        return embedded_dsn(Path(self.environment["DATA_DIR"]))

    def parts(self) -> list[tuple[str, int]]:
        """(part, pid) of every living part; [] while PostgreSQL is away."""
        try:
            connection = postgres.connect(self.database_url, autocommit=True)
        except postgres.StoreUnavailableError:
            return []
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT part, pid FROM part_status WHERE updated > now() - interval '10 s'")
                named = [(str(part), int(pid)) for part, pid in cursor.fetchall()]
        except psycopg2.Error:
            return []
        finally:
            connection.close()
        pid_file = Path(self.environment["DATA_DIR"]) / "postgres" / "postmaster.pid"
        if pid_file.exists():
            named.append(("postgres", int(pid_file.read_text().split()[0])))
        return [(part, pid) for part, pid in named if psutil.pid_exists(pid)]

    def load(self, client: Client) -> None:
        """Submit small and large batches until told to stop."""
        while not self.done.is_set():
            client.submit(self.random.choice((1, 1, 1, 10, 200)))
            time.sleep(0.02)

    def kill_one(self) -> None:
        """SIGKILL a random part, or one time in ten the supervisor, and bring that back."""
        if self.random.random() < 0.1:
            self.kills["supervisor"] += 1
            self.supervisor.kill()
            self.supervisor.wait()
            self.supervisor = self._up()
            return
        parts = self.parts()
        if not parts:
            return
        part, pid = self.random.choice(parts)
        self.kills[part] += 1
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def stop(self) -> None:
        self.supervisor.send_signal(signal.SIGINT)
        self.supervisor.wait(120)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def run(minutes: float, seed: int, folder: Path) -> str:
    """Load, kill, heal, drain, check. Returns what was done; raises AssertionError when the ledger does not hold."""
    torture = Torture(folder, seed)
    until(
        lambda: {"web", "listen_writer", "request_consumer"} <= {p for p, _ in torture.parts()}, 180, "the system is up"
    )
    connection = postgres.connect(torture.database_url)
    user_id = create_user(connection, "ledger")
    with postgres.transaction(connection) as cursor:
        token = create_token(cursor, user_id, "torture")
    connection.close()
    client = Client(f"http://127.0.0.1:{torture.environment['WEB_PORT']}", "ledger", token, folder / "ledger.jsonl")
    load = threading.Thread(target=torture.load, args=(client,))
    load.start()
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        time.sleep(torture.random.uniform(0.5, 8))
        torture.kill_one()
    torture.done.set()
    load.join()
    said = check(torture, client)
    torture.stop()
    return said


def check(torture: Torture, client: Client) -> str:
    """Drain what is queued, wait for the landing, and hold PostgreSQL and the lake against the ledger."""
    until(lambda: len({p for p, _ in torture.parts()}) >= 5, 180, "every part is back")
    until(lambda: client.submit(1) == 200, 120, "submissions are taken again")
    connection = postgres.connect(torture.database_url)
    until(lambda: _drained(connection), 300, "the queue is empty and everything has landed")
    promises = client.promises()
    check_rows(promises, rows_in_postgres(connection), "PostgreSQL")
    check_rows(promises, rows_in_lake(f"{torture.environment['DATA_DIR']}/lake", user_names(connection)), "the lake")
    consumed = check_ledger(connection)
    connection.close()
    kept = sum(len(p.listens) for p in promises if p.status == 200)
    statuses = Counter(str(p.status) for p in promises)
    return (f"{sum(torture.kills.values())} kills {dict(torture.kills)}; answers {dict(statuses)}; "
            f"{kept} listens promised, {consumed} consumed, 0 lost, 0 doubled")  # fmt: skip


def _drained(connection: postgres.Connection) -> bool:
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT FROM queue_message WHERE queue = 'incoming')"
            " AND coalesce((SELECT max(position) FROM listen), 0) <= coalesce((SELECT max(position) FROM landing), 0)"
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
