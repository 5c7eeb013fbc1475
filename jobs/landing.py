"""A data version: the row of `landing` as a value. Spark-free, for every reader of the lake."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Landing:
    """Which versions of all tables belong together; jobs read the lake only through one of these."""

    landing_id: int
    """The data version."""
    position: int
    """Every change up to here is in."""
    landed_at: datetime
    newest_listen_ts: int | None
    """T: latest listen not later than landed_at, epoch seconds; null in an empty lake."""
    kind: str
    epoch: str
    versions: Mapping[str, int]
    track_count: int
    client_count: int
    rows: int
    """Listens appended."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Landing":
        """From a row by column name; maps may come as pairs, times without zone are UTC."""
        values = dict(row)
        values["versions"] = dict(values["versions"])
        if values["landed_at"].tzinfo is None:
            values["landed_at"] = values["landed_at"].replace(tzinfo=UTC)
        return cls(**values)

    def table(self) -> pa.Table:
        """As one Arrow row."""
        return pa.table(
            {
                "landing_id": pa.array([self.landing_id], pa.int64()),
                "position": pa.array([self.position], pa.int64()),
                "landed_at": pa.array([self.landed_at], pa.timestamp("us", "UTC")),
                "newest_listen_ts": pa.array([self.newest_listen_ts], pa.int64()),
                "kind": pa.array([self.kind]),
                "epoch": pa.array([self.epoch]),
                "versions": pa.array([list(self.versions.items())], pa.map_(pa.string(), pa.int64())),
                "track_count": pa.array([self.track_count], pa.int64()),
                "client_count": pa.array([self.client_count], pa.int64()),
                "rows": pa.array([self.rows], pa.int64()),
            }
        )
