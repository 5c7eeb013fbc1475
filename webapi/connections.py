"""A worker's connections: taken evenly with the other workers, kept open between requests, closed when it is full."""

import errno
import logging
import socket
import struct
import time
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from webapi.arrival import Arrival, ReceivedUnreader
from webapi.idle import IdleConnections
from webapi.seats import PATIENCE_SECONDS, STEP_SECONDS, Seats

HEAD_SECONDS = 15.0
"""How long a new connection may be silent, and how long a head may take from its first byte on."""
SEND_SECONDS = 30
"""A client that takes nothing of its answer for so long is given up: its thread is needed."""

_SEND_TIMEOUT = struct.pack("ll", SEND_SECONDS, 0)
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = logging.getLogger(__name__)


class Connection(TConn):  # type: ignore[misc]
    """A client's connection, with the request that arrives on it."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.initialized = True
        self.address = str(client[0]) if isinstance(client, tuple) else ""
        self.parser = RequestParser(cfg, sock, client)
        self.parser.unreader = ReceivedUnreader(sock)
        self.arrival: Arrival | None = None
        self.registered = False
        self.long = self.must_close = False
        self.ends = 0.0
        """When its lingering or its waiting for a turn ends."""
        self.drained = 0


class KeepingWorker(ThreadWorker):  # type: ignore[misc]
    """What gunicorn's worker does with connections; a subclass says what becomes of what arrives on them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keepalived_conns = IdleConnections(None)
        self.max_keepalived = self.worker_connections
        self.seats: Seats
        self.seat: int
        self._stands_back_until: float | None = None

    def receive(self, conn: Connection, first: bytes = b"") -> None:
        """Begin to receive a request, of which `first` has come; the connection is not in the poller."""
        raise NotImplementedError

    def init_process(self) -> None:
        """In the worker, after the fork; `seats` have been given to it before."""
        self.keepalived_conns = IdleConnections(self.seats.idle_of_address)
        super().init_process()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Called before every wait for events, with whether there is room for more connections."""
        super().set_accept_enabled(enabled and self._stands_back_until is None)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """One turn of the event loop."""
        self.seats.say(self.seat, self.nr_conns if self.alive else None)
        until = self._stands_back_until
        super().wait_for_and_dispatch_events(timeout if until is None else STEP_SECONDS)
        if until is None:
            return
        if not self.seats.has_more(self.seat, self.nr_conns):
            self._stands_back_until = None
        elif time.monotonic() > until:
            self._stands_back_until = None
            for listener in self.sockets:
                self._take_new(listener)

    def accept(self, listener: Any) -> None:
        """Take a new connection, unless it should be another worker's."""
        if self.seats.has_more(self.seat, self.nr_conns):
            self._stands_back_until = time.monotonic() + PATIENCE_SECONDS
            self.set_accept_enabled(False)
        else:
            self._take_new(listener)
            self._make_room()
            self.seats.say(self.seat, self.nr_conns)

    def _take_new(self, listener: Any) -> None:
        """The connection, if it is still there, and what it has sent already."""
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as problem:
            if problem.errno not in _FULL:
                raise
            log.warning("a connection finds no room: %s", problem.strerror)
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEOUT)
        self.nr_conns += 1
        self.receive(Connection(self.cfg, sock, client, listener.getsockname()))

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """The next request of a connection that was kept, unless it has been closed since the poller spoke of it."""
        if conn not in self.keepalived_conns:
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self.receive(conn)

    def idle(self, conn: Connection, seconds: float) -> None:
        """Wait so long for the first byte of a request; the connection is not in the poller."""
        conn.timeout = time.monotonic() + (seconds if self.alive else min(seconds, STOP_KEEPALIVE_LINGER))
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_client_socket_readable, conn))
        surplus = self.keepalived_conns.surplus(conn.address)
        if surplus is not None:
            self._close_idle(surplus)
        self._make_room()

    def _make_room(self) -> None:
        """There is always room for one more, as long as anybody is idle."""
        if self.nr_conns >= self.worker_connections and self.keepalived_conns:
            self._close_idle(self.keepalived_conns[0])

    def _close_idle(self, conn: Any) -> None:
        self.keepalived_conns.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def murder_keepalived(self, force: bool = False) -> None:
        """Called after every event, and with `force` at the end; who is idle for too long is ended below."""
        if force:
            super().murder_keepalived(force=True)

    def close_expired(self, now: float) -> None:
        """Close those that were idle for too long."""
        for conn in self.keepalived_conns.expired(now):
            self._close_idle(conn)

    def register(self, conn: Connection, callback: Any) -> None:
        """Call back, with the connection and its socket, whenever something has come; twice is once."""
        if not conn.registered:
            self.poller.register(conn.sock, EVENT_READ, partial(callback, conn))
            conn.registered = True

    def unregister(self, conn: Connection) -> None:
        """End what `register` began."""
        if conn.registered:
            self.poller.unregister(conn.sock)
            conn.registered = False
