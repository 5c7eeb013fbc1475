"""S5.4 of reliability.md: clients that send slowly, or nothing, hold no thread of the real server."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from conf.postgres import connect, transaction
from conf.settings import load_settings
from tests.live_server import Server, served
from tests.webapi.conftest import Account, listen, submission

pytestmark = pytest.mark.servers
SLOW = 50
SOON = 5
"""Seconds: far below the 15 and more after which the slow ones are cut off, and the others would get their turn."""
GENEROUS = {"RATE_LIMIT_PER_TOKEN": "100000", "RATE_LIMIT_PER_ADDRESS": "100000"}


@pytest.fixture(scope="module")
def server(standing_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    values = {"DATA_DIR": str(tmp_path_factory.mktemp("slow")), "DATABASE_URL": standing_url}
    with served(load_settings(values, env_file=None), **GENEROUS) as running:
        yield running


@pytest.fixture
def rob(standing_rob: Account) -> Account:
    return standing_rob


def queued(url: str) -> int:
    with closing(connect(url)) as connection, transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM queue_message")
        row = cursor.fetchone()
        assert row is not None
        return int(row[0])


def head_of(rob: Account, length: int, more: str = "") -> bytes:
    return (
        f"POST /1/submit-listens HTTP/1.1\r\nHost: x\r\nAuthorization: Token {rob.token}\r\n{more}"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def answer_of(raw: socket.socket) -> bytes:
    answer = b""
    while b"}" not in answer and (piece := raw.recv(65536)):
        answer += piece
    return answer


def slowest(server: Server, rob: Account, calls: int) -> float:
    """Seconds of the slowest of so many reads and submissions, one after the other."""
    worst = 0.0
    body = json.dumps(submission(listen()))
    for n in range(calls):
        started = time.monotonic()
        if n % 2:
            assert server.request("GET", "/1/user/rob/listens")[0] == 200
        else:
            assert server.request("POST", "/1/submit-listens", body, rob.headers)[0] == 200
        worst = max(worst, time.monotonic() - started)
    return worst


def test_fifty_slow_bodies_do_not_delay_others_and_arrive_in_the_end(
    server: Server, rob: Account, standing_url: str
) -> None:
    before = queued(standing_url)
    bodies = [json.dumps(submission(listen(1_600_000_000 + n))).encode() for n in range(SLOW)]
    with ExitStack() as stack:
        senders = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10)) for _ in bodies
        ]
        for raw, body in zip(senders, bodies, strict=True):
            raw.sendall(head_of(rob, len(body)) + body[:5])
        for step in range(5, 15):
            for raw, body in zip(senders, bodies, strict=True):
                raw.sendall(body[step : step + 1])
            assert slowest(server, rob, 4) < SOON
        for raw, body in zip(senders, bodies, strict=True):
            raw.sendall(body[15:])
        assert all(answer_of(raw).startswith(b"HTTP/1.1 200") for raw in senders)
    assert queued(standing_url) - before == SLOW + 20


@pytest.mark.parametrize("sent", [b"", b"POST /1/submit-listens HTTP/1.1\r\nHost", b"X" * 3])
def test_fifty_that_send_nothing_or_half_a_head_do_not_delay_others(server: Server, rob: Account, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(SLOW):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            raw.sendall(sent)
        assert slowest(server, rob, 20) < SOON


def test_fifty_bodies_longer_than_every_submission_leave_half_of_the_threads(server: Server, rob: Account) -> None:
    with ExitStack() as stack:
        senders = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10)) for _ in range(SLOW)
        ]
        for raw in senders:
            raw.sendall(
                b"POST /1/submit-listens HTTP/1.1\r\nHost: x\r\nAuthorization: Token "
                + rob.token.encode()
                + b"\r\nContent-Length: 20000000\r\n\r\n{"
            )
        assert slowest(server, rob, 20) < SOON
        answers = [answer_of(raw) for raw in senders]
    assert all(b"Payload too large" in answer and b"Connection: close" in answer for answer in answers)


def test_fifty_bodies_in_chunks_of_a_byte_do_not_delay_others(server: Server, rob: Account) -> None:
    head = head_of(rob, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunks = b"1\r\n \r\n" * 50_000
    stop = threading.Event()

    def send(raw: socket.socket) -> None:
        raw.sendall(head)
        with suppress(OSError):
            while not stop.is_set():
                raw.sendall(chunks)

    with ExitStack() as stack:
        senders = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10)) for _ in range(SLOW)
        ]
        threads = [threading.Thread(target=send, args=(raw,)) for raw in senders]
        for thread in threads:
            thread.start()
        worst = slowest(server, rob, 20)
        stop.set()
        for raw in senders:
            # Reset, so that the server reads none of what is still on its way.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.shutdown(socket.SHUT_WR)
            raw.close()
        for thread in threads:
            thread.join(10)
    assert worst < 1


def test_fifty_that_never_close_after_their_answer_do_not_delay_others(server: Server, rob: Account) -> None:
    with ExitStack() as stack:
        for sent in (b"GET /health/live HTTP/1.0\r\n\r\n", b"no HTTP\r\n\r\n") * (SLOW // 2):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            raw.sendall(sent)
            assert raw.recv(10).startswith(b"HTTP/1.")
        assert slowest(server, rob, 10) < SOON


def test_a_client_that_waits_for_continue_gets_it_and_its_answer(server: Server, rob: Account) -> None:
    body = json.dumps(submission(listen())).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(head_of(rob, len(body), "Expect: 100-continue\r\n"))
        assert raw.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(body)
        assert answer_of(raw).startswith(b"HTTP/1.1 200")


def test_requests_sent_one_behind_the_other_are_answered_in_order(server: Server, rob: Account) -> None:
    body = json.dumps(submission(listen())).encode()
    one = head_of(rob, len(body)) + body
    two = b"GET /1/user/rob/listen-count HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(one + two + one[:40])
        answers = answer_of(raw)
        while answers.count(b"HTTP/1.1") < 2 or not answers.endswith(b"}}"):
            answers += answer_of(raw)
        assert answers.index(b'{"status":"ok"}') < answers.index(b'{"payload":{"count":')
        raw.sendall(one[40:])
        assert answer_of(raw).startswith(b"HTTP/1.1 200")
