"""Kept connections are shared out evenly, the oldest idle ones are closed for who comes, and few are left to nobody."""

import http.client
import os
import resource
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.settings import Settings, load_settings
from tests.faults.parts import until
from tests.live_server import GENEROUS, Server, served
from webapi.idle import IdleConnections
from webapi.seats import Seats

REQUEST = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def asked(raw: socket.socket) -> str:
    """Ask on a kept connection; a text that is another one for each worker. Empty when it has been closed."""
    try:
        raw.sendall(REQUEST)
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        answer.read()
    except (http.client.HTTPException, OSError):
        return ""
    return str(answer.getheader("X-Request-Id")).partition("-")[0]


@pytest.fixture(scope="module")
def server(standing_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    values = {"DATA_DIR": str(tmp_path_factory.mktemp("seats")), "DATABASE_URL": standing_url}
    with served(load_settings(values, env_file=None), **GENEROUS) as running:
        until(lambda: len({worker_of_a_new_connection(running) for _ in range(4)}) == 2, 10, "both workers take some")
        yield running


def worker_of_a_new_connection(server: Server) -> str:
    with closing(connected(server)) as raw:
        return asked(raw)


@pytest.mark.servers
@pytest.mark.parametrize("at_once", [1, 32])
def test_two_workers_get_as_many_connections_each(server: Server, at_once: int) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(at_once) as threads:
        opened = [stack.enter_context(raw) for raw in threads.map(lambda _: connected(server), range(32))]
        workers = Counter(threads.map(asked, opened))
        assert Counter(threads.map(asked, opened)) == workers, "a kept connection stays where it is"
    assert len(workers) == 2
    assert max(workers.values()) <= 18


@pytest.mark.servers
def test_a_worker_that_is_stopped_keeps_nobody_from_the_other(server: Server) -> None:
    workers = psutil.Process(server.process.pid).children()
    stopped = workers[0]
    os.kill(stopped.pid, signal.SIGSTOP)
    try:
        with ExitStack() as stack:
            opened = []
            started = time.monotonic()
            for _ in range(10):
                opened.append(stack.enter_context(connected(server)))
                assert asked(opened[-1]) != ""
            assert time.monotonic() - started < 2
    finally:
        os.kill(stopped.pid, signal.SIGCONT)


@pytest.mark.servers
def test_of_too_many_idle_connections_of_an_address_the_oldest_are_closed(settings: Settings) -> None:
    with served(settings, WEB_WORKERS="1", WEB_IDLE_PER_ADDRESS="3", **GENEROUS) as server, ExitStack() as stack:
        kept = [stack.enter_context(connected(server)) for _ in range(3)]
        assert all(asked(raw) for raw in kept)
        for raw in (kept[1], kept[0], kept[2]):
            asked(raw)
        silent = [stack.enter_context(connected(server)) for _ in range(2)]
        assert silent[0].getpeername() == silent[1].getpeername()
        assert [raw.recv(1) for raw in (kept[1], kept[0])] == [b"", b""]
        assert all(asked(raw) for raw in (kept[2], *silent))


@pytest.mark.servers
def test_a_worker_full_of_idle_connections_serves_who_comes(settings: Settings) -> None:
    most = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * most), hard))
    try:
        with served(settings, WEB_WORKERS="1", PROXY_HOPS="1", **GENEROUS) as server, ExitStack() as stack:
            worker = psutil.Process(server.process.pid).children()[0]
            assert worker.rlimit(psutil.RLIMIT_NOFILE)[0] == min(hard, worker.rlimit(psutil.RLIMIT_NOFILE)[1])
            first = stack.enter_context(connected(server))
            assert asked(first) != ""
            for _ in range(most):
                stack.enter_context(connected(server))
            started = time.monotonic()
            with closing(connected(server)) as late:
                assert asked(late) != ""
            assert time.monotonic() - started < 2
            assert first.recv(1) == b"", "the one idle for longest made room"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_who_has_more_than_another_lets_it_go_first() -> None:
    seats = Seats(4)
    assert not seats.has_more(0, 5), "alone"
    seats.say(1, 0)
    assert seats.has_more(0, 1)
    assert not seats.has_more(0, 0)
    seats.say(1, 100)
    assert not seats.has_more(0, 100 + 100 // 16)
    assert seats.has_more(0, 108)
    seats.say(2, 3)
    assert seats.has_more(0, 50), "than any other"
    seats.say(2, None)
    assert not seats.has_more(0, 50), "one that takes none is nobody to wait for"


@dataclass(eq=False)
class _Connection:
    address: str
    timeout: float


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=60))
def test_idle_connections_go_in_the_order_they_became_idle(steps: list[tuple[str, bool]]) -> None:
    idle, model = IdleConnections(2), list[_Connection]()
    for number, (address, leaves) in enumerate(steps):
        same = [one for one in model if one.address == address]
        if leaves and same:
            idle.remove(same[-1])
            model.remove(same[-1])
        else:
            one = _Connection(address=address, timeout=float(number))
            idle.append(one)
            model.append(one)
        same = [one for one in model if one.address == address]
        assert idle.surplus(address) == (same[0] if len(same) > 2 else None)
        assert (len(idle), list(idle)) == (len(model), model)
        assert idle.expired(number / 2) == [one for one in model if one.timeout <= number / 2]
    assert [idle.popleft() for _ in range(len(idle))] == model
