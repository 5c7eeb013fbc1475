"""The parts as processes of their own, to be killed, paused and armed with fault points."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from conf.settings import PROJECT


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition; says what did not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.05)


@dataclass
class Part:
    """One process of one part."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL it and whatever it started."""
        for child in self._family():
            child.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """SIGTERM, in order; SIGKILL after 30 s."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        for process in self._family():
            process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        for process in self._family():
            process.send_signal(signal.SIGCONT)

    def died_of_its_fault_point(self, seconds: float = 60) -> bool:
        """Wait for the armed process to kill itself."""
        try:
            return self.process.wait(seconds) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def _family(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@dataclass
class System:
    """A whole system of separate processes on one database, broker and lake."""

    environment: dict[str, str]
    logs: Path
    parts: list[Part] = field(default_factory=list)
    program: Path = PROJECT / "spark_manage.py"

    def start(self, name: str, *, fault_point: str = "", **more: str) -> Part:
        """Start one part, armed or not."""
        environment = {**os.environ, **self.environment, **more, "FAULT_POINT": fault_point, "PYTHONPATH": str(PROJECT)}
        log = self.logs / f"{name}-{len(self.parts)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(self.program), name],
                env=environment, stdout=output, stderr=output, cwd=PROJECT,
            )  # fmt: skip
        part = Part(name, process, log)
        self.parts.append(part)
        if name == "web":
            until(lambda: self._answers() or process.poll() is not None, 30, f"web answers; it said {part.said()}")
        return part

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health/live", timeout=2).ok
        except requests.RequestException:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['WEB_PORT']}"

    def stop(self) -> None:
        for part in self.parts:
            part.resume()
            if part.process.poll() is None:
                part.process.terminate()
        for part in reversed(self.parts):
            part.stop()
