"""Generated listens straight into `listen` by COPY, positions and totals included: for sizes where only what follows
is measured. Rows are those the write function would store."""

import io
from collections.abc import Iterator
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

BATCH = 200_000
"""Listens of one COPY."""
TRACK = ["artist_name", "track_name", "release_name", "track_number", "duration_ms"]
MBIDS = ["recording_mbid", "release_mbid", "release_group_mbid", "artist_mbids"]

_TOTALS = """
INSERT INTO listen_totals (user_id, listen_count, oldest_listened_at, newest_listened_at)
SELECT user_id, count(*), min(listened_at), max(listened_at) FROM listen WHERE position BETWEEN %s AND %s
GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE SET listen_count = EXCLUDED.listen_count,
    oldest_listened_at = EXCLUDED.oldest_listened_at, newest_listened_at = EXCLUDED.newest_listened_at
"""


def load(connection: Connection, listens: Path, users: dict[int, int], only: range | None = None) -> int:
    """Copy a generator's listens.parquet, duplicates left out; how many rows. `users`: ids here by ids there.

    `only` takes the generator's users of a range. Users must have no listens yet.
    """
    wanted = users if only is None else {user: users[user] for user in only if user in users}
    loaded, last = 0, 0
    with transaction(connection) as cursor:
        lock_writes(cursor)
        for rows in _batches(listens, wanted):
            positions = take_positions(cursor, rows.num_rows)
            columns = ["user_id", "listened_at", "recording_msid", "artist_name", "track_name", "release_name"]
            numbered = rows.append_column("position", pa.array(positions))
            data = io.BytesIO()
            pyarrow.csv.write_csv(numbered, data, pyarrow.csv.WriteOptions(include_header=False))
            data.seek(0)
            cursor.copy_expert(
                f"COPY listen ({', '.join(columns)}, additional_info, inserted_at, position) FROM STDIN (FORMAT csv)",
                data,
            )
            loaded, last = loaded + rows.num_rows, positions.stop - 1
        cursor.execute(_TOTALS, (last - loaded + 1, last))
    with transaction(connection) as cursor:
        cursor.execute("ANALYZE listen")
    return loaded


def _batches(listens: Path, users: dict[int, int]) -> Iterator[pa.Table]:
    ids = np.zeros(max(users) + 1, dtype=np.int32)
    ids[list(users)] = list(users.values())
    for batch in pq.ParquetFile(listens).iter_batches(BATCH):
        rows = pa.table(batch)
        known = pc.is_in(rows["user_id"], pa.array(list(users), pa.int32()))
        rows = rows.filter(known)
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
