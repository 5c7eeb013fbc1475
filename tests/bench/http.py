"""A client that costs little: prepared bytes over kept connections, in a process of its own."""

import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True)
class Answer:
    """One exchange: epoch seconds when it was due and when the answer was whole; status 0: no answer."""

    due: float
    answered: float
    status: int


class Line:
    """One kept connection. Opens again after an error."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Status and body; (0, b"") when the connection failed."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(request)
            return self._read(self._socket)
        except OSError:
            self._socket = None
            return 0, b""

    @staticmethod
    def _read(sock: socket.socket) -> tuple[int, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += _more(sock)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += _more(sock)
        return int(head.split(b" ", 2)[1]), body


def _more(sock: socket.socket) -> bytes:
    part = sock.recv(65536)
    if not part:
        raise ConnectionError("closed")
    return part


def post(path: str, token: str, body: bytes) -> bytes:
    """A POST of JSON as bytes on the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Token {token}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def get(path: str, token: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Token {token}\r\n\r\n".encode()


def submission(listen_type: str, token: str, listens: Sequence[dict[str, Any]] | bytes) -> bytes:
    """A submit-listens call; bytes are a JSON array already."""
    payload = listens if isinstance(listens, bytes) else orjson.dumps(listens)
    return post("/1/submit-listens", token, b'{"listen_type":"%s","payload":%s}' % (listen_type.encode(), payload))


def on_schedule(port: int, requests: Sequence[bytes], per_second: float, connections: int) -> list[Answer]:
    """Send requests at a steady rate whether or not the last ones were answered."""
    start = time.time() + 0.5
    answers: list[Answer] = []

    def line(first: int) -> None:
        own = Line(port)
        for number in range(first, len(requests), connections):
            due = start + number / per_second
            time.sleep(max(0.0, due - time.time()))
            status, _ = own.exchange(requests[number])
            answers.append(Answer(due, time.time(), status))

    _together(line, connections)
    return answers


def at_full_speed(port: int, requests: Sequence[bytes], connections: int) -> list[Answer]:
    """Send requests one after the other on each connection."""
    answers: list[Answer] = []

    def line(first: int) -> None:
        own = Line(port)
        for number in range(first, len(requests), connections):
            sent = time.time()
            status, _ = own.exchange(requests[number])
            answers.append(Answer(sent, time.time(), status))

    _together(line, connections)
    return answers


def until_readable(
    port: int, pairs: Sequence[tuple[bytes, bytes, bytes]], pause: float, patience: float = 30
) -> list[float]:
    """Submit, then GET every 20 ms until the needle is in the answer: seconds per pair, `pause` seconds between pairs.

    A pair is (POST, GET, needle). Raises AssertionError for a submission that is refused or never seen.
    """
    line, waited = Line(port), []
    for send, ask, needle in pairs:
        started = time.time()
        status, body = line.exchange(send)
        assert status == 200, body
        while needle not in line.exchange(ask)[1]:
            assert time.time() - started < patience, f"not readable after {patience} s"
            time.sleep(0.02)
        waited.append(time.time() - started)
        time.sleep(pause)
    return waited


def process() -> ProcessPoolExecutor:
    """Processes for the functions above: their CPU time is not the system's."""
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def _together(line: Callable[[int], None], connections: int) -> None:
    threads = [threading.Thread(target=line, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
