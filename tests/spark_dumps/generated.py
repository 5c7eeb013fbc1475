"""A Spark dump of generated listens, as large as one likes: for measurements."""

import tarfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dumps.generator import World, chance
from dumps.generator.rows import table
from tests.spark_dumps.archives import described, schema, signed


def generated_dump(folder: Path, world: World, dump_id: int = 1) -> Path:
    """Write a full dump of all listens of a world, row groups of a block each; its archive."""
    name = f"listenbrainz-spark-dump-{dump_id}-20250101-000000-full"
    member = folder / "0.parquet"
    with pq.ParquetWriter(member, schema(), compression="zstd") as writer:
        for plays in world.blocks():
            rows = table(world.catalogue, world.listeners, plays)
            msids = chance.mbids(world.catalogue.seed, "msid", np.asarray(plays.recording * 3 + plays.variant))
            writer.write_table(_dumped(rows, msids))
    archive = folder / f"{name}.tar"
    with tarfile.open(archive, "w") as tar:
        for known, content in described(end=datetime.fromtimestamp(world.until, UTC)).items():
            path = folder / known
            path.write_bytes(content)
            tar.add(path, f"{name}/{known}")
        tar.add(member, f"{name}/0.parquet")
    member.unlink()
    return signed(archive)


def _dumped(rows: pa.Table, msids: pa.Array) -> pa.Table:
    """Mapped rows name their recording, credit and release; the others have names only."""
    known = pc.is_valid(rows["recording_mbid"])
    columns = {
        "listened_at": pc.multiply(rows["listened_at"], 1000).cast(pa.timestamp("ms")),
        "created": pc.multiply(rows["created"], 1000).cast(pa.timestamp("ms")),
        "user_id": rows["user_id"].cast(pa.int64()),
        "recording_msid": msids,
        "artist_name": rows["artist_name"],
        "artist_credit_id": pc.if_else(known, rows["recording"].cast(pa.int64()), pa.scalar(None, pa.int64())),
        "release_name": rows["release_name"],
        "release_mbid": rows["release_mbid"],
        "recording_name": rows["track_name"],
        "recording_mbid": rows["recording_mbid"],
        "artist_credit_mbids": rows["artist_mbids"],
    }
    return pa.table(columns, schema=schema())
