"""A Spark standalone cluster of the tests' own: a master and two workers from pyspark's own JARs, loopback only."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyspark
import requests

from tests.faults.parts import until
from tests.ports import free_port

SPARK_HOME = Path(pyspark.__file__).parent
CORES_EACH = 1
MEMORY_EACH = "1g"


@dataclass
class Standalone:
    """Its processes; `folder` holds their logs, work folders and scratch space."""

    folder: Path
    port: int = field(default_factory=free_port)
    ui_port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """For SPARK_MASTER."""
        return f"spark://127.0.0.1:{self.port}"

    def start(self, workers: int = 2) -> None:
        """Start master and workers, and wait until the master counts them."""
        ui = ["--webui-port", str(self.ui_port)]
        self._spawn("master", "org.apache.spark.deploy.master.Master", ["--port", str(self.port), *ui])
        until(lambda: self.state() is not None, 60, f"the master answers; {self._said('master')}")
        for number in range(workers):
            name = f"worker-{number}"
            given = ["--cores", str(CORES_EACH), "--memory", MEMORY_EACH, "--webui-port", "0"]
            given += ["--work-dir", str(self.folder / name), self.url]
            self._spawn(name, "org.apache.spark.deploy.worker.Worker", given)
        until(lambda: self._alive_workers() == workers, 60, f"{workers} workers are there")

    def state(self) -> dict[str, Any] | None:
        """What the master says of itself; None while it does not answer."""
        try:
            answer: dict[str, Any] = requests.get(f"http://127.0.0.1:{self.ui_port}/json/", timeout=5).json()
        except (requests.RequestException, ValueError):
            return None
        return answer

    def stop(self) -> None:
        """End all of it, and wait until it has ended."""
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def _alive_workers(self) -> int:
        return int((self.state() or {}).get("aliveworkers", 0))

    def _spawn(self, name: str, main: str, arguments: list[str]) -> None:
        scratch = self.folder / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ, "SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_LOCAL_DIRS": str(scratch), "SPARK_LOG_DIR": str(self.folder), "SPARK_NO_DAEMONIZE": "1",
        }  # fmt: skip
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [str(SPARK_HOME / "bin" / "spark-class"), main, "--host", "127.0.0.1", *arguments]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder)
        self.processes.append(process)

    def _said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]


@contextmanager
def standalone(folder: Path) -> Iterator[Standalone]:
    """A running cluster, ended at the end."""
    folder.mkdir(parents=True)
    cluster = Standalone(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
