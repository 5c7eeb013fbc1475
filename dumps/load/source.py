"""A file that is handed in: plain, gzip or zip, from disk or a pipe. Its beginning tells which service wrote it."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import IO, Any, cast

from dumps.load.zips import MOST_RATIO, SMALL_BYTES, TOTAL_BYTES, open_zip
from jobs.listens.items import DamagedFileError

HEAD_BYTES = 1 << 16
BUFFER = 1 << 18
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGED = (
    EOFError,
    zlib.error,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    struct.error,
    RuntimeError,
    NotImplementedError,
)

Wanted = Callable[[str], bool]


@dataclass(frozen=True)
class Source:
    """What formats look at and read. Made by `open_source`."""

    name: str
    """As its owner calls it."""
    file: IO[bytes]
    """At its beginning."""
    head: bytes
    """The beginning of the text, unpacked; empty for a zip."""
    archive: zipfile.ZipFile | None
    zone: tzinfo = UTC
    """The zone of times that a file gives without one."""

    def position(self) -> int:
        """How many bytes of the file have been read, about."""
        return self.file.tell()

    def members(self, wanted: Wanted) -> list[str]:
        """Names of the files in a zip; none otherwise."""
        if self.archive is None:
            return []
        return [m.filename for m in self.archive.infolist() if not m.is_dir() and wanted(m.filename)]

    def heads(self, wanted: Wanted) -> Iterator[bytes]:
        """The beginning of the text, or of the first members that are wanted."""
        if self.archive is None:
            yield self.head
        for name in self.members(wanted)[:20]:
            with _member(self.archive, name) as text:
                yield text.read(HEAD_BYTES)

    def texts(self, wanted: Wanted) -> Iterator[tuple[str, IO[bytes]]]:
        """Member names (empty: the file itself) with what is in them, each to be read before the next."""
        if self.archive is None:
            yield "", _text_of(self.file)
        for name in self.members(wanted):
            with _member(self.archive, name) as text:
                yield name, text


def open_source(file: IO[bytes], name: str, zone: tzinfo = UTC) -> Source:
    """Look at a file. Raises DamagedFileError for a zip that cannot be read, or not from a pipe."""
    head, whole = _beginning(file)
    if head.startswith(_ZIP):
        if not file.seekable():
            raise DamagedFileError("a zip cannot be read from a pipe: give its file")
        return Source(name, file, b"", open_zip(file), zone)
    return Source(name, whole, _unpacked_head(head), None, zone)


UNREADABLE = (ValueError, TypeError, RecursionError, OSError)
"""What a file that no reader foresaw may raise: one user's file must not end what reads the files of all."""


def _beginning(file: IO[bytes]) -> tuple[bytes, IO[bytes]]:
    """The first bytes, and the file as if they had not been read. Of a pipe: what comes with the first line."""
    if file.seekable():
        start = file.tell()
        head = file.read(HEAD_BYTES)
        file.seek(start)
        return head, file
    head = b""
    while len(head) < HEAD_BYTES and b"\n" not in head and (more := cast(Any, file).read1(HEAD_BYTES)):
        head += more
    return head, io.BufferedReader(_Again(head, file), BUFFER)


def _unpacked_head(head: bytes) -> bytes:
    if not head.startswith(_GZIP):
        return head
    try:
        return zlib.decompressobj(31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def _text_of(file: IO[bytes]) -> IO[bytes]:
    if cast(Any, file).peek(2)[:2] != _GZIP:
        return file
    return io.BufferedReader(_Unpacked(cast(IO[bytes], gzip.GzipFile(fileobj=file)), file), BUFFER)


def _member(archive: zipfile.ZipFile | None, name: str) -> IO[bytes]:
    assert archive is not None
    try:
        opened = archive.open(name)
    except _DAMAGED as problem:
        raise DamagedFileError(f"{name}: {problem}") from None
    return io.BufferedReader(_Unpacked(opened, None), BUFFER)


class _Unpacked(io.RawIOBase):
    """What comes out of a packed file: its errors as ours, and not hundreds of times what went in."""

    def __init__(self, text: IO[bytes], packed: IO[bytes] | None) -> None:
        super().__init__()
        self._text = text
        self._packed = packed
        """None: the archive's directory was checked."""
        self._read = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Raises DamagedFileError."""
        try:
            # Not `read`: of a file that ends too early it would keep to itself what came before the end.
            data = cast(Any, self._text).read1(len(buffer))
        except _DAMAGED as problem:
            raise DamagedFileError(str(problem) or "the file is damaged") from None
        self._read += len(data)
        if self._packed is not None and self._read > SMALL_BYTES:
            self._refuse_bomb(self._packed)
        buffer[: len(data)] = data
        return len(data)

    def _refuse_bomb(self, packed: IO[bytes]) -> None:
        if self._read > min(TOTAL_BYTES, MOST_RATIO * packed.tell()):
            raise DamagedFileError(f"it unpacks to more than {MOST_RATIO} times its size, or {TOTAL_BYTES} bytes")

    def close(self) -> None:
        """Also what it reads from."""
        if not self.closed and self._packed is None:
            self._text.close()
        super().close()


class _Again(io.RawIOBase):
    """A pipe, with what was taken from its beginning."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        super().__init__()
        self._head = head
        self._rest = rest
        self._given = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Bytes given out so far."""
        return self._given

    def readinto(self, buffer: Any) -> int:
        """The head, then what one read of the pipe gives."""
        data = self._head[: len(buffer)] or cast(Any, self._rest).read1(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(data)] = data
        self._given += len(data)
        return len(data)
