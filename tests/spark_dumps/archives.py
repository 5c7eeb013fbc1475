"""Archives of Spark dumps as another server writes them, from a few rows."""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

NOON = 1_609_502_400
"""2021-01-01 12:00 UTC: tests count seconds from here."""
MSID = "0a000000-0000-4000-8000-00000000000{}".format
"""Of a track, by its number."""
MBID = "0b000000-0000-4000-8000-00000000000{}".format
ARTIST = "0c000000-0000-4000-8000-00000000000{}".format
RELEASE = "0d000000-0000-4000-8000-00000000000{}".format
START = datetime(2002, 10, 1, tzinfo=UTC)
END = datetime(2021, 1, 2, tzinfo=UTC)

Row = dict[str, Any]


def play(second: int, track: int = 1, user_id: int | None = 7, **more: Any) -> Row:
    """A row as a dump has it: one play, `second` seconds after NOON, of an unmapped track; `more` replaces columns."""
    row: Row = {
        "listened_at": NOON + second,
        "created": NOON + second + 60,
        "user_id": user_id,
        "recording_msid": MSID(track),
        "artist_name": "The Beatles",
        "artist_credit_id": None,
        "release_name": None,
        "release_mbid": None,
        "recording_name": f"track {track}",
        "recording_mbid": None,
        "artist_credit_mbids": None,
    }
    assert set(more) <= set(row)
    return row | more


def mapped(second: int, track: int = 1, user_id: int = 7, say: int = 1, **more: Any) -> Row:
    """A play whose track the dump's server knows as recording number `say`."""
    return play(
        second,
        track,
        user_id,
        **{
            "artist_credit_id": 40 + say,
            "artist_credit_mbids": [ARTIST(say)],
            "release_name": "Rubber Soul",
            "release_mbid": RELEASE(say),
            "recording_mbid": MBID(say),
        }
        | more,
    )


def schema(unit: str = "ms", **types: pa.DataType) -> pa.Schema:
    """Of a Parquet file; `unit` of both times, `types` of columns in place of the original's."""
    columns: dict[str, pa.DataType] = {
        "listened_at": pa.timestamp(unit),
        "created": pa.timestamp(unit),
        "user_id": pa.int64(),
        "recording_msid": pa.string(),
        "artist_name": pa.string(),
        "artist_credit_id": pa.int64(),
        "release_name": pa.string(),
        "release_mbid": pa.string(),
        "recording_name": pa.string(),
        "recording_mbid": pa.string(),
        "artist_credit_mbids": pa.list_(pa.string()),
    }
    return pa.schema(list((columns | types).items()))


def parquet(
    rows: Sequence[Row], form: pa.Schema | None = None, row_group: int = 1_000_000, compression: str = "zstd"
) -> bytes:
    """The bytes of a Parquet file. Times are given in seconds, fractions too."""
    form = form or schema()
    columns = {field.name: _column([row[field.name] for row in rows], field.type) for field in form}
    out = io.BytesIO()
    pq.write_table(pa.table(columns, schema=form), out, compression=compression, row_group_size=row_group)
    return out.getvalue()


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_timestamp(kind):
        return pa.array(values, kind)
    per = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[kind.unit]
    return pa.array([None if value is None else round(value * per) for value in values], pa.int64()).cast(kind)


def described(
    start: datetime | None = START, end: datetime | None = END, sequence: str | None = "1"
) -> dict[str, bytes]:
    """The files that describe a dump; None leaves one out."""
    texts = {
        "SCHEMA_SEQUENCE": sequence,
        "START_TIMESTAMP": None if start is None else str(start),
        "END_TIMESTAMP": None if end is None else str(end),
        "COPYING": "public domain",
    }
    return {name: text.encode() for name, text in texts.items() if text is not None}


def archive(
    folder: Path,
    dump_id: int = 1,
    kind: str = "full",
    *files: bytes,
    members: Mapping[str, bytes] | None = None,
    extra: Iterable[tuple[tarfile.TarInfo, bytes]] = (),
    **about: Any,
) -> Path:
    """Write an archive and its .sha256 into the folder. `about`: see `described`; `members` replaces all of it."""
    name = f"listenbrainz-spark-dump-{dump_id}-20210102-000000-{kind}"
    content = dict(members) if members is not None else described(**about)
    if members is None:
        content |= {f"{number}.parquet": file for number, file in enumerate(files)}
    path = folder / f"{name}.tar"
    with tarfile.open(path, "w") as tar:
        for member, data in content.items():
            info = tarfile.TarInfo(f"{name}/{member}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info, data in extra:
            tar.addfile(info, io.BytesIO(data))
    return signed(path)


def signed(path: Path) -> Path:
    """The archive, with the checksum of what it holds now beside it."""
    Path(f"{path}.sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def full(folder: Path, dump_id: int, *rows: Row, **about: Any) -> Path:
    """A full dump of these rows."""
    return archive(folder, dump_id, "full", parquet(rows), **about)


def incremental(folder: Path, dump_id: int, *rows: Row, **about: Any) -> Path:
    """An incremental dump of these rows."""
    return archive(folder, dump_id, "incremental", parquet(rows), **about)


def msid(track: int) -> UUID:
    return UUID(MSID(track))
