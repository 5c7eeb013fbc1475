"""Zip archives from outside: refused before anything is unpacked when they could do harm; nothing is written to disk.

A member never gives more bytes than the archive's directory promises, so caps on the directory are caps on the reading.
"""

import re
import struct
import zipfile
from typing import IO

from jobs.listens.items import DamagedFileError

MOST_MEMBERS = 1000
"""A history of forty years has a member a month."""
MEMBER_BYTES = 2 << 30
TOTAL_BYTES = 8 << 30
"""Unpacked, of all members."""
MOST_RATIO = 200
"""Unpacked to packed; text of listens reaches 40."""
SMALL_BYTES = 10_000_000
"""A member of this size does no harm, however well it is packed."""
NAME_LENGTH = 500
DIRECTORY_BYTES = 1_000_000
_END = b"PK\x05\x06"
_END_BYTES = 22
_LOCATOR_BYTES = 20
_RECORD_64 = b"PK\x06\x06"
_HOSTILE_NAME = re.compile(r"[\x00-\x1f\x7f]|(?:^|[/\\])\.\.(?:[/\\]|$)|^[/\\]|^[A-Za-z]:")
_PACKED_AS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def open_zip(file: IO[bytes]) -> zipfile.ZipFile:
    """The archive, its directory checked. Raises DamagedFileError, saying what is wrong with it."""
    size = _directory_bytes(file)
    if size > DIRECTORY_BYTES:
        raise DamagedFileError(f"the zip's directory has {size} bytes: too many members")
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as problem:
        raise DamagedFileError(f"not a whole zip file: {problem}") from None
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise DamagedFileError(f"the zip has {len(members)} members, at most {MOST_MEMBERS} are read")
    if len({member.filename for member in members}) < len(members):
        raise DamagedFileError("the zip has two members of the same name")
    for member in members:
        _check(member)
    _check_total(members, file)
    return archive


def _check(member: zipfile.ZipInfo) -> None:
    shown = repr(member.filename[:60])
    if len(member.orig_filename) > NAME_LENGTH or _HOSTILE_NAME.search(member.orig_filename):
        raise DamagedFileError(f"the zip has a member named {shown}: no export names a file so")
    if member.flag_bits & 0x1:
        raise DamagedFileError(f"{shown} is encrypted: unpack the zip with its password first")
    if member.compress_type not in _PACKED_AS:
        raise DamagedFileError(f"{shown} is packed in a way that is not read here: pack it again as an ordinary zip")
    if member.file_size > MEMBER_BYTES:
        raise DamagedFileError(f"{shown} has {member.file_size} bytes unpacked, at most {MEMBER_BYTES} are read")
    if member.file_size > SMALL_BYTES and member.file_size > MOST_RATIO * member.compress_size:
        raise DamagedFileError(f"{shown} unpacks to more than {MOST_RATIO} times its size: no history does")


def _check_total(members: list[zipfile.ZipInfo], file: IO[bytes]) -> None:
    """Members may share their bytes in the file, so the sum is compared with the file."""
    total = sum(member.file_size for member in members)
    if total > TOTAL_BYTES:
        raise DamagedFileError(f"the zip unpacks to {total} bytes, at most {TOTAL_BYTES} are read")
    if total > SMALL_BYTES and total > MOST_RATIO * file.seek(0, 2):
        raise DamagedFileError(f"the zip unpacks to more than {MOST_RATIO} times its size: no history does")


def _directory_bytes(file: IO[bytes]) -> int:
    """What the archive's end says of its directory's size: it would be read at once, whatever it is."""
    size = file.seek(0, 2)
    start = max(0, size - _END_BYTES - 0xFFFF - _LOCATOR_BYTES)
    file.seek(start)
    tail = file.read()
    at = len(tail) - _END_BYTES
    if at < 0 or tail[at : at + 4] != _END or tail[-2:] != b"\0\0":
        at = tail.rfind(_END)
    if at < 0 or at + _END_BYTES > len(tail):
        raise DamagedFileError("the zip file ends too early, it has no directory")
    directory: int = struct.unpack_from("<L", tail, at + 12)[0]
    locator = tail[max(0, at - _LOCATOR_BYTES) : at]
    if locator[:4] == b"PK\x06\x07":
        file.seek(max(0, start + at - _LOCATOR_BYTES - 56))
        record = file.read(56)
        if record[:4] == _RECORD_64 and len(record) == 56:
            directory = max(directory if directory != 0xFFFFFFFF else 0, struct.unpack_from("<Q", record, 40)[0])
    return directory
