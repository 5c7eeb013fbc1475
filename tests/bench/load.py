"""Generated listens straight into `listen` by COPY, positions and totals included: for sizes where only what follows
is measured. Rows are those the write function would store."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from conf.postgres import Connection, transaction
from jobs.listens.msid import recording_msid
from jobs.listens.positions import lock_writes, take_positions

TRACK = ["artist_name", "track_name", "release_name", "track_number", "duration_ms"]
MBIDS = ["recording_mbid", "release_mbid", "release_group_mbid", "artist_mbids"]

_TOTALS = """
INSERT INTO listen_totals (user_id, listen_count, oldest_listened_at, newest_listened_at)
SELECT user_id, count(*), min(listened_at), max(listened_at) FROM listen WHERE position BETWEEN %s AND %s
GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE SET listen_count = EXCLUDED.listen_count,
    oldest_listened_at = EXCLUDED.oldest_listened_at, newest_listened_at = EXCLUDED.newest_listened_at
"""

_COPY = """
COPY listen (user_id, listened_at, recording_msid, artist_name, track_name, release_name, additional_info, inserted_at,
    position) FROM STDIN (FORMAT csv)
"""


def load(connection: Connection, listens: Path, users: dict[int, int], only: range | None = None) -> int:
    """Copy a generator's listens.parquet, duplicates left out; how many rows. `users`: ids here by ids there.

    `only` takes the generator's users of a range. Users must have no listens yet.
    """
    wanted = users if only is None else {user: users[user] for user in only if user in users}
    loaded = 0
    with transaction(connection) as cursor:
        lock_writes(cursor)
        first = take_positions(cursor, 1).start
        for rows, data in _ahead(_as_csv(_batches(listens, wanted), first)):
            cursor.copy_expert(_COPY, data)
            loaded += rows
        if loaded > 1:
            take_positions(cursor, loaded - 1)
        cursor.execute(_TOTALS, (first, first + loaded - 1))
    with transaction(connection) as cursor:
        cursor.execute("ANALYZE listen")
    return loaded


def _as_csv(batches: Iterator[pa.Table], position: int) -> Iterator[tuple[int, io.BytesIO]]:
    """(rows, CSV) with dense positions from the first one on."""
    for rows in batches:
        numbered = rows.append_column("position", pa.array(range(position, position + rows.num_rows)))
        data = io.BytesIO()
        pyarrow.csv.write_csv(numbered, data, pyarrow.csv.WriteOptions(include_header=False))
        data.seek(0)
        position += rows.num_rows
        yield rows.num_rows, data


def _ahead(batches: Iterator[tuple[int, io.BytesIO]]) -> Iterator[tuple[int, io.BytesIO]]:
    """The same, the next one made while PostgreSQL takes this one."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _batches(listens: Path, users: dict[int, int]) -> Iterator[pa.Table]:
    ids = np.zeros(max(users) + 1, dtype=np.int32)
    ids[list(users)] = list(users.values())
    file = pq.ParquetFile(listens)
    for group in range(file.num_row_groups):  # one per block of whole users: no duplicate is in another
        rows = file.read_row_group(group)
        rows = rows.filter(pc.is_in(rows["user_id"], pa.array(list(users), pa.int32())))
        if rows.num_rows:
            yield _stored(_distinct(rows), ids)


def _distinct(rows: pa.Table) -> pa.Table:
    """Duplicates follow each other, or share at least user and second."""
    keys = np.stack([rows[name].to_numpy() for name in ("user_id", "listened_at", "recording")], axis=1)
    order = np.lexsort(keys.T[::-1])
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (keys[order][1:] != keys[order][:-1]).any(axis=1)
    return rows.take(pa.array(np.sort(order[first])))


def _stored(rows: pa.Table, ids: "np.ndarray[tuple[int], np.dtype[np.int32]]") -> pa.Table:
    recording = rows["recording"].to_numpy()
    _, sample, which = np.unique(recording, return_index=True, return_inverse=True)
    told = rows.select([*TRACK, *MBIDS]).take(pa.array(sample)).to_pylist()
    msids = [str(recording_msid(r["artist_name"], r["track_name"], r["release_name"], str(r["track_number"]),
                                r["duration_ms"])) for r in told]  # fmt: skip
    index = pa.array(which)
    client = pc.fill_null(rows["client"], "")
    said = pc.if_else(pc.equal(client, ""), "", pc.binary_join_element_wise('"submission_client":"', client, '",', ""))
    info = pc.binary_join_element_wise(
        "{", said, '"duration_played":', pc.cast(pc.divide(rows["played_ms"], 1000), pa.string()),
        pa.array([_tail(row) for row in told]).take(index), "",
    )  # fmt: skip
    created = pc.cast(pc.multiply(rows["created"], 1_000_000), pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "user_id": pa.array(ids[rows["user_id"].to_numpy()]),
            "listened_at": rows["listened_at"],
            "recording_msid": pa.array(msids).take(index),
            "artist_name": rows["artist_name"],
            "track_name": rows["track_name"],
            "release_name": rows["release_name"],
            "additional_info": info,
            "inserted_at": pc.strftime(created, "%Y-%m-%d %H:%M:%S+00"),
        }
    )


def _tail(row: dict[str, object]) -> str:
    """The rest of additional_info after what differs from play to play."""
    info = {"duration_ms": row["duration_ms"], "tracknumber": row["track_number"]}
    if row["recording_mbid"] is not None:
        info |= {name: row[name] for name in MBIDS}
    return "," + orjson.dumps(info).decode()[1:]
