"""Starts the parts of one machine as processes, starts again what dies, and ends all of them in order.

A part has a process group of its own, so Ctrl-C reaches the supervisor alone, and a lifeline, so it ends should the
supervisor be killed. The embedded PostgreSQL is one of the parts where DATABASE_URL is empty.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from commands.exits import BUSY, CommandError
from conf.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from conf.postgres import dsn, migrate
from conf.settings import PROJECT, Settings, environment, made_folder

PARTS = ("listen_writer", "history_importer", "spark_reader", "request_consumer", "web", "scheduler")
STOP_SECONDS = 45.0
"""How long a part may take to end in order before it is killed."""
KILLED_SECONDS = 5.0
"""How long what was killed may take to be gone; beyond, whoever adopted it has not noticed its end."""
KILLED_POLL_SECONDS = 0.02
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STABLE_SECONDS = 60.0
"""A part that lived this long is started again without a pause to speak of."""
POSTGRES_PAUSE = 5.0
LOG_BYTES = 20_000_000
"""A log longer than this is set aside: two are kept of each part, so logs never fill a disk."""
ROTATE_SECONDS = 5.0

Tell = Callable[[str], None]


@dataclass
class _Process:
    name: str
    running: subprocess.Popen[bytes]
    started: float
    pause: float = FIRST_PAUSE
    due: float | None = None
    """When to start it again; None while it runs."""


class Supervisor:
    """The parts of one data folder. One supervisor at a time: a second is refused while the first lives."""

    def __init__(self, settings: Settings, tell: Tell) -> None:
        self.settings = settings
        self._tell = tell
        self._logs = settings.data_dir / "logs"
        self._postgres = (
            EmbeddedPostgres(settings.data_dir, settings.postgres_connections) if settings.embedded_postgres else None
        )
        self._postgres_due = 0.0
        self._parts: dict[str, _Process] = {}
        self._lock: IO[bytes] | None = None
        self._lifeline = os.pipe()
        self._rotated = 0.0

    def start_store(self) -> list[str]:
        """Lock the data folder, start PostgreSQL if it is ours, bring the schema up; the migrations applied.

        Raises CommandError (busy), SettingError (DATA_DIR), EmbeddedPostgresError, StoreUnavailableError, SchemaError.
        """
        self._take_lock()
        if self._postgres is not None:
            self._postgres.start()
        return migrate(dsn(self.settings))

    def start(self, *names: str) -> None:
        """Start parts."""
        for name in names:
            self._parts[name] = _Process(name, self._spawn(name), time.monotonic())

    def pids(self) -> dict[str, int]:
        """Process ids by part."""
        return {name: part.running.pid for name, part in self._parts.items()}

    def look(self) -> None:
        """Start again what has died and is due; call it about twice a second."""
        if self._postgres is not None and self._postgres.process is not None:
            self._look_at_postgres(self._postgres)
        for part in self._parts.values():
            self._look_at(part)
        if time.monotonic() >= self._rotated + ROTATE_SECONDS:
            self._rotated = time.monotonic()
            for name in self._parts:
                self._set_aside(self._log(name))

    def stop(self) -> None:
        """End all parts at once, in order, then PostgreSQL. Nothing of them is left."""
        for part in self._parts.values():
            if part.running.poll() is None:
                part.running.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for part in self._parts.values():
            try:
                part.running.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._tell(f"{part.name} did not end within {STOP_SECONDS:.0f} s and is killed")
            _end_group(part.running)
        self._parts.clear()
        if self._postgres is not None:
            self._postgres.stop()
        if self._lock is not None:
            self._lock.close()

    def _take_lock(self) -> None:
        path = made_folder(self.settings.data_dir) / "up.lock"
        self._lock = path.open("a+b")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = path.read_text().strip()
            raise CommandError(
                f"already running on {self.settings.data_dir} (process {pid}); stop that one with Ctrl-C or "
                f"`kill {pid}`, or set DATA_DIR to another folder",
                BUSY,
            ) from None
        path.write_text(str(os.getpid()))

    def _look_at_postgres(self, postgres: EmbeddedPostgres) -> None:
        assert postgres.process is not None
        status = postgres.process.poll()
        if status is None:
            return
        if time.monotonic() < self._postgres_due:
            return
        self._tell(f"PostgreSQL ended (status {status}); starting it again")
        self._postgres_due = time.monotonic() + POSTGRES_PAUSE
        try:
            postgres.start()
        except (EmbeddedPostgresError, OSError) as problem:
            self._tell(f"{problem}; another try in {POSTGRES_PAUSE:.0f} s")

    def _look_at(self, part: _Process) -> None:
        now = time.monotonic()
        if part.due is None:
            status = part.running.poll()
            if status is None:
                return
            _end_group(part.running)
            if now - part.started > STABLE_SECONDS:
                part.pause = FIRST_PAUSE
            part.due = now + part.pause
            part.pause = min(part.pause * 2, LONGEST_PAUSE)
            self._tell(f"{part.name} ended (status {status}); it starts again, see {self._log(part.name)}")
        elif now >= part.due:
            self._start_again(part, now)

    def _start_again(self, part: _Process, now: float) -> None:
        try:
            part.running, part.started, part.due = self._spawn(part.name), now, None
        except OSError as problem:  # no room for its log, no process or descriptor left: that may pass
            part.due = now + part.pause
            part.pause = min(part.pause * 2, LONGEST_PAUSE)
            self._tell(f"{part.name} cannot be started ({problem}); another try in {part.due - now:.0f} s")

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        reading = self._lifeline[0]
        command = [sys.executable, str(PROJECT / "spark_manage.py"), "--lifeline", str(reading), name]
        with self._opened_log(name) as log:
            return subprocess.Popen(
                command,
                env=environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.settings.data_dir,
                pass_fds=[reading],
                start_new_session=True,
            )

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _opened_log(self, name: str) -> IO[bytes]:
        path = self._log(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._set_aside(path)
        return path.open("ab")

    def _set_aside(self, path: Path) -> None:
        """Copied and cut to nothing, for its part has it open and appends: a line written between the two is lost."""
        try:
            if path.stat().st_size > LOG_BYTES:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                os.truncate(path, 0)
        except FileNotFoundError:
            return
        except OSError as problem:
            self._tell(f"{path} is long and cannot be set aside: {problem}")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what a part that has ended left behind: web workers, a Java process; a large one takes a moment to go."""
    process.poll()
    deadline = time.monotonic() + KILLED_SECONDS
    try:
        while time.monotonic() < deadline:
            os.killpg(process.pid, signal.SIGKILL)
            process.poll()
            time.sleep(KILLED_POLL_SECONDS)
    except ProcessLookupError:
        return
