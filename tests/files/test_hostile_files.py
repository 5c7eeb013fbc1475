"""Class Z of the bad inputs, as far as files of other services go: refused before harm, by name, in flat memory."""

import base64
import gzip
import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from random import Random

import orjson
import pytest

from dumps.load.services import UnknownFormatError
from jobs.listens.items import DamagedFileError, LeftOut
from tests.files.conftest import Read, zipped

LINE = b'{"listened_at": 1600000000, "track_metadata": {"artist_name": "A", "track_name": "t"}}\n'
MEMBER = "listens/2020/9.jsonl"


def bad_crc() -> bytes:
    content = zipped({MEMBER: LINE * 100}, zipfile.ZIP_STORED)
    return content.replace(b'"track_name": "t"', b'"track_name": "u"', 1)


def forged_size() -> bytes:
    """The directory promises 4 GB, of which there are some bytes."""
    content = bytearray(zipped({MEMBER: LINE}))
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<L", 0xFFFFFFF0)
    return bytes(content)


def huge_directory() -> bytes:
    content = bytearray(zipped({MEMBER: LINE}))
    content[-10:-6] = struct.pack("<L", 900_000_000)
    return bytes(content)


def huge_directory_64() -> bytes:
    """The same in the record for large archives, which counts before the other."""
    content = zipped({MEMBER: LINE})
    record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 900_000_000, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(content) - 22, 1)
    return content[:-22] + record + locator + content[-22:]


def shared_bytes() -> bytes:
    """Fifty members of the same packed bytes."""
    content = zipped({MEMBER: LINE * 20_000})
    at, end = content.rfind(b"PK\x01\x02"), len(content) - 22
    entry = bytearray(content[at:end])
    entries = b""
    for n in range(50):
        entry[46 : 46 + len(MEMBER)] = f"listens/20{n:02}/9.jsonl".encode()
        entries += entry
    tail = bytearray(content[end:])
    tail[8:12] = struct.pack("<HH", 50, 50)
    tail[12:16] = struct.pack("<L", len(entries))
    return content[:at] + entries + bytes(tail)


def encrypted() -> bytes:
    content = bytearray(zipped({MEMBER: LINE}))
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def named(name: str) -> Callable[[], bytes]:
    return lambda: zipped({MEMBER: LINE, name: LINE})


def twice() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(MEMBER, LINE)
        archive.writestr(MEMBER, LINE)
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: zipped({MEMBER: b"0" * 50_000_000}), "unpacks to more than 200 times its size"),
        (shared_bytes, "unpacks to more than 200 times its size"),
        (forged_size, "at most 2147483648 are read"),
        (huge_directory, "the zip's directory has 900000000 bytes: too many members"),
        (huge_directory_64, "the zip's directory has 900000000 bytes: too many members"),
        (lambda: zipped({f"{n}.jsonl": b"" for n in range(1001)}), "has 1001 members, at most 1000 are read"),
        (bad_crc, "Bad CRC-32"),
        (encrypted, "is encrypted: unpack the zip with its password first"),
        (lambda: zipped({MEMBER: LINE}, zipfile.ZIP_LZMA), "packed in a way that is not read here"),
        (lambda: zipped({MEMBER: LINE})[:-30], "ends too early, it has no directory"),
        (lambda: zipped({MEMBER: LINE})[:40], "ends too early, it has no directory"),
        (lambda: b"PK\x03\x04" + b"x" * 100, "ends too early, it has no directory"),
        (named("../../etc/cron.d/x.jsonl"), "no export names a file so"),
        (named("/etc/passwd"), "no export names a file so"),
        (named("C:\\x.jsonl"), "no export names a file so"),
        (named("a\nb.jsonl"), "no export names a file so"),
        (named("x" * 4000), "no export names a file so"),
        (twice, "two members of the same name"),
    ],
)
def test_hostile_archives_are_refused_by_name_before_harm(make: Callable[[], bytes], said: str) -> None:
    content = make()
    tracemalloc.start()
    try:
        with pytest.raises(DamagedFileError) as problem:
            Read(content)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert said in str(problem.value)
    assert most < 20_000_000 + len(content)


def test_an_archive_within_an_archive_stays_closed() -> None:
    with pytest.raises(UnknownFormatError, match="not recognised"):
        Read(zipped({"inner.zip": zipped({MEMBER: LINE}), "listens.jsonl.zip": b"PK\x03\x04"}))


def test_a_packed_file_that_unpacks_to_hundreds_of_times_its_size_is_read_no_further() -> None:
    blank = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = blank.compress(LINE + (b" " * 999_999 + b"\n") * 60) + blank.flush()

    with pytest.raises(DamagedFileError, match=r"damaged after line [0-9]+: it unpacks to more than 200 times"):
        Read(packed)


@pytest.mark.parametrize("pack", [lambda c: gzip.compress(c, 1), lambda c: zipped({MEMBER: c})], ids=["gzip", "zip"])
def test_a_line_without_end_is_one_refused_item_and_costs_no_memory(pack: Callable[[bytes], bytes]) -> None:
    noise = base64.b64encode(Random(1).randbytes(30_000_000))  # noqa: S311
    content = pack(LINE + b'{"track_metadata": "' + noise + b'"}\n' + LINE)
    del noise
    tracemalloc.start()
    try:
        read = Read(content)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [place.rsplit(", ", 1)[-1] for place, _ in read.refused] == ["line 2"]
    assert "the line is longer than" in read.refused[0][1]
    assert len(read.listens) == 2
    assert most < 45_000_000  # a line of a zip is kept up to 10 MB


def test_absurd_values_are_refused_where_they_are() -> None:
    rows = [
        {"timestamp": {"unixtimestamp": at}, "track": {"name": name, "artist": {"name": "A"}}}
        for at, name in ((1e308, "a"), (True, "b"), ("1" * 5000, "c"), (None, "d"), ([], "e"), (1_600_000_000, "f"))
    ]

    read = Read(orjson.dumps(rows))

    assert [place for place, _ in read.refused] == [f"item {n}" for n in range(1, 6)]
    assert not [item for item in read.items if isinstance(item.brings, LeftOut)]
    assert len(read.listens) == 1
