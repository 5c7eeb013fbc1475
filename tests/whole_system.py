"""`spark_manage.py up` as a user starts it: one process that starts all others, on folders and a port of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import requests

from conf.settings import PROJECT
from tests.ports import free_port

MANAGE = PROJECT / "spark_manage.py"


class Listening(NamedTuple):
    """A port that a process is open on."""

    process: str
    address: str
    port: int

    @property
    def local(self) -> bool:
        """Only this machine reaches it."""
        return self.address.removeprefix("::ffff:") in ("127.0.0.1", "::1")


@dataclass
class Up:
    """One `up` and what it said."""

    folder: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    """Of its environment, beyond those that every one has."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """For commands that should meet this system."""
        return {
            **os.environ, "DATA_DIR": str(self.folder / "data"), "WEB_PORT": str(self.port), "DATABASE_URL": "",
            "BROKER_URL": "postgresql:", "LAKE_URL": "", "SPARK_MASTER": "local[2]", "LANDING_INTERVAL": "0.5",
            **self.settings,
        }  # fmt: skip

    def start(self, ready: bool = True) -> None:
        """Start it; with `ready`, wait until it serves and every part is there."""
        with (self.folder / "up.log").open("ab") as log:
            command = [sys.executable, str(MANAGE), "up"]
            self.process = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log, cwd=self.folder)
        if ready:
            self.wait_until_whole(120)

    def said(self) -> str:
        """What it printed."""
        return (self.folder / "up.log").read_text(errors="replace")

    def wait_until_whole(self, seconds: float) -> None:
        """Until /health/ready has no reason and no alarm."""
        deadline = time.monotonic() + seconds
        while (missing := self.missing()) != "":
            assert self.process is not None
            assert self.process.poll() is None, f"up ended: {self.said()}"
            assert time.monotonic() < deadline, f"not whole after {seconds} s: {missing}\n{self.said()}"
            time.sleep(0.2)

    def missing(self) -> str:
        """Reasons and alarms of /health/ready; empty when there are none."""
        try:
            state = requests.get(f"{self.url}/health/ready", timeout=5).json()
        except (requests.RequestException, ValueError):
            return "no answer"
        return "; ".join([*state["reasons"], *state["alarms"]])

    def family(self) -> list[psutil.Process]:
        """Every process it has started, itself first."""
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def listening(self) -> set[Listening]:
        """Every port that one of its processes is open on just now: TCP that listens, UDP that anybody may send to."""
        found = set()
        for process in self.family():
            with suppress(psutil.NoSuchProcess):  # Python workers of Spark come and go
                found |= {
                    Listening(process.name(), opened.laddr.ip, opened.laddr.port)
                    for opened in process.net_connections("inet")
                    if opened.status == psutil.CONN_LISTEN or (opened.type == socket.SOCK_DGRAM and not opened.raddr)
                }
        return found

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run spark_manage.py against this system."""
        return subprocess.run(
            [sys.executable, str(MANAGE), *arguments],
            env=self.environ, cwd=self.folder, input=stdin, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def stop(self) -> int:
        """Ctrl-C; its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)


@pytest.fixture(scope="session")
def whole_system(state_dir: Path) -> Iterator[Up]:
    """One that tests share; what they break they mend."""
    folder = state_dir / "whole"
    folder.mkdir()
    up = Up(folder)
    up.start()
    yield up
    up.stop()
