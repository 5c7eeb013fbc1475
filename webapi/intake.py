"""gunicorn's worker with threads, but a request takes a thread only when it has arrived whole.

Its event loop receives all connections at once, so any number of clients that send slowly hold a little memory and no
thread. Only bodies longer than every submission are read by their threads, of which half are never used for that.
"""

import logging
import socket
import time
from collections import deque
from concurrent.futures import Future
from typing import Any

from webapi.arrival import Arrival, NoRoomError, Room
from webapi.connections import HEAD_SECONDS, Connection, KeepingWorker
from webapi.errors import TOO_SLOW
from webapi.framing import MOST_HEAD
from webapi.refusals import refusal, refusal_of

STALL_SECONDS = 30.0
"""A client that has begun a body may be silent for so long."""
TURN_SECONDS = 30.0
"""How long a very long body waits for one of the threads that may read it."""
LINGER_SECONDS, LINGER_BYTES = 2.0, 1_000_000
"""How long and how much a client is listened to after the last answer: to close at once would lose it the answer."""
LOOK_SECONDS = 0.25
RECEIVED = 65_536
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NO_ROOM = "Too many long requests at once. Please try again later."
LARGE_HEAD = "The headers are too large."

log = logging.getLogger(__name__)


class JsonThreadWorker(KeepingWorker):
    """The worker class of our server; errors before the application are {"code", "error"} instead of HTML."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = Room()
        self._arriving: set[Connection] = set()
        self._lingering: set[Connection] = set()
        self._turn: deque[Connection] = deque()
        self._turns_left = max(1, self.cfg.threads // 2)
        self._looked = 0.0

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        """In the event loop, after a thread has answered."""
        rest = conn.arrival.rest if conn.arrival is not None else b""
        self._free(conn)
        if conn.long:
            conn.long = False
            self._turns_left += 1
            self._next_turn()
        if fs.cancelled() or fs.exception() is not None or not fs.result() or conn.must_close:
            self._linger(conn)
            return
        conn.sock.setblocking(False)
        if rest:
            self.receive(conn, rest)
        else:
            self.idle(conn, self.cfg.keepalive)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """In a thread."""
        if conn.must_close:
            req.force_close()
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what gunicorn could not read, or failed at; the connection is closed after this."""
        code, message = refusal_of(exc)
        if code == 500:
            log.error("a request failed outside the application", exc_info=exc)
        _send(client, refusal(code, message))

    def murder_pending(self) -> None:
        """Called after every event: end what has taken too long, a few times a second."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        self.close_expired(now)
        for conn in [conn for conn in self._arriving if conn.registered]:
            self._look_at(conn, now)
        for conn in [conn for conn in self._turn if now > conn.ends]:
            self._turn.remove(conn)
            self._refuse(conn, 503, NO_ROOM)
        for conn in [conn for conn in self._lingering if now > conn.ends]:
            self._close(conn)

    def receive(self, conn: Connection, first: bytes = b"") -> None:
        """Begin to receive a request on a connection that is not in the poller."""
        conn.arrival = Arrival(self._room)
        self._arriving.add(conn)
        if first:
            self._take(conn, first)
        else:
            self._on_arriving(conn, conn.sock)

    def _on_arriving(self, conn: Connection, sock: socket.socket) -> None:
        assert conn.arrival is not None
        try:
            data = sock.recv(conn.arrival.at_once)
        except BlockingIOError:
            if conn.arrival.started:
                self.register(conn, self._on_arriving)
            else:
                self._arriving.discard(conn)
                self._free(conn)
                self.idle(conn, HEAD_SECONDS)
            return
        except OSError:
            data = b""
        if data:
            self._take(conn, data)
        else:
            self._close(conn)

    def _take(self, conn: Connection, data: bytes) -> None:
        arrival = conn.arrival
        assert arrival is not None
        try:
            began_body = arrival.feed(data)
        except (NoRoomError, OSError) as problem:
            log.warning("a body finds no room: %s", type(problem).__name__)
            self._refuse(conn, 503, NO_ROOM)
            return
        head = arrival.head
        if head is not None and head.odd and head.size > MOST_HEAD:
            self._refuse(conn, 431, LARGE_HEAD)
        elif arrival.whole or arrival.too_long:
            self._hand_over(conn, arrival)
        else:
            if began_body and head is not None and head.waits:
                _send(conn.sock, CONTINUE)
            self.register(conn, self._on_arriving)

    def _hand_over(self, conn: Connection, arrival: Arrival) -> None:
        """To a thread, or into the line of those that wait for one of the threads for very long bodies."""
        self.unregister(conn)
        self._arriving.discard(conn)
        conn.long = not arrival.whole
        conn.must_close = conn.long or (arrival.head is not None and arrival.head.odd)
        if not conn.long:
            self._start(conn, arrival)
            return
        conn.ends = time.monotonic() + TURN_SECONDS
        self._turn.append(conn)
        self._next_turn()

    def _next_turn(self) -> None:
        while self._turn and self._turns_left:
            self._turns_left -= 1
            conn = self._turn.popleft()
            assert conn.arrival is not None
            self._start(conn, conn.arrival)

    def _start(self, conn: Connection, arrival: Arrival) -> None:
        conn.parser.unreader.give(arrival, from_socket=conn.long)
        self.enqueue_req(conn)

    def _keepalive_after(self, conn: Connection, keepalive: Any) -> bool:
        """What the application left of a body has come already, so it costs the connection nothing.

        Of a very long body it may never come: its connection is closed, as the answer has said.
        """
        conn.parser.mesg = None
        return bool(keepalive) and not conn.must_close

    def _look_at(self, conn: Connection, now: float) -> None:
        arrival = conn.arrival
        assert arrival is not None
        if arrival.head is None:
            if now - arrival.began > HEAD_SECONDS:
                self._refuse(conn, 408, TOO_SLOW)
        elif now - arrival.last > STALL_SECONDS or arrival.too_slow:
            self._refuse(conn, 408, TOO_SLOW)

    def _refuse(self, conn: Connection, code: int, message: str) -> None:
        """Answer in the event loop; the answer is short enough never to wait."""
        _send(conn.sock, refusal(code, message))
        self._linger(conn)

    def _linger(self, conn: Connection) -> None:
        """No more is sent; listen until the client has closed, or for a little while."""
        self.unregister(conn)
        self._arriving.discard(conn)
        self._free(conn)
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        conn.ends, conn.drained = time.monotonic() + LINGER_SECONDS, 0
        self._lingering.add(conn)
        self.register(conn, self._on_lingering)

    def _on_lingering(self, conn: Connection, sock: socket.socket) -> None:
        try:
            data = sock.recv(RECEIVED)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.drained += len(data)
        if not data or conn.drained > LINGER_BYTES:
            self._close(conn)

    def _close(self, conn: Connection) -> None:
        self.unregister(conn)
        self._arriving.discard(conn)
        self._lingering.discard(conn)
        self._free(conn)
        self.nr_conns -= 1
        conn.close()

    def _free(self, conn: Connection) -> None:
        if conn.arrival is not None:
            conn.arrival.free()
            conn.arrival = None


def _send(sock: socket.socket, data: bytes) -> None:
    """A short text to a client that may be gone."""
    try:
        sock.sendall(data)
    except OSError as problem:
        log.debug("not told: %s", type(problem).__name__)
