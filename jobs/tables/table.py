"""A Delta table as a value: columns, partitioning, rules with reasons. Spark-free."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.tables.rules import Rule


@dataclass(frozen=True)
class Column:
    """One column of a Delta table."""

    name: str
    type: str
    """Spark SQL type: int, bigint, string, timestamp, array<string>, map<string,bigint>."""
    nullable: bool
    about: str


@dataclass(frozen=True)
class Table:
    """One Delta table below the lake's root."""

    name: str
    about: str
    """Grain and purpose, one sentence."""
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    partition_by: tuple[str, ...] = ()
    change_feed: bool = False
    statistics: tuple[str, ...] = ()
    """Columns whose least and greatest values Delta keeps per file: keys only, for the log outlives a purge."""

    @property
    def schema(self) -> str:
        """Spark SQL schema text: `user_id int, ...`. Nulls are judged by rules, which give a reason."""
        return ", ".join(f"{column.name} {column.type}" for column in self.columns)

    @property
    def properties(self) -> dict[str, str]:
        """Delta table properties. Deletion vectors are off: independent readers refuse tables that have them."""
        return {
            "delta.enableDeletionVectors": "false",
            "delta.enableChangeDataFeed": "true" if self.change_feed else "false",
            "delta.dataSkippingStatsColumns": ",".join(self.statistics),
            "delta.deletedFileRetentionDuration": "interval 24 hours",
            "delta.logRetentionDuration": "interval 24 hours",
            "delta.checkpointInterval": "50",
        }

    def broken_rule(self, row: Mapping[str, Any]) -> Rule | None:
        """The first rule a row breaks, in the order declared; None for a good row."""
        return next((rule for rule in self.rules if not rule.holds(row)), None)

    @property
    def broken_sql(self) -> str:
        """Spark SQL expression: name and reason of the first rule a row breaks, null for a good row."""
        cases = " ".join(f"WHEN NOT {rule.sql} THEN '{rule.name}: {rule.reason}'" for rule in self.rules)
        return f"CASE {cases} END" if cases else "CAST(NULL AS STRING)"
