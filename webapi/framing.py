"""Where a request ends in the bytes that arrive: its head, and a body of known length or in chunks. Judges nothing.

What is not plain HTTP/1.1 counts as complete at once: gunicorn's parser, which reads it after this, refuses it.
"""

import re
from dataclasses import dataclass

MOST_HEAD = 65_536
"""Bytes of request line and headers; a longer head is refused."""
MOST_CHUNK_LINE = 8190
TINY = 512
"""Bytes of a chunk, on average."""

_HEAD_END = b"\r\n\r\n"
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|expect):[ \t]*([^\r\n]*)", re.IGNORECASE)
_LENGTH = re.compile(rb"[0-9]{1,18}")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")


@dataclass(frozen=True)
class Head:
    """What the head says of the body."""

    size: int
    """Bytes of the head, its empty line included."""
    length: int | None
    """Bytes of the body; None: chunked."""
    waits: bool
    """The client waits for `100 Continue` before it sends the body."""
    odd: bool = False
    """Not for us to read: the parser will refuse it."""


def read_head(received: bytes | bytearray) -> Head | None:
    """The head at the beginning of what was received; None: it has not ended yet."""
    end = received.find(_HEAD_END)
    if end < 0:
        bare = received.count(b"\n") != received.count(b"\r\n")
        return Head(len(received), 0, waits=False, odd=True) if bare or len(received) > MOST_HEAD else None
    size = end + len(_HEAD_END)
    found: dict[bytes, list[bytes]] = {}
    for name, value in _FRAMING.findall(received, 0, end):
        found.setdefault(name.lower(), []).append(value.strip(b" \t").lower())
    if not found:
        return Head(size, 0, waits=False, odd=size > MOST_HEAD)
    return _framed(size, found)


def _framed(size: int, found: dict[bytes, list[bytes]]) -> Head:
    lengths, codings = found.get(b"content-length", []), found.get(b"transfer-encoding", [])
    expected = found.get(b"expect", [])
    waits = expected == [b"100-continue"]
    odd = Head(size, 0, waits=False, odd=True)
    if size > MOST_HEAD or len(lengths) + len(codings) > 1 or (expected and not waits):
        return odd
    if codings:
        return Head(size, None, waits) if codings == [b"chunked"] else odd
    if not lengths:
        return Head(size, 0, waits=False)
    return Head(size, int(lengths[0]), waits) if _LENGTH.fullmatch(lengths[0]) else odd


class Chunks:
    """Follows the chunks of a body to its end, which may come in any pieces."""

    def __init__(self) -> None:
        self.ended = False
        self.odd = False
        """Not properly chunked: the parser will refuse it."""
        self._left = 0
        """Bytes of the chunk at hand that are still to come, the line end after it included."""
        self._line = b""
        """Of a size line or trailer that has not ended."""
        self._trailers = False
        self._lines = self._bytes = 0

    @property
    def tiny(self) -> bool:
        """Whether its chunks are so small that following them is work."""
        return self._bytes < self._lines * TINY

    def feed(self, data: bytes) -> int:
        """Follow these bytes; how many of them belong to the body: all, unless it ended or is odd."""
        place = 0
        self._bytes += len(data)
        while place < len(data) and not self.ended and not self.odd:
            if self._left:
                step = min(self._left, len(data) - place)
                self._left -= step
                place += step
                continue
            end = data.find(b"\n", place)
            piece = data[place : end + 1] if end >= 0 else data[place:]
            place += len(piece)
            self._line += piece
            if end >= 0:
                self._read_line()
            elif len(self._line) > MOST_CHUNK_LINE:
                self.odd = True
        return place

    def _read_line(self) -> None:
        line, self._line = self._line, b""
        self._lines += 1
        if not line.endswith(b"\r\n") or len(line) > MOST_CHUNK_LINE:
            self.odd = True
        elif self._trailers:
            self.ended = line == b"\r\n"
        elif (size := _SIZE.fullmatch(line, 0, len(line) - 2)) is None:
            self.odd = True
        elif int(size[1], 16) == 0:
            self._trailers = True
        else:
            self._left = int(size[1], 16) + 2
