"""What a notebook's own run of statistics has made: lists as tables, and what the run cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pandas as pd

from jobs import result_files
from jobs.messages import COLUMNS, Manifest
from jobs.ranges import ALL_TIME


@dataclass(frozen=True)
class Computed:
    """One run, its results not served by anybody."""

    manifest: Manifest
    seconds: float
    """From asking to results written."""

    @property
    def continued(self) -> bool:
        """Whether only the users touched since an earlier data version were computed."""
        return self.manifest.base_run_id is not None

    @property
    def rows(self) -> int:
        """Lists and documents written, of all statistics and ranges."""
        return sum(switch.rows for switch in self.manifest.switches)

    @property
    def users(self) -> set[int]:
        """Ids of users with a list or document of their own in it."""
        keys = (row["key"] for kind in ("list", "document") for row in self._rows(kind))
        return {abs(key) for key in keys if key != 0}

    def items(self, statistic: str, user_id: int, stats_range: str = ALL_TIME) -> pd.DataFrame:
        """A list in order: what is shown of each item, listen_count. Of `user_id` 0: everybody's. Of none: empty."""
        for row in self._rows("list", statistic, stats_range):
            if row["key"] == user_id:
                shown = {one["id"]: orjson.loads(one["doc"]) for one in self._rows("entity")}
                pairs = zip(row["ids"], row["counts"], strict=True)
                return pd.DataFrame([{**shown[entity], "listen_count": count} for entity, count in pairs])
        return pd.DataFrame()

    def documents(self, statistic: str) -> dict[str, dict[str, Any]]:
        """Of each recording or artist, by its id, what is stored: `algorithm`, and `items`, best first."""
        return {row["entity"]: orjson.loads(row["doc"]) for row in self._rows("entity_document", statistic, ALL_TIME)}

    def _rows(self, kind: str, statistic: str = "", stats_range: str = "") -> Iterator[dict[str, Any]]:
        """Of one statistic and range, or, without these, of all."""
        names = COLUMNS[kind]
        for part in self.manifest.parts:
            asked = not statistic or (part.statistic, part.stats_range) == (statistic, stats_range)
            if part.kind == kind and asked:
                found = part.inline if part.inline is not None else result_files.rows(str(part.path), names)
                yield from (dict(zip(names, row, strict=True)) for row in found)
