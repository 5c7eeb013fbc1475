"""What is no dump is refused by name, before any row; what is one is read, whatever its units and widths."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from conf.postgres import Connection
from dumps.load.spark.names import DumpRefusedError
from tests.spark_dumps.archives import END, START, archive, described, full, parquet, play, schema, signed
from tests.spark_dumps.conftest import Bring, listens, query

NAME = "listenbrainz-spark-dump-1-20210102-000000-full"
GOOD = parquet([play(1)])


def without(column: str) -> bytes:
    form = schema()
    return parquet([play(1)], form.remove(form.get_field_index(column)))


Make = Callable[[Path], object]


def holding(*files: bytes, **about: Any) -> Make:
    """A full dump of these files."""
    return lambda folder: archive(folder, 1, "full", *files, **about)


def typed(column: str, kind: pa.DataType, **values: Any) -> Make:
    """A full dump whose column is of another type."""
    return holding(parquet([play(1, **values)], schema(**{column: kind})))


def plus(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> Make:
    """A good full dump with one more member."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return holding(GOOD, extra=[(info, b"")])


def unsigned(folder: Path) -> None:
    Path(f"{full(folder, 1, play(1))}.sha256").unlink()


def signed_by_another(folder: Path) -> None:
    path = full(folder, 1, play(1))
    Path(f"{path}.sha256").write_text("0" * 64)


def signed_by_nothing(folder: Path) -> None:
    Path(f"{full(folder, 1, play(1))}.sha256").write_text("no checksum")


def flipped(folder: Path) -> None:
    path = full(folder, 1, play(1))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(folder: Path) -> None:
    path = full(folder, 1, *(play(n) for n in range(2000)))
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"PAR1") + 700])
    signed(path)


def packed(folder: Path) -> None:
    path = full(folder, 1, play(1))
    content = path.read_bytes()
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(*_file("x", content))
    signed(path)


def _file(name: str, content: bytes) -> tuple[tarfile.TarInfo, io.BytesIO]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, io.BytesIO(content)


def misnamed(folder: Path) -> None:
    full(folder, 1, play(1)).rename(folder / "listenbrainz-spark-dump-latest-full.tar")


def of_no_day(folder: Path) -> None:
    full(folder, 1, play(1)).rename(folder / "listenbrainz-spark-dump-1-20211302-000000-full.tar")


def twice(folder: Path) -> None:
    full(folder, 1, play(1))
    (folder / "again").mkdir()
    full(folder / "again", 1, play(1))


