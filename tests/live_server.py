"""The real web server in a process of its own, and a real browser to look at its pages with.

`browser` is headless Chromium; as root on Debian it is installed where it is missing. Screenshots are kept in
test-artefacts/ at the root of the project.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conf.settings import PROJECT, Settings, load_settings
from tests.databases import Databases
from tests.debian import require
from tests.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RUN = "from conf.settings import load_settings; from webapi.server import run; run(load_settings(env_file=None))"
CHROMIUM = Path("/usr/bin/chromium")
ARTEFACTS = PROJECT / "test-artefacts"
PHONE, DESKTOP = (390, 844), (1280, 900)
"""Widths and heights of the two windows that pages are looked at in."""
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Server:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]
    settings: Settings

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON document (null for no body) and headers, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null"), dict(answer.getheaders())
        finally:
            connection.close()


@contextmanager
def served(settings: Settings, **environ: str) -> Iterator[Server]:
    """Two workers on a free port, with these settings and whatever else the environment shall say."""
    port = free_port()
    mine = {
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "WEB_PORT": str(port),
        "WEB_WORKERS": "2",
        **environ,
    }
    process = subprocess.Popen([sys.executable, "-c", RUN], cwd=PROJECT, env={**os.environ, **mine})
    server = Server(port, process, settings)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                server.request("GET", "/health/live")
                break
            except OSError:
                assert process.poll() is None, "the server ended at its start"
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.1)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


GENEROUS = {"RATE_LIMIT_PER_TOKEN": "100000", "RATE_LIMIT_PER_ADDRESS": "100000"}


@pytest.fixture
def live(settings: Settings) -> Iterator[Server]:
    """A server on the test's own database; no rate limit comes in the way."""
    with served(settings, **GENEROUS) as running:
        yield running


@pytest.fixture(scope="module")
def standing_live(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server, on one database, for all tests of a module: `standing_live.settings.database_url`."""
    name = databases.lend()
    values = {"DATA_DIR": str(tmp_path_factory.mktemp("live")), "DATABASE_URL": databases.url(name)}
    with served(load_settings(values, env_file=None), **GENEROUS) as running:
        yield running
    databases.give_back(name)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Headless Chromium. For a module only: while it runs, no test may start an event loop of its own."""
    from playwright.sync_api import sync_playwright

    missing = f"{CHROMIUM} is not there: install chromium to have the pages looked at"
    require(CHROMIUM, "chromium", "fonts-dejavu-core", missing=missing)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_QUIET)
        yield opened
        opened.close()


@contextmanager
def window(browser: "Browser", size: tuple[int, int] = DESKTOP, **options: Any) -> "Iterator[Page]":
    """A window without cookies. Fails at its end when the page had an error, or its CSP refused something."""
    problems: list[str] = []
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce", **options)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
    try:
        yield page
        assert problems == []
    finally:
        context.close()


def screenshot(page: "Page", name: str, *, whole: bool = True) -> None:
    """Keep the whole page, or what the window shows of it, as test-artefacts/NAME.png."""
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=whole)
