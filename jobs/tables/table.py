"""A Delta table as a value: columns, partitioning, rules with reasons. Spark-free."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jobs.tables.rules import NotNull, Rule

_ABSENT = object()


@dataclass(frozen=True)
class Column:
    """One column of a Delta table."""

    name: str
    type: str
    """Spark SQL type: smallint, int, bigint, boolean, string, timestamp, array<string>, map<string,bigint>, ..."""
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
    key: tuple[str, ...] = ()
    """Of an imported table: the columns that no two rows share."""
    folded: tuple[tuple[str, str], ...] = ()
    """Of an imported table: (column, the column it is the folded form of), which no file brings."""
    newer: tuple[str, ...] = ()
    """Of an imported table: columns that older files lack; null then."""

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
        if self._is_good(row):
            return None
        return next((rule for rule in self.rules if not rule.holds(row)), None)

    def _is_good(self, row: Mapping[str, Any]) -> bool:
        """As every rule says, each column looked up once: nearly every row is good, and the writer asks for each."""
        for column, required, checks in self._by_column:
            value = row.get(column, _ABSENT)
            if value is None:
                if required:
                    return False
            elif value is not _ABSENT:
                for check in checks:
                    if not check(value):
                        return False
        return all(rule.holds(row) for rule in self._of_rows)

    @cached_property
    def _by_column(self) -> tuple[tuple[str, bool, tuple[Callable[[Any], bool], ...]], ...]:
        """(column, whether it must have a value, checks of a value) of the rules that look at one column."""
        alone = [rule for rule in self.rules if type(rule).holds is Rule.holds]
        required = {rule.column for rule in self.rules if isinstance(rule, NotNull)}
        columns = dict.fromkeys(rule.column for rule in self.rules)
        return tuple((name, name in required, tuple(r.check for r in alone if r.column == name)) for name in columns)

    @cached_property
    def _of_rows(self) -> tuple[Rule, ...]:
        """The rules that look at more than one column."""
        return tuple(r for r in self.rules if type(r).holds is not Rule.holds and not isinstance(r, NotNull))

    @property
    def broken_sql(self) -> str:
        """Spark SQL expression: name and reason of the first rule a row breaks, null for a good row."""
        cases = " ".join(f"WHEN NOT {rule.sql} THEN '{rule.name}: {rule.reason}'" for rule in self.rules)
        return f"CASE {cases} END" if cases else "CAST(NULL AS STRING)"
