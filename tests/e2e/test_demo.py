"""`demo` on a new folder, then again: the table is printed, the second start is quick, nothing else is touched."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest
import requests

from jobs.ranges import STATS_RANGES
from tests.ports import free_port
from tests.whole_system import MANAGE

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1400)]
LONGEST = 600.0
"""Seconds of one run, on a machine that has other systems to test beside it."""


def demo(folder: Path) -> tuple[subprocess.CompletedProcess[str], float]:
    """One run to its end, and how many seconds it took."""
    environ = {**os.environ, "DATA_DIR": str(folder / "mine"), "WEB_PORT": str(free_port())}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(MANAGE), "demo", "--once"],
        env=environ, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False,
    )  # fmt: skip
    return done, time.monotonic() - started


@contextmanager
def staying(folder: Path) -> Iterator[tuple[str, float]]:
    """One that stays up: what it printed until then, and how many seconds that took. Ended by Ctrl-C."""
    environ = {**os.environ, "DATA_DIR": str(folder / "mine"), "WEB_PORT": str(free_port()), "PYTHONUNBUFFERED": "1"}
    started, printed = time.monotonic(), ""
    with subprocess.Popen(
        [sys.executable, str(MANAGE), "demo"],
        env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        too_long = threading.Timer(LONGEST, process.kill)
        too_long.start()
        for line in process.stdout:
            printed += line
            if "everything stays up" in line:
                break
        too_long.cancel()
        try:
            assert "everything stays up" in printed, printed
            yield printed, time.monotonic() - started
        finally:
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0, rest
    assert "stopped" in rest


def test_the_demo_prints_top_artists_from_the_api_and_again_from_the_same_folder(state_dir: Path) -> None:
    folder = Path(mkdtemp(prefix="demo-", dir=state_dir))
    folder.chmod(0o755)
    first, _ = demo(folder)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Top artists of" in first.stdout
    assert "/1/stats/user/" in first.stdout
    recommended = recommendations(first.stdout)
    assert [row[0] for row in recommended] == ["1", "2", "3", "4", "5"], first.stdout
    assert all(re.search(r"[0-9] listens?", row[3]) for row in recommended), first.stdout
    assert re.search(r"^  http://\S+/user/[^/\s]+/$", first.stdout, re.MULTILINE)
    assert "\x1b" not in first.stdout, "no colours and no bars without a terminal"
    with staying(folder) as (printed, seconds):
        assert tables(printed) == tables(first.stdout)
        assert recommendations(printed) == recommendations(first.stdout)
        assert seconds < 90, printed
        statistics = re.search(r"http://\S+/user/[^/\s]+/stats/", printed)
        assert statistics is not None, printed
        for stats_range in STATS_RANGES:
            charted(f"{statistics.group()}?range={stats_range}")
        year = re.search(r"^  (http://\S+/user/[^/\s]+/year-in-music/\d+)$", printed, re.MULTILINE)
        assert year is not None, printed
        page = requests.get(year[1], headers={"Accept": "text/html"}, timeout=20).text
        assert f">{year[1][-4:]}</p>" in page, page
    assert not (folder / "mine").exists(), "the user's own folder is not the demo's"


def recommendations(printed: str) -> list[list[str]]:
    """The rows of the table of recommendations, each with why; what was wrapped is one text again."""
    table = printed.partition("Recommended to")[2].partition("recommendations after")[0]
    rows: list[list[str]] = []
    for line in table.splitlines():
        if not line.startswith("│"):
            continue
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        if cells[0]:
            rows.append(cells)
        else:
            rows[-1] = [f"{above} {below}".strip() for above, below in zip(rows[-1], cells, strict=True)]
    return rows


def charted(url: str) -> None:
    """Every section of a page of statistics is there, and has a chart or rows."""
    page = requests.get(url, headers={"Accept": "text/html"}, timeout=20).text
    sections = re.findall(r'<section id="([^"]+)".*?</section>', page, re.DOTALL)
    assert len(sections) == 11, (url, sections)
    assert "Nothing in this range" not in page, url
    assert "Not computed yet" not in page, url
    for name in sections:
        section = page.partition(f'<section id="{name}"')[2].partition("</section>")[0]
        assert "<svg" in section, (url, name)
        assert re.search(r'class="number">[1-9]', section), (url, name)


def tables(printed: str) -> list[str]:
    """The lines of the tables of artists."""
    lines = printed.splitlines()
    first = next(at for at, line in enumerate(lines) if "Top artists of" in line)
    last = next(at for at, line in enumerate(lines) if "How long it took" in line)
    return lines[first:last]
