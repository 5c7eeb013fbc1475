"""A request as it arrives, kept until it is whole: in memory while it is small, else in a file without a name.

Only then it takes a thread, which reads it through `ReceivedUnreader` without ever waiting for the client.
"""

import re
import socket
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any

from gunicorn.http.unreader import SocketUnreader

from webapi.bodies import MAX_LISTEN_PAYLOAD_SIZE
from webapi.errors import TooSlowError
from webapi.framing import Chunks, Head, read_head

MOST_BODY = MAX_LISTEN_PAYLOAD_SIZE
"""Bytes of a body that is received before it takes a thread: every submission. A longer one is read by its thread."""
IN_MEMORY = 1_000_000
"""A longer body goes to a file."""
MEMORY = 32_000_000
"""Of all bodies of a worker; beyond, bodies go to files whatever their length."""
DISK = 1_000_000_000
"""Of all files of a worker; beyond, requests are refused."""
STEP = 1 << 20
AT_ONCE, HEAD_AT_ONCE, TINY_AT_ONCE = 65_536, 8192, 1024
"""Bytes taken of a connection in one turn of the event loop. Few of tiny chunks: each is followed, were it of a single
byte, and 65,536 bytes of such took 20 ms, in which nobody else was heard."""
STALL_SECONDS = 15.0
"""A client whose body is read by a thread may be silent for so long."""
PATIENCE, LEAST_RATE = 60.0, 8192
"""Seconds that a body may take whatever its length, and bytes a second beyond."""

_EXPECT = re.compile(rb"\r\nexpect:[^\r\n]*", re.IGNORECASE)


class NoRoomError(Exception):
    """So many long bodies are on their way that another finds no place."""


@dataclass
class Room:
    """Bytes that a worker holds of bodies; used by its event loop alone."""

    memory: int = 0
    disk: int = 0


class Arrival:
    """What has come of one request."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._start = bytearray()
        self._chunks: Chunks | None = None
        self._memory = self._disk = 0
        self.began = self.last = time.monotonic()
        """When it began to be waited for, and when the last byte came."""
        self.head: Head | None = None
        self.pieces: deque[bytes] = deque()
        self.file: IO[bytes] | None = None
        self.rest = b""
        """What came behind its end: of the next request."""

    @property
    def size(self) -> int:
        """Bytes of the body that have come."""
        return self._memory + self._disk

    @property
    def started(self) -> bool:
        """Whether a single byte has come."""
        return bool(self._start)

    @property
    def at_once(self) -> int:
        """How many bytes to take next, at most."""
        if self.head is None:
            return HEAD_AT_ONCE
        return TINY_AT_ONCE if self._chunks is not None and self._chunks.tiny else AT_ONCE

    @property
    def whole(self) -> bool:
        """Whether nothing is missing, or no more is wanted of what the parser will refuse."""
        if self.head is None:
            return False
        if self._chunks is not None:
            return self._chunks.ended or self._chunks.odd
        return self.head.odd or self.size == self.head.length

    @property
    def too_long(self) -> bool:
        """Whether its body is longer than what is received before a thread takes it."""
        return self.head is not None and max(self.head.length or 0, self.size) > MOST_BODY

    @property
    def too_slow(self) -> bool:
        """Whether the body comes more slowly than anybody's connection is."""
        return time.monotonic() - self.began > PATIENCE + self.size / LEAST_RATE

    def feed(self, data: bytes) -> bool:
        """Take what came; whether the head ended with it. Raises NoRoomError, and OSError for a full disk."""
        self.last = time.monotonic()
        if self.head is not None:
            self._feed_body(data)
            return False
        self._start += data
        self.head = read_head(self._start)
        if self.head is None:
            return False
        body = bytes(self._start[self.head.size :])
        del self._start[self.head.size :]
        if self.head.length is None:
            self._chunks = Chunks()
        if body:
            self._feed_body(body)
        return True

    def head_bytes(self) -> bytes:
        """The head for the parser; `Expect` has been seen to, unless a thread is to read the body."""
        start = bytes(self._start)
        return _EXPECT.sub(b"", start) if self.head is not None and self.head.waits and self.whole else start

    def free(self) -> None:
        """Give back memory and file."""
        self._room.memory -= self._memory
        self._room.disk -= self._disk
        self._memory = self._disk = 0
        self.pieces.clear()
        if self.file is not None:
            self.file.close()
            self.file = None

    def _feed_body(self, data: bytes) -> None:
        assert self.head is not None
        if self._chunks is not None:
            taken = self._chunks.feed(data)
        else:
            taken = len(data) if self.head.odd else min(len(data), (self.head.length or 0) - self.size)
        self._keep(data[:taken] if taken < len(data) else data)
        self.rest = data[taken:]

    def _keep(self, piece: bytes) -> None:
        if self.file is None and self.size + len(piece) <= IN_MEMORY and self._room.memory + len(piece) <= MEMORY:
            self._memory += len(piece)
            self._room.memory += len(piece)
            self.pieces.append(piece)
            return
        if self._room.disk + len(piece) > DISK:
            raise NoRoomError
        if self.file is None:
            self.file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by free
        self.file.write(piece)
        self._disk += len(piece)
        self._room.disk += len(piece)


class ReceivedUnreader(SocketUnreader):  # type: ignore[misc]
    """Where gunicorn's parser reads: what has been received, and the socket only for a body too long for that."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._pieces: deque[bytes] = deque()
        self._file: IO[bytes] | None = None
        self._open = False
        self._began, self._read = 0.0, 0

    def give(self, arrival: Arrival, *, from_socket: bool) -> None:
        """The request that is read next; of the one before nothing is left."""
        self.buf = BytesIO()
        self._pieces = deque([arrival.head_bytes(), *arrival.pieces])
        arrival.pieces.clear()
        self._file = arrival.file
        if self._file is not None:
            self._file.seek(0)
        self._open = from_socket
        self._began, self._read = time.monotonic(), 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next piece; empty at the end. Raises TooSlowError."""
        if self._pieces:
            return self._pieces.popleft()
        if self._file is not None and (piece := self._file.read(STEP)):
            return piece
        return self._from_socket(size_hint) if self._open else b""

    def _from_socket(self, size_hint: int | None) -> bytes:
        if time.monotonic() - self._began > PATIENCE + self._read / LEAST_RATE:
            raise TooSlowError
        sock: Any = self.sock
        before = sock.gettimeout()
        sock.settimeout(STALL_SECONDS)
        try:
            data: bytes = super().chunk(size_hint)
        except TimeoutError:
            raise TooSlowError from None
        finally:
            sock.settimeout(before)
        self._read += len(data)
        return data
