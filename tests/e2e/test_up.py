"""`up` as its user meets it: what dies comes back, a second one is refused, Ctrl-C leaves nothing behind."""

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.faults.parts import until
from tests.whole_system import Up

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]


def pids(up: Up) -> dict[str, int]:
    """The living process of each part, as the parts say themselves; what was killed is still listed, as gone."""
    said = json.loads(up.command("status", "--json").stdout)
    return {part["part"]: part["pid"] for part in said["parts"] if part["state"] == "alive"}


@pytest.mark.parametrize("part", ["listen_writer", "spark_reader", "scheduler"])
def test_a_part_that_is_killed_comes_back(part: str, whole_system: Up) -> None:
    before = pids(whole_system)[part]
    os.kill(before, signal.SIGKILL)
    until(lambda: pids(whole_system).get(part, before) != before, 30, f"{part} is back")
    whole_system.wait_until_whole(60)


def test_a_killed_postgres_comes_back(whole_system: Up) -> None:
    pid = int((whole_system.folder / "data" / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    until(lambda: "PostgreSQL ended" in whole_system.said(), 10, "the supervisor has seen it")
    whole_system.wait_until_whole(60)


def test_a_second_up_on_the_same_folder_is_refused_as_busy(whole_system: Up) -> None:
    done = whole_system.command("up")
    assert done.returncode == 75
    assert "already running" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_everything_at_once_and_a_killed_supervisor_takes_its_parts_along(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("up")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    up = Up(folder)
    up.start()
    family = up.family()
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    up.start()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive, f"left behind by a killed supervisor: {alive}"
    family = up.family()
    assert up.stop() == 0
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive, f"left behind by Ctrl-C: {alive}"
    assert "everything that was accepted is kept" in up.said()
    assert not list(Path(folder / "data").rglob("*.pid"))
