"""A RabbitMQ node of the test run's own: own name, ports, folders and cookie, everything on loopback.

`amqp_url` gives TEST_AMQP_URL where it is set. Else, as root on Debian, the package is installed if it is missing, and
a node is started under the unprivileged account; nothing of an installed server's own node is touched.
"""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pika
import pytest

from conf.broker import INCOMING
from conf.embedded_postgres import account
from conf.settings import Settings
from tests.debian import require
from tests.ports import free_ports

SCRIPTS = Path("/usr/lib/rabbitmq/bin")
_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


class RabbitMQNode:
    """One node and its port mapper, both our processes. `start` after `kill` or `stop` comes up with the same data."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port, self._distribution_port, self._epmd_port = free_ports(3)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"
        self.process: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        self._name = f"listenlake-{secrets.token_hex(4)}@localhost"
        owner = account()
        self._as_account: dict[str, Any] = (
            {} if owner is None else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        )
        for folder in (directory, directory / "home", directory / "data", directory / "log"):
            folder.mkdir(mode=0o755)
            if owner is not None:
                os.chown(folder, owner.pw_uid, owner.pw_gid)
        (directory / "environment").touch()
        (directory / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        (directory / "enabled_plugins").write_text("[].\n")

    def start(self, timeout: float = 90.0) -> None:
        """Start the node and wait until it takes connections."""
        if self._epmd is None:
            epmd = ["epmd", "-address", "127.0.0.1", "-port", str(self._epmd_port)]
            self._epmd = self._spawn(epmd)
        self.process = self._spawn([str(SCRIPTS / "rabbitmq-server")])
        deadline = time.monotonic() + timeout
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = (self.directory / "log" / "output").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"RabbitMQ did not start:\n{tail}")
            time.sleep(0.2)

    def stop(self, timeout: float = 30.0) -> None:
        """End the node in order."""
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """SIGKILL: nothing of the node runs any further."""
        self._end(signal.SIGKILL, 10)

    def pause(self) -> None:
        """SIGSTOP: its sockets stay open and say nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """After `pause`."""
        self._signal(signal.SIGCONT)

    def set_alarm(self, on: bool) -> None:
        """Pretend that the disk is nearly full: publishers are blocked."""
        self.control("set_disk_free_limit", "1000000GB" if on else "50MB")

    def control(self, *arguments: str) -> str:
        """rabbitmqctl, on this node only: what it printed."""
        done = subprocess.run(
            [str(SCRIPTS / "rabbitmqctl"), "--node", self._name, *arguments],
            env=self._environment(),
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **self._as_account,
        )
        if done.returncode != 0:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {done.stderr or done.stdout}")
        return str(done.stdout)

    def answers(self) -> bool:
        """Whether a client can connect."""
        try:
            pika.BlockingConnection(pika.URLParameters(f"{self.url}?socket_timeout=2&stack_timeout=2")).close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        return True

    def end(self) -> None:
        """End the node and its port mapper, whatever state they are in."""
        if self.process is not None:
            self.resume()
        self.stop()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.directory / "home"),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the server instead of watching it
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "environment"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_LOOPBACK} +S 2:2",
            "RABBITMQ_CTL_ERL_ARGS": _LOOPBACK,
        }

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.directory / "log" / "output").open("ab") as log:
            return subprocess.Popen(
                command,
                env=self._environment(),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_account,
            )

    def _signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def _end(self, number: int, timeout: float) -> None:
        if self.process is None:
            return
        self._signal(number)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.process = None


@pytest.fixture(scope="session")
def _started_node(state_dir: Path) -> Iterator[RabbitMQNode]:
    _install()
    node = RabbitMQNode(state_dir / "rabbitmq")
    try:
        node.start()
        yield node
    finally:
        node.end()


@pytest.fixture
def rabbitmq_node(_started_node: RabbitMQNode) -> RabbitMQNode:
    """A node that tests may kill, freeze and alarm, as long as they heal it; one left broken is started anew."""
    if not _started_node.answers():
        _started_node.kill()
        _started_node.start()
    return _started_node


@pytest.fixture
def amqp_url(request: pytest.FixtureRequest) -> str:
    """A RabbitMQ to test with: TEST_AMQP_URL, else our own node's."""
    given = os.environ.get("TEST_AMQP_URL")
    if given:
        return given
    node: RabbitMQNode = request.getfixturevalue("rabbitmq_node")
    return node.url


@pytest.fixture(params=["postgresql", "rabbitmq"])
def on_broker(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """The test's settings with either broker; nothing of another test is in its queue of listens."""
    if request.param == "postgresql":
        return settings
    url: str = request.getfixturevalue("amqp_url")
    with pika.BlockingConnection(pika.URLParameters(url)) as opened:
        opened.channel().queue_delete(INCOMING)
    return replace(settings, broker_url=url)


def _install() -> None:
    missing = "rabbitmq-server is not installed: install it, or set TEST_AMQP_URL to a RabbitMQ for tests"
    require(SCRIPTS / "rabbitmq-server", "rabbitmq-server", missing=missing)
