"""From a submitted listen to its count in a statistic, on a system that `spark_manage.py up` runs with its defaults."""

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.bench.report import Section, spread
from tests.whole_system import Up

USER, ARTIST = "listener", "Broadcast"
LISTENS = 10
LONGEST = 300.0
PAUSE = 0.2
TARGET = 60.0


class Default(Up):
    """With the intervals and the Spark master that a user has who sets nothing."""

    @property
    def environ(self) -> dict[str, str]:
        return {**super().environ, "LANDING_INTERVAL": "", "SPARK_MASTER": ""}


def run(quick: bool) -> Section:
    """The section."""
    with _running() as up:
        headers = {"Authorization": f"Token {_token(up)}"}
        first, *waits = [_wait(up, headers, count) for count in range(1, (2 if quick else LISTENS) + 2)]
    return judged(first, waits)


def judged(first: float, waits: Sequence[float]) -> Section:
    """Seconds that the first listen after the start waited, and each of those after it: every one against TARGET."""
    section = Section("freshness", "From a submitted listen to its count")
    section.add(
        "the very first listen after the start: Spark is cold, nothing is served yet",
        f"{first:.1f} s",
        f"< {TARGET:.0f} s",
        first < TARGET,
    )
    section.add(
        f"submit to count, {len(waits)} listens one after another",
        f"min {min(waits):.1f} s, {spread(waits, 's')}, max {max(waits):.1f} s",
        f"< {TARGET:.0f} s, each",
        max(waits) < TARGET,
    )
    section.samples |= {"first": first, "waits": [*waits]}
    section.text.append(
        "`spark_manage.py up` on an empty folder, every setting its default. Each listen is submitted by POST "
        "/1/submit-listens as soon as the one before is counted; the clock stops when "
        f"GET /1/stats/user/{USER}/artists?range=all_time says so, asked every {PAUSE} s. In between: listen writer, "
        "landing in the lake, the scheduler and its rest after the run before, a run of every statistic, the reader."
    )
    return section


@contextmanager
def _running() -> Iterator[Default]:
    folder = Path(tempfile.mkdtemp(prefix="listenlake-bench-"))
    folder.chmod(0o755)
    up = Default(folder)
    try:
        up.start()
        yield up
    finally:
        if up.process is not None:
            up.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _token(up: Up) -> str:
    made = up.command("user", "create", USER)
    found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made.stdout)
    assert found is not None, made.stdout + made.stderr
    return found.group()


def _wait(up: Up, headers: dict[str, str], count: int) -> float:
    """Submit one listen; seconds until the statistic counts so many."""
    metadata = {"artist_name": ARTIST, "track_name": f"Track {count}"}
    listen = {"listened_at": int(time.time()) - 60, "track_metadata": metadata}
    started = time.monotonic()
    document = {"listen_type": "single", "payload": [listen]}
    answer = requests.post(f"{up.url}/1/submit-listens", json=document, headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    while _counted(up) < count:
        assert time.monotonic() - started < LONGEST, f"listen {count} is not counted; {up.said()}"
        time.sleep(PAUSE)
    waited = time.monotonic() - started
    print(f"    listen {count}: {waited:.1f} s", file=sys.stderr)
    return waited


def _counted(up: Up) -> int:
    answer = requests.get(f"{up.url}/1/stats/user/{USER}/artists?range=all_time", timeout=10)
    if answer.status_code == 204:
        return 0
    assert answer.status_code == 200, answer.text
    return int(answer.json()["payload"]["artists"][0]["listen_count"])
