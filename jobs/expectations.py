"""Great Expectations over the lake: one suite per table, generated from the table's rules, and a report to read.

Spark answers each rule's own predicate, row by row, and Great Expectations judges the answers: so the report means
exactly what the writer enforces, and holds no value of any row. Reports: DATA_DIR/reports/TABLE.json and TABLE.html.
"""

import html
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from conf.settings import Settings
from jobs.lake import open_table
from jobs.landing import Landing
from jobs.tables import TABLES, Rule, Table

os.environ["GX_ANALYTICS_ENABLED"] = "false"


@dataclass(frozen=True)
class Verdict:
    """One rule over one table."""

    rule: str
    reason: str
    rows: int
    broken: int

    @property
    def kept(self) -> bool:
        """Whether no row breaks the rule."""
        return self.broken == 0


@dataclass(frozen=True)
class Report:
    """All rules of one table at one data version."""

    table: str
    data_version: int
    checked_at: datetime
    beyond: int
    """Only rows with a greater position were looked at; 0: all."""
    verdicts: tuple[Verdict, ...]

    @property
    def kept(self) -> bool:
        """Whether every rule is kept."""
        return all(verdict.kept for verdict in self.verdicts)


def expectation(rule: Rule) -> dict[str, Any]:
    """A rule as the arguments of ExpectColumnValuesToBeInSet on the column of answers named after it."""
    return {"column": rule.name, "value_set": [True], "meta": {"reason": rule.reason, "predicate": rule.sql}}


def check_lake(
    spark: SparkSession, settings: Settings, landing: Landing, names: Iterable[str] = tuple(TABLES), beyond: int = 0
) -> list[Report]:
    """Check tables at a data version and write their reports. `beyond`: of listens, only rows after that position."""
    reports = []
    for name in names:
        if name not in landing.versions:
            continue
        frame = open_table(spark, settings.lake, landing, name)
        after = beyond if name == "listens" else 0
        if after:
            frame = frame.where(F.col("position") > after)
        report = Report(name, landing.landing_id, datetime.now(UTC), after, check_frame(TABLES[name], frame))
        write_report(settings.data_dir / "reports", report)
        reports.append(report)
    return reports


def check_frame(table: Table, frame: DataFrame) -> tuple[Verdict, ...]:
    """Judge every rule of a table on a frame of its rows."""
    import great_expectations as gx
    from great_expectations.core.expectation_suite import ExpectationSuite
    from great_expectations.data_context.types.base import ProgressBarsConfig

    answers = frame.select(*(F.expr(rule.sql).alias(rule.name) for rule in table.rules))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    source = context.data_sources.add_spark(name="lake", persist=False)
    batch = source.add_dataframe_asset(name=table.name).add_batch_definition_whole_dataframe("all")
    kept: type[Any] = gx.expectations.ExpectColumnValuesToBeInSet  # type: ignore[attr-defined]
    suite = ExpectationSuite(name=table.name, expectations=[kept(**expectation(rule)) for rule in table.rules])
    result = batch.get_batch({"dataframe": answers}).validate(suite, result_format="BASIC")
    judged = [(item.expectation_config, item.result) for item in result.results]
    found = {config.kwargs["column"]: verdict for config, verdict in judged if config is not None}
    return tuple(_verdict(rule, found.get(rule.name) or {}) for rule in table.rules)


def write_report(folder: Path, report: Report) -> None:
    """TABLE.json and TABLE.html, each replaced in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / f"{report.table}.json", orjson.dumps(asdict(report) | {"kept": report.kept}, option=2))
    _replace(folder / f"{report.table}.html", page(report).encode())


def page(report: Report) -> str:
    """The report as one HTML page without scripts."""
    verdict = "all rules kept" if report.kept else "RULES BROKEN"
    scope = f"rows beyond position {report.beyond}" if report.beyond else "all rows"
    rows = "".join(
        f"<tr class={'kept' if item.kept else 'broken'}><td>{html.escape(item.rule)}<td>a row is refused when its "
        f"{html.escape(item.reason)}<td>{item.rows}<td>{item.broken}<td>{'kept' if item.kept else 'broken'}"
        for item in report.verdicts
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{report.table}: {verdict}</title>"
        "<style>body{font:15px sans-serif;margin:2em}td,th{padding:.3em .8em;text-align:left;"
        "border-bottom:1px solid #ddd}.broken td{background:#fdd}</style>"
        f"<h1>{report.table}: {verdict}</h1><p>{html.escape(TABLES[report.table].about)}</p>"
        f"<p>Data version {report.data_version}, {scope}, checked {report.checked_at:%Y-%m-%d %H:%M:%S} UTC.</p>"
        f"<table><tr><th>rule<th>meaning<th>rows<th>breaking it<th>verdict{rows}</table></html>\n"
    )


def _verdict(rule: Rule, result: dict[str, Any]) -> Verdict:
    return Verdict(
        rule.name, rule.reason, int(result.get("element_count") or 0), int(result.get("unexpected_count") or 0)
    )


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.write_bytes(content)
    fresh.replace(path)
