"""What a user would take instead, given the same messages; and proofs that it comes to the same rows."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import duckdb
import orjson
import pandas as pd
import psutil
import pyarrow as pa
from deltalake import DeltaTable

from conf import postgres
from jobs.listens.msid import msid_of
from tests.bench.system import Bench

Fingerprint = tuple[int, int]
"""Rows, and the order-free hash of their keys."""

_READ = """
CREATE VIEW queue AS
SELECT user_id, unnest(listens, recursive := true)
FROM read_json('{messages}', format = 'newline_delimited', maximum_object_size = 100000000, columns = {{
    user_id: 'INTEGER', listens: 'STRUCT(listened_at BIGINT, track_metadata STRUCT(artist_name VARCHAR,
    track_name VARCHAR, release_name VARCHAR, additional_info JSON))[]'}})"""
_WRITE = """
COPY (SELECT DISTINCT * FROM queue) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)"""
_FINGERPRINT = """
SELECT count(*), bit_xor(hash(user_id, listened_at, artist_name, track_name)) FROM {rows}"""
_ROW = """
INSERT INTO row_wise (user_id, listened_at, recording_msid, artist_name, track_name, release_name, additional_info)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
_ROW_TABLE = """
CREATE TABLE row_wise (user_id integer, listened_at bigint, recording_msid uuid, artist_name text, track_name text,
    release_name text, additional_info text, PRIMARY KEY (user_id, listened_at, recording_msid))"""


@dataclass(frozen=True)
class Peer:
    """What a peer took and what came out."""

    seconds: float
    cpu: float
    listens: int
    fingerprint: Fingerprint
    query: str


def lake(bench: Bench) -> pd.DataFrame:
    """Keys of all listens in the lake, read by deltalake."""
    columns = ["user_id", "listened_at", "recording_msid"]
    found: pd.DataFrame = DeltaTable(f"{bench.settings.lake}/listens").to_pyarrow_table(columns=columns).to_pandas()
    return found


def fingerprint_of_lake(bench: Bench, users: Iterable[int]) -> Fingerprint:
    """Of these users' listens, read by deltalake."""
    columns = ["user_id", "listened_at", "artist_name", "track_name"]
    rows = DeltaTable(f"{bench.settings.lake}/listens").to_pyarrow_table(columns=columns)
    wanted = pa.table({"id": pa.array(list(users), pa.int32())})
    connection = duckdb.connect()
    connection.register("landed", rows)
    connection.register("wanted", wanted)
    return _fingerprint(
        connection,
        "(SELECT user_id, epoch(listened_at)::BIGINT AS listened_at, artist_name, track_name FROM landed"
        " WHERE user_id IN (SELECT id FROM wanted))",
    )


def duckdb_to_parquet(folder: Path, messages: Sequence[bytes], times: int) -> Peer:
    """read_json over the same messages as lines, duplicates out, one Parquet file: the median of `times`."""
    lines, parquet = folder / "messages.jsonl", folder / "peer.parquet"
    lines.write_bytes(b"\n".join(messages))
    read, write = _READ.format(messages=lines), _WRITE.format(parquet=parquet)
    runs = []
    for _ in range(times + 1):  # the first one warms the page cache
        connection = duckdb.connect(config={"threads": 2})
        cpu, started = sum(psutil.Process().cpu_times()[:2]), time.monotonic()
        connection.execute(read)
        connection.execute(write)
        runs.append((time.monotonic() - started, sum(psutil.Process().cpu_times()[:2]) - cpu))
        connection.close()
    seconds, cpu = (median(run[at] for run in runs[1:]) for at in (0, 1))
    rows = _fingerprint(duckdb.connect(), f"'{parquet}'")
    return Peer(
        seconds, cpu, rows[0], rows, f"{_READ}{_WRITE}".format(messages="queue.jsonl", parquet="listens.parquet")
    )


def row_by_row(bench: Bench, messages: Sequence[bytes], listens: int) -> Peer:
    """One INSERT and commit per listen into the same PostgreSQL; proven equal to `listen` on its keys."""
    connection = postgres.connect(postgres.dsn(bench.settings), autocommit=True)
    done = 0
    with connection.cursor() as cursor:
        cursor.execute(_ROW_TABLE)
        started = time.monotonic()
        for message in messages:
            document = orjson.loads(message)
            for listen in document["listens"]:
                told = listen["track_metadata"]
                info = orjson.dumps(told["additional_info"]).decode()
                names = (told["artist_name"], told["track_name"], told.get("release_name"))
                key = (document["user_id"], listen["listened_at"], str(msid_of(told)))
                cursor.execute(_ROW, (*key, *names, info))
                done += 1
            if done >= listens:
                break
        seconds = time.monotonic() - started
        cursor.execute(
            "SELECT count(*) FILTER (WHERE l.user_id IS NULL), count(*) FROM row_wise r"
            " LEFT JOIN listen l USING (user_id, listened_at, recording_msid, artist_name, track_name, additional_info)"
        )
        row = cursor.fetchone()
    connection.close()
    assert row is not None
    assert row[0] == 0, f"{row[0]} of {row[1]} rows of the row-wise peer are not in listen: no times are compared"
    return Peer(seconds, 0.0, done, (row[1], 0), _ROW)


def _fingerprint(connection: duckdb.DuckDBPyConnection, rows: str) -> Fingerprint:
    row = connection.execute(_FINGERPRINT.format(rows=rows)).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
