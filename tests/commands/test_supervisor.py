"""The supervisor outlives what keeps it from starting a part again."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from commands.supervisor import Supervisor
from conf.settings import Settings


def _until(supervisor: Supervisor, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        supervisor.look()
        time.sleep(0.05)


def test_a_part_whose_log_cannot_be_opened_is_tried_again_until_it_can(settings: Settings) -> None:
    told: list[str] = []
    supervisor = Supervisor(settings, told.append)
    logs: Path = settings.data_dir / "logs"
    settings.data_dir.mkdir()
    supervisor.start("scheduler")
    first = supervisor.pids()["scheduler"]
    try:
        shutil.rmtree(logs)
        logs.write_text("in the way")
        os.kill(first, signal.SIGKILL)
        _until(supervisor, lambda: any("cannot be started" in line for line in told))
        logs.unlink()
        _until(supervisor, lambda: supervisor.pids()["scheduler"] != first)
        assert (logs / "scheduler.log").exists()
    finally:
        supervisor.stop()
