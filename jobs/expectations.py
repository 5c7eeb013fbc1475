"""Great Expectations over the lake: one suite per table, generated from the table's rules, and a report to read.

Spark answers each rule's own predicate, row by row, and Great Expectations judges the answers: so the report means
exactly what the writer enforces, and holds no value of any row. Reports: see jobs/reports.py.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from conf.settings import Settings
from jobs.lake import open_table
from jobs.landing import Landing
from jobs.reports import Report, Verdict, write
from jobs.tables import LANDING, LISTENS, METADATA_TABLES, TABLES, Rule, Table

os.environ["GX_ANALYTICS_ENABLED"] = "false"


class NotCheckedError(RuntimeError):
    """A rule was asked and no answer came, or another than counting gives: names table and rule."""


def expectation(rule: Rule) -> dict[str, Any]:
    """A rule as the arguments of ExpectColumnValuesToBeInSet on the column of answers named after it."""
    return {"column": rule.name, "value_set": [True], "meta": {"reason": rule.reason, "predicate": rule.sql}}


def check_lake(
    spark: SparkSession, settings: Settings, landing: Landing, names: Iterable[str] | None = None, beyond: int = 0
) -> list[Report]:
    """Check tables at a data version and write their reports. `beyond`: of listens, only rows after that position.

    `names`: the tables; None: `checked_by_itself`.
    The table `landing` is checked as it is now: no row of it can name the version that it makes itself.
    """
    reports, known = [], TABLES | METADATA_TABLES
    for name in checked_by_itself(landing, beyond) if names is None else names:
        after = beyond if name == LISTENS.name else 0
        frame = _rows(spark, settings.lake, landing, name, after)
        verdicts = check_frame(known[name], frame)
        report = Report(name, landing.landing_id, datetime.now(UTC), after, verdicts, landing.position)
        write(settings.data_dir, report)
        reports.append(report)
    return reports


def checked_by_itself(landing: Landing, beyond: int) -> list[str]:
    """Every table, those of metadata only when all rows are asked for: they were judged as they came."""
    imported = [] if beyond else [name for name in METADATA_TABLES if name in landing.versions]
    return [*TABLES, *imported]


def check_frame(table: Table, frame: DataFrame) -> tuple[Verdict, ...]:
    """Judge every rule of a table on a frame of its rows. Raises NotCheckedError."""
    answers = frame.select(*(F.expr(rule.sql).alias(rule.name) for rule in table.rules))
    broken = (F.count_if(~F.col(rule.name)).alias(rule.name) for rule in table.rules)
    counts = answers.agg(F.count("*").alias("*"), *broken).collect()[0]
    judged = _judge(table, answers)
    for rule in table.rules:
        if judged.get(rule.name) is not (counts[rule.name] == 0):
            raise NotCheckedError(f"{table.name}: Great Expectations gave no verdict on the rule {rule.name}")
    return tuple(Verdict(rule.name, rule.reason, counts["*"], counts[rule.name]) for rule in table.rules)


def _judge(table: Table, answers: DataFrame) -> dict[str, bool]:
    """Whether each rule is kept, as Great Expectations finds. Asked for no more, it needs one aggregate for all."""
    import great_expectations as gx
    from great_expectations.core.expectation_suite import ExpectationSuite
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    source = context.data_sources.add_spark(name="lake", persist=False)
    batch = source.add_dataframe_asset(name=table.name).add_batch_definition_whole_dataframe("all")
    kept: type[Any] = gx.expectations.ExpectColumnValuesToBeInSet  # type: ignore[attr-defined]
    suite = ExpectationSuite(name=table.name, expectations=[kept(**expectation(rule)) for rule in table.rules])
    result = batch.get_batch({"dataframe": answers}).validate(suite, result_format="BOOLEAN_ONLY")
    judged = [(item.expectation_config, item.success) for item in result.results]
    return {config.kwargs["column"]: bool(success) for config, success in judged if config is not None}


def _rows(spark: SparkSession, lake: str, landing: Landing, name: str, after: int) -> DataFrame:
    if name == LANDING.name:
        return spark.read.format("delta").load(f"{lake}/{name}")
    frame = open_table(spark, lake, landing, name)
    return frame.where(F.col("position") > after) if after else frame
