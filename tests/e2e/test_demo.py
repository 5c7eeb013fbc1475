"""`demo` on a new folder, then again: the table is printed, the second start is quick, nothing else is touched."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.whole_system import MANAGE, free_port

pytestmark = [pytest.mark.spark, pytest.mark.timeout(500)]


def demo(folder: Path) -> tuple[subprocess.CompletedProcess[str], float]:
    """One run to its end, and how many seconds it took."""
    environ = {**os.environ, "DATA_DIR": str(folder / "mine"), "WEB_PORT": str(free_port())}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(MANAGE), "demo", "--once"],
        env=environ, cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    return done, time.monotonic() - started


def test_the_demo_prints_top_artists_from_the_api_and_again_from_the_same_folder(state_dir: Path) -> None:
    folder = state_dir / "demo"
    folder.mkdir()
    first, _ = demo(folder)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Top artists of" in first.stdout
    assert "/1/stats/user/" in first.stdout
    assert re.search(r"^  http://\S+/user/[^/\s]+/$", first.stdout, re.MULTILINE)
    assert "\x1b" not in first.stdout, "no colours and no bars without a terminal"
    second, seconds = demo(folder)
    assert second.returncode == 0, second.stdout + second.stderr
    assert tables(second.stdout) == tables(first.stdout)
    assert seconds < 90, second.stdout
    assert not (folder / "mine").exists(), "the user's own folder is not the demo's"


def tables(printed: str) -> list[str]:
    """The lines of the tables of artists."""
    lines = printed.splitlines()
    first = next(at for at, line in enumerate(lines) if "Top artists of" in line)
    last = next(at for at, line in enumerate(lines) if "How long it took" in line)
    return lines[first:last]
