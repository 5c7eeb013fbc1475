"""One archive of a Spark dump, opened and checked: its checksum, what is in the tar, and what the dump says of itself.

Members are read where they lie, none is unpacked: the file that was hashed is the one that is read.
"""

import hashlib
import re
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NoReturn

from dumps.load.spark.names import Archive, DumpRefusedError

SCHEMA_SEQUENCE = 1
"""The form of the rows that this code knows."""
MOST_MEMBERS = 100_000
SMALL_BYTES = 65_536
"""Most bytes of a member that is no Parquet file."""
_CHUNK = 1 << 20
_PARQUET = re.compile(r"(0|[1-9][0-9]{0,5})\.parquet")
_SHA256 = re.compile(r"([0-9A-Fa-f]{64})(\s+\*?\S.*)?\s*")
_NAMED = ("SCHEMA_SEQUENCE", "START_TIMESTAMP", "END_TIMESTAMP", "TIMESTAMP", "COPYING")


@dataclass(frozen=True)
class OpenArchive:
    """A checked archive."""

    archive: Archive
    sha256: str
    start_at: datetime | None
    """None: a full dump that does not say it."""
    end_at: datetime
    tables: tuple[str, ...]
    """Names of its Parquet files, in order."""
    _tar: tarfile.TarFile
    _members: dict[str, tarfile.TarInfo]

    def read(self, table: str) -> IO[bytes]:
        """One of its Parquet files, to be read in any order."""
        opened = self._tar.extractfile(self._members[table])
        assert opened is not None, "a checked member is a file"
        return opened


@contextmanager
def open_archive(archive: Archive) -> Iterator[OpenArchive]:
    """Check an archive and keep it open for a block. Raises DumpRefusedError."""
    with ExitStack() as stack:
        try:
            opened = _open(archive, stack)
        except OSError as problem:
            _refuse(archive, f"it cannot be read ({problem.strerror or problem})")
        yield opened


def _open(archive: Archive, stack: ExitStack) -> OpenArchive:
    file = stack.enter_context(archive.path.open("rb"))
    digest = _checked_digest(archive, file)
    file.seek(0)
    tar = stack.enter_context(_opened(archive, file))
    return _described(archive, digest, tar, _members(archive, tar))


def _checked_digest(archive: Archive, file: IO[bytes]) -> str:
    beside = Path(f"{archive.path}.sha256")
    try:
        text = beside.read_bytes()[:4096].decode(errors="replace")
    except FileNotFoundError:
        _refuse(archive, f"{beside.name} is not beside it: fetch it too, it proves that the archive is whole")
    given = _SHA256.fullmatch(text)
    if given is None:
        _refuse(archive, f"{beside.name} holds no SHA-256")
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    if digest.hexdigest() != given[1].lower():
        _refuse(archive, f"its SHA-256 is {digest.hexdigest()}, {beside.name} says {given[1].lower()}: fetch it again")
    return digest.hexdigest()


def _opened(archive: Archive, file: IO[bytes]) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=file, mode="r:")
    except tarfile.TarError as problem:
        _refuse(archive, f"it is no uncompressed tar ({problem})")


def _members(archive: Archive, tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """What is in it, by name inside its one folder. Anything else than a dump's own files is refused."""
    found: dict[str, tarfile.TarInfo] = {}
    try:
        for member in tar:
            if member.isdir() and member.name.rstrip("/") in (".", archive.name):
                continue
            name = member.name.removeprefix("./").removeprefix(f"{archive.name}/")
            _check_member(archive, member, name)
            if name in found:
                _refuse(archive, f"it holds {name} twice")
            found[name] = member
            if len(found) > MOST_MEMBERS:
                _refuse(archive, f"it holds more than {MOST_MEMBERS} files")
    except tarfile.TarError as problem:
        _refuse(archive, f"the tar is damaged after {len(found)} files ({problem})")
    return found


def _check_member(archive: Archive, member: tarfile.TarInfo, name: str) -> None:
    if not member.isreg() or member.issparse():
        _refuse(archive, f"{member.name!r} in it is no plain file")
    if name not in _NAMED and _PARQUET.fullmatch(name) is None:
        _refuse(archive, f"{member.name!r} does not belong in it; expected N.parquet and {', '.join(_NAMED)}")
    if name in _NAMED and member.size > SMALL_BYTES:
        _refuse(archive, f"{name} in it has {member.size} bytes, at most {SMALL_BYTES}")


def _described(archive: Archive, digest: str, tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo]) -> OpenArchive:
    texts = {name: _text(archive, tar, members[name]) for name in _NAMED if name in members}
    _check_sequence(archive, texts.get("SCHEMA_SEQUENCE"))
    start = _moment(archive, "START_TIMESTAMP", texts)
    end = _moment(archive, "END_TIMESTAMP", texts) or _moment(archive, "TIMESTAMP", texts)
    if end is None:
        _refuse(archive, "END_TIMESTAMP is missing in it")
    if start is None and archive.kind == "incremental":
        _refuse(archive, "START_TIMESTAMP is missing in it")
    if start is not None and start > end:
        _refuse(archive, f"it ends at {end.isoformat()}, before its start at {start.isoformat()}")
    return OpenArchive(archive, digest, start, end, _tables(archive, members), tar, members)


def _tables(archive: Archive, members: dict[str, tarfile.TarInfo]) -> tuple[str, ...]:
    """The Parquet files: 0 and up, none missing; of a full dump at least one, for it replaces what is there."""
    numbers = sorted(int(name.removesuffix(".parquet")) for name in members if name.endswith(".parquet"))
    missing = next((n for n, number in enumerate(numbers) if n != number), None)
    if missing is not None:
        _refuse(archive, f"{missing}.parquet is missing in it")
    if not numbers and archive.kind == "full":
        _refuse(archive, "no Parquet file is in it")
    return tuple(f"{number}.parquet" for number in numbers)


def _check_sequence(archive: Archive, text: str | None) -> None:
    if text is None:
        _refuse(archive, "SCHEMA_SEQUENCE file missing in it")
    if text != str(SCHEMA_SEQUENCE):
        _refuse(archive, f"Incorrect schema version! Expected: {SCHEMA_SEQUENCE}, got: {text[:40]}")


def _moment(archive: Archive, name: str, texts: dict[str, str]) -> datetime | None:
    """An ISO date and time, UTC where it does not say its zone."""
    if name not in texts:
        return None
    try:
        moment = datetime.fromisoformat(texts[name])
    except ValueError:
        _refuse(archive, f"{name}: expected a date and time, got {texts[name][:40]!r}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(archive: Archive, tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    opened = tar.extractfile(member)
    assert opened is not None, "a checked member is a file"
    content = opened.read()
    if len(content) != member.size:
        _refuse(archive, f"{member.name} in it is cut off")
    return content.decode(errors="replace").strip()


def _refuse(archive: Archive, why: str) -> NoReturn:
    raise DumpRefusedError(f"{archive.path.name}: {why}; nothing of it is in")