REFUSED: dict[str, tuple[Make, str]] = {
    "no checksum": (unsigned, r"\.sha256 is not beside it"),
    "another checksum": (signed_by_another, "its SHA-256 is .* says 0000"),
    "a checksum that is none": (signed_by_nothing, "holds no SHA-256"),
    "a flipped bit": (flipped, "its SHA-256 is"),
    "a truncated tar": (cut, "damaged|cannot be read as Parquet"),
    "a packed tar": (packed, "no uncompressed tar"),
    "another name": (misnamed, "listenbrainz-spark-dump-latest-full.tar: this is no name of a dump"),
    "no such day": (of_no_day, "this is no name of a dump"),
    "two of one id": (twice, "two full dumps with the id 1"),
    "nothing": (lambda folder: None, "no full dump is in it"),
    "schema sequence": (holding(GOOD, sequence="2"), "Incorrect schema version! Expected: 1, got: 2"),
    "no schema sequence": (holding(GOOD, sequence=None), "SCHEMA_SEQUENCE file missing"),
    "no end": (holding(GOOD, end=None), "END_TIMESTAMP is missing"),
    "no time": (
        holding(members=described() | {"END_TIMESTAMP": b"soon", "0.parquet": GOOD}),
        "END_TIMESTAMP: expected a date and time, got 'soon'",
    ),
    "an end before the start": (
        holding(GOOD, start=END, end=START),
        "it ends at 2002-10-01T00:00:00.*, before its start",
    ),
    "no table": (holding(), "no Parquet file is in it"),
    "a table is missing": (
        holding(members=described() | {"0.parquet": GOOD, "2.parquet": GOOD}),
        "1.parquet is missing in it",
    ),
    "no row": (holding(parquet([])), "no row is in it"),
    "a path out of it": (plus(f"{NAME}/../../x.parquet"), "does not belong"),
    "an absolute path": (plus("/etc/0.parquet"), "does not belong"),
    "a symbolic link": (plus(f"{NAME}/1.parquet", tarfile.SYMTYPE, "/etc/passwd"), "no plain file"),
    "a hard link": (plus(f"{NAME}/1.parquet", tarfile.LNKTYPE, f"{NAME}/0.parquet"), "no plain file"),
    "a device": (plus(f"{NAME}/1.parquet", tarfile.CHRTYPE), "no plain file"),
    "another file": (plus(f"{NAME}/notes.txt"), "notes.txt.*does not belong"),
    "a file twice": (plus(f"{NAME}/0.parquet"), "holds 0.parquet twice"),
    "no Parquet": (holding(b"PAR1 or not"), "0.parquet: it cannot be read as Parquet"),
    "a damaged table": (holding(GOOD, GOOD[:40] + bytes(60) + GOOD[100:]), "1.parquet: it cannot be read as Parquet"),
    "a column is missing": (
        holding(GOOD, without("recording_msid")),
        "1.parquet: column recording_msid is missing; it has listened_at, created",
    ),
    "times as numbers": (
        typed("listened_at", pa.int64()),
        "0.parquet: column listened_at: expected a timestamp, found int64",
    ),
    "users as text": (
        typed("user_id", pa.string(), user_id="7"),
        "column user_id: expected a whole number, found string",
    ),
    "artists as text": (
        typed("artist_credit_mbids", pa.string(), artist_credit_mbids="x"),
        "column artist_credit_mbids: expected a list of text, found string",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_dump_is_refused_by_name_before_any_row(
    what: str, bring: Bring, folder: Path, connection: Connection
) -> None:
    make, reason = REFUSED[what]
    make(folder)

    with pytest.raises(DumpRefusedError, match=reason) as refused:
        bring("full")

    assert "listenbrainz-spark-dump-" in str(refused.value)
    for table in ("listen", "users", "mapping", "rejected_listen", "dump_import"):
        assert query(connection, "SELECT count(*) FROM (SELECT FROM " + table + " LIMIT 1) AS one") == [(0,)]  # noqa: S608


def test_a_file_that_is_not_utf_8_is_refused(bring: Bring, folder: Path, connection: Connection) -> None:
    named = parquet([play(1, artist_name="Bj\u00f6rk")], compression="none").replace(
        "Bj\u00f6rk".encode(), b"Bj\xff\xffrk"
    )
    archive(folder, 1, "full", named)

    with pytest.raises(DumpRefusedError, match=r"0\.parquet: it cannot be read as Parquet .*UTF8"):
        bring("full")
    assert listens(connection) == []


def test_a_folder_that_is_not_there_is_refused(bring: Bring, tmp_path: Path) -> None:
    with pytest.raises(DumpRefusedError, match="nowhere: there is no such folder"):
        bring("full", folder=str(tmp_path / "nowhere"))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_may_be_milliseconds_microseconds_or_nanoseconds(
    unit: str, bring: Bring, folder: Path, connection: Connection
) -> None:
    archive(
        folder, 1, "full", parquet([play(1), play(2) | {"listened_at": play(2)["listened_at"] + 0.999}], schema(unit))
    )

    assert bring("full")["new"] == 2
    assert [row[1] for row in listens(connection)] == [1, 2], "a fraction of a second is cut off"


def test_columns_may_be_wider_packed_empty_or_more(bring: Bring, folder: Path, connection: Connection) -> None:
    odd = schema(
        "us",
        listened_at=pa.timestamp("us", "UTC"),
        user_id=pa.int32(),
        artist_credit_id=pa.int32(),
        artist_name=pa.large_string(),
        recording_name=pa.dictionary(pa.int32(), pa.string()),
        artist_credit_mbids=pa.large_list(pa.string()),
        release_name=pa.null(),
        release_mbid=pa.null(),
        recording_mbid=pa.null(),
    )
    table = parquet([play(1)], odd)
    archive(folder, 1, "full", table, parquet([play(2)], schema("ms", artist_credit_mbids=pa.null())))

    assert bring("full")["new"] == 2
    assert [row[1:3] for row in listens(connection)] == [(1, "track 1"), (2, "track 1")]


def test_files_and_row_groups_are_read_one_after_the_other(bring: Bring, folder: Path, connection: Connection) -> None:
    files = [parquet([play(n, user_id=n % 3 + 1) for n in range(at, at + 500)], row_group=70) for at in (0, 500, 1000)]
    archive(folder, 1, "full", *files)

    answer = bring("full")

    assert (answer["read"], answer["new"], answer["users"]) == (1500, 1500, 3)
    assert [row[1] for row in sorted(listens(connection), key=lambda row: row[1])] == list(range(1500))
    assert answer.told[0].endswith("500 rows read")


def test_dumps_may_lie_in_folders_of_their_own(bring: Bring, folder: Path, connection: Connection) -> None:
    for kind in ("full", "incremental"):
        (folder / f"{kind}s" / f"listenbrainz-dump-1-20210102-000000-{kind}").mkdir(parents=True)
    full(folder / "fulls" / "listenbrainz-dump-1-20210102-000000-full", 1, play(1))
    (folder / "listenbrainz-dump-9-20210102-000000-db").mkdir()
    (folder / "listenbrainz-listens-dump-9-20210102-000000-full.tar.zst").touch()

    assert bring("full").imported == [NAME]
    assert len(listens(connection)) == 1


def test_a_checksum_may_be_written_as_sha256sum_writes_it(bring: Bring, folder: Path) -> None:
    path = full(folder, 1, play(1))
    checksum = Path(f"{path}.sha256")
    checksum.write_text(f"{checksum.read_text().upper()}  {path.name}\n")

    assert bring("full")["new"] == 1
