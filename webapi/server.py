"""The web server: gunicorn with threads, WEB_WORKERS processes. No access log: it would hold tokens."""

import logging
import resource
import threading
import time
from math import ceil
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger as GunicornLogger

from conf import part_status
from conf.postgres import StoreUnavailableError, dsn
from conf.settings import Settings
from webapi.app import build_app
from webapi.costs import GUESS_WINDOW
from webapi.db import audioscrobbler
from webapi.db.deadline import install_deadline
from webapi.db.lastfm import forget_request_tokens
from webapi.db.playing_now import forget_expired
from webapi.db.rate_limit import chosen_limits, forget_before
from webapi.db.web_session import forget_expired as forget_expired_sessions
from webapi.intake import JsonThreadWorker
from webapi.seats import Seats
from webapi.services import EXTENSION, Services, limits_of
from webapi.tally import Board, Tally
from webapi.versions import Hearing

PART = "web"
REPORT_SECONDS = 2.0
TIDY_SECONDS = 60.0
GRACEFUL_SECONDS = 10
"""How long a stopping worker finishes what it has begun."""
MOST_FILES = 65_536
"""Open files of a process, where the system sets no limit."""
MAX_HEADER = 32768
"""Room for an absurd token, so that it gets a JSON answer from us."""

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; ends the process. Requests in hand are finished first."""
    _allow_files()
    _Server(settings).run()


def _allow_files() -> None:
    """As many open files as this process may have: a thousand connections of a worker alone reach the usual limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def gunicorn_options(settings: Settings, seats: Seats) -> dict[str, Any]:
    """How gunicorn serves, whatever the application."""
    return {
        "pre_fork": seats.take,
        "child_exit": seats.leave,
        "bind": settings.web_address,
        "workers": settings.web_workers,
        "threads": settings.web_threads,
        "worker_class": JsonThreadWorker,
        "preload_app": False,
        "accesslog": None,
        "loglevel": "warning",
        "keepalive": 65,
        "graceful_timeout": GRACEFUL_SECONDS,
        "limit_request_field_size": MAX_HEADER,
        "limit_request_line": 8190,
        "forwarded_allow_ips": "",
        "control_socket_disable": True,
        "proc_name": "listenlake-web",
    }


def seats_of(settings: Settings) -> Seats:
    """More than workers: those of before live on for a moment while they are replaced.

    Behind a proxy all connections are the proxy's: there it decides how many a client may hold.
    """
    idle = None if settings.proxy_hops else ceil(settings.web_idle_per_address / settings.web_workers)
    return Seats(4 * settings.web_workers, idle)


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._app: Flask | None = None
        self._report: _Report | None = None
        self._hearing: Hearing | None = None
        self._seats = seats_of(settings)
        self._board, self._slot = Board(self._seats.number), 0
        super().__init__()

    def load_config(self) -> None:
        values = {
            **gunicorn_options(self._settings, self._seats),
            "logger_class": _Logger,
            "pre_fork": self._take_seat,
            "post_worker_init": lambda _worker: self._started(),
            "worker_exit": lambda _arbiter, _worker: self._stopped(),
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """In the worker, after the fork: connections belong to one process."""
        install_deadline()
        self._app = build_app(self._settings, Tally(self._board, self._slot))
        return self._app

    def _take_seat(self, arbiter: Any, worker: Any) -> None:
        """Before the fork: the worker counts requests on where one that has ended stopped."""
        self._seats.take(arbiter, worker)
        self._slot = worker.seat

    def _started(self) -> None:
        assert self._app is not None
        here: Services = self._app.extensions[EXTENSION]
        self._report, self._hearing = _Report(here), Hearing(dsn(self._settings), here.versions)
        self._report.start()
        self._hearing.start()

    def _stopped(self) -> None:
        if self._hearing is not None:
            self._hearing.end()
        if self._report is not None:
            self._report.end()


class _Logger(GunicornLogger):  # type: ignore[misc]
    """gunicorn's own words, few as they are, go where all others go, and look like them."""

    def setup(self, cfg: Any) -> None:
        """In place of gunicorn's handlers."""
        self.loglevel = logging.WARNING
        self.error_log.setLevel(self.loglevel)
        self.error_log.propagate = True
        self.error_log.handlers.clear()
        self.access_log.disabled = True


class _Report(threading.Thread):
    """Says every 2 s that this worker lives, follows the operator's rate limits, and tidies what expired."""

    def __init__(self, services: Services) -> None:
        super().__init__(name="web-report", daemon=True)
        self._services = services
        self._stopping = threading.Event()
        self._started_at = int(time.time())
        self._tidied = time.monotonic()
        self._erased = services.settings.audioscrobbler == "on"

    def run(self) -> None:
        """Until the end; a store that is down is met again at the next turn."""
        while True:
            try:
                self._once()
            except StoreUnavailableError as problem:
                log.debug("not reported: %s", problem)
            if self._stopping.wait(REPORT_SECONDS):
                return

    def end(self) -> None:
        """Stop reporting and take the row away."""
        self._stopping.set()
        self.join(timeout=REPORT_SECONDS)
        try:
            with self._services.pool.transaction() as cursor:
                part_status.withdraw(cursor, PART)
        except StoreUnavailableError as problem:
            log.debug("not withdrawn: %s", problem)

    def _once(self) -> None:
        here = self._services
        tidying = time.monotonic() - self._tidied > TIDY_SECONDS
        with self._services.pool.transaction() as cursor:
            part_status.report(cursor, PART, self._detail())
            here.limiter.limits = chosen_limits(cursor) or limits_of(here.settings)
            if not self._erased:
                audioscrobbler.erase(cursor)
            if tidying:
                forget_before(cursor, int(time.time()) - 2 * max(GUESS_WINDOW, here.limiter.limits.window))
                forget_expired(cursor)
                forget_expired_sessions(cursor)
                audioscrobbler.forget_handshakes(cursor)
                forget_request_tokens(cursor)
        if tidying:
            self._tidied = time.monotonic()
        # Again with the next tidying, for what a process of another setting may have filled.
        self._erased = not tidying or self._services.settings.audioscrobbler == "on"

    def _detail(self) -> dict[str, Any]:
        return {
            "started": self._started_at,
            "requests": self._services.requests.value,
            "rss_mb": _resident_mb(),
            "address": self._services.settings.web_address,
        }


def _resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * resource.getpagesize() // 2**20
