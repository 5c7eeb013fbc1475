"""Results of a run as values: lists and documents of one statistic, as they would be shown."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs import result_files, runner
from jobs.catalog import catalog
from jobs.lake import Landing
from jobs.messages import COLUMNS, Manifest, new_run_id


class Results:
    """What a manifest says."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._structs = {row["id"]: orjson.loads(row["doc"]) for row in self._rows("entity", "", "")}

    def row(self, statistic: str, key: int, stats_range: str = "all_time") -> dict[str, Any] | None:
        """A list as stored, by column; None: there is none."""
        found = self._rows("list", statistic, stats_range)
        return next((row for row in found if row["key"] == key), None)

    def items(self, statistic: str, key: int, stats_range: str = "all_time") -> list[dict[str, Any]]:
        """A list, each item's struct with its listen_count. Of nothing: empty."""
        row = self.row(statistic, key, stats_range)
        if row is None:
            return []
        return [{**self._structs[i], "listen_count": n} for i, n in zip(row["ids"], row["counts"], strict=True)]

    def document(self, statistic: str, key: int | str, stats_range: str = "all_time") -> Any:
        """A document, parsed; None: there is none."""
        for kind in ("document", "entity_document"):
            for row in self._rows(kind, statistic, stats_range):
                if row[COLUMNS[kind][0]] == key:
                    return orjson.loads(row["doc"])
        return None

    def documents(self, statistic: str, stats_range: str) -> dict[int, tuple[str, str | None]]:
        """Documents of users as stored, with what of their settings was applied, by key."""
        return {row["key"]: (row["doc"], row["applied"]) for row in self._rows("document", statistic, stats_range)}

    def entity_documents(self, statistic: str) -> dict[str, Any]:
        """Documents over all time of entities, parsed, by entity."""
        rows = self._rows("entity_document", statistic, "all_time")
        return {row["entity"]: orjson.loads(row["doc"]) for row in rows}

    def keys(self, statistic: str, stats_range: str = "all_time") -> set[int | str]:
        """Of whom, or of what, there is a result."""
        kinds = ("list", "document", "entity_document")
        return {row[COLUMNS[kind][0]] for kind in kinds for row in self._rows(kind, statistic, stats_range)}

    def _rows(self, kind: str, statistic: str, stats_range: str) -> Iterator[dict[str, Any]]:
        for part in self.manifest.parts:
            if (part.kind, part.statistic, part.stats_range) == (kind, statistic, stats_range):
                for row in part.inline if part.inline is not None else self._read(str(part.path), kind):
                    yield dict(zip(COLUMNS[kind], row, strict=True))

    @staticmethod
    def _read(path: str, kind: str) -> Sequence[Any]:
        return list(result_files.rows(path, COLUMNS[kind]))


def results(
    spark: SparkSession, settings: Settings, landing: Landing, statistics: Sequence[str], **params: Any
) -> Results:
    """One run of these statistics."""
    ordered = runner.Ordered("tests", tuple(catalog().jobs[name] for name in statistics), params)
    return Results(runner.run(spark, settings, ordered, landing, run_id=new_run_id(1.7e9), request_id=None))
