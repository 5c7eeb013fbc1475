"""A bad row per rule of every table: refused by the writer's rule, by landing, by the split of foreign rows, and found
by the Great Expectations report; always with its reason, never with its value."""

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs import reports
from jobs.expectations import check_frame, check_lake
from jobs.land import Lander
from jobs.land_delta import RuleBrokenError, guarded, telling_rules
from jobs.land_foreign import split_foreign
from jobs.reports import Report, Verdict
from jobs.tables import TABLES, Table
from request_consumer.duties import Checks
from tests.landing.listens import agree, delete, listen, submit
from tests.landing.planted import EVERY_TABLE, GOOD, SECRET, WITHIN_SPARK, Planted, breaking, planted

PLANTED = planted()
TABLE_NAMES = list(TABLES)
WITH_CREDITS = [*TABLES, "recording_artist"]
DIFFERENT = [name for name in EVERY_TABLE if not name.endswith(("_tag", "_genre")) or name == "recording_tag"]
"""All but the tables of labels, which are made alike."""


def _frame(spark: SparkSession, table: Table, rows: list[dict[str, object]]) -> DataFrame:
    return spark.createDataFrame([Row(*(row[column.name] for column in table.columns)) for row in rows], table.schema)


@cache
def _of(name: str) -> list[Planted]:
    return [item for item in PLANTED if item.table == name]


@pytest.mark.parametrize("name", EVERY_TABLE)
def test_every_rule_has_a_planted_row_and_a_name_and_reason_of_its_own(name: str) -> None:
    assert EVERY_TABLE[name].broken_rule(GOOD[name]) is None
    assert {item.rule for item in _of(name)} == set(EVERY_TABLE[name].rules)
    names = Counter(rule.name for rule in EVERY_TABLE[name].rules)
    assert max(names.values()) == 1
    assert all(rule.reason.startswith(rule.column) for rule in EVERY_TABLE[name].rules)


@pytest.mark.parametrize("item", PLANTED, ids=lambda item: item.names)
def test_the_writers_rule_refuses_the_planted_row(item: Planted) -> None:
    assert not item.rule.holds(item.row)
    assert item.rule.holds(GOOD[item.table])
    broken = EVERY_TABLE[item.table].broken_rule(item.row)
    assert broken is not None
    assert SECRET not in broken.reason


@pytest.mark.parametrize("text", WITHIN_SPARK, ids=lambda text: text[:8])
def test_the_writers_rule_takes_what_spark_can_read(text: str) -> None:
    assert TABLES["listens"].broken_rule(GOOD["listens"] | {"additional_info": text}) is None


@pytest.mark.spark
@pytest.mark.parametrize("name", DIFFERENT)
def test_spark_names_the_same_first_broken_rule_as_python_for_every_planted_row(name: str, spark: SparkSession) -> None:
    from pyspark.sql import functions as F  # noqa: N812

    table = EVERY_TABLE[name]
    odd = [GOOD[name] | {"additional_info": text} for text in WITHIN_SPARK] if name == "listens" else []
    rows = [GOOD[name], *odd, *(item.row for item in _of(name))]
    expected = [
        None if rule is None else f"{rule.name}: {rule.reason}" for rule in (table.broken_rule(row) for row in rows)
    ]
    found = _frame(spark, table, rows).select(F.expr(table.broken_sql).alias("broken")).collect()
    assert [row.broken for row in found] == expected
    assert expected.count(None) == 1 + len(odd)


@pytest.mark.spark
@pytest.mark.parametrize("name", WITH_CREDITS)
def test_landing_refuses_the_first_planted_row_of_each_kind_and_tells_no_value(name: str, spark: SparkSession) -> None:
    table = EVERY_TABLE[name]
    seen = {type(item.rule): item for item in reversed(_of(name))}
    for item in seen.values():
        with pytest.raises(RuleBrokenError, match=f"{name}: {item.rule.column}") as told, telling_rules():
            guarded(table, _frame(spark, table, [GOOD[name], item.row])).collect()
        assert SECRET not in str(told.value)
    assert len(guarded(table, _frame(spark, table, [GOOD[name]])).collect()) == 1


@pytest.mark.spark
def test_foreign_rows_are_split_by_the_rules_and_the_bad_are_kept_with_their_reason(spark: SparkSession) -> None:
    table = TABLES["listens"]
    small = [item for item in _of("listens") if len(str(item.row)) < 10_000]
    now = datetime(2021, 1, 2, tzinfo=UTC)
    good, bad, both = split_foreign(
        _frame(spark, table, [GOOD["listens"], *(item.row for item in small)]), "dump 7", now
    )
    assert good.toArrow().to_pylist() == [GOOD["listens"]]
    kept = bad.toArrow().to_pylist()
    both.unpersist()
    reasons = [table.broken_rule(item.row) for item in small]
    assert [row["reason"] for row in kept] == [f"{rule.name}: {rule.reason}" for rule in reasons if rule]
    assert {(row["rejected_at"], row["source"]) for row in kept} == {(now, "dump 7")}
    assert all(TABLES["rejected_listens"].broken_rule(row) is None for row in kept)
    assert any(SECRET in row["body"] for row in kept), "the row itself is kept, to be mended"


@pytest.mark.spark
@pytest.mark.parametrize("name", WITH_CREDITS)
def test_great_expectations_finds_exactly_the_rows_that_python_refuses(name: str, spark: SparkSession) -> None:
    table = EVERY_TABLE[name]
    rows = [GOOD[name], GOOD[name], *(item.row for item in _of(name))]
    verdicts = check_frame(table, _frame(spark, table, rows))

    expected = tuple(
        Verdict(rule.name, rule.reason, len(rows), sum(not rule.holds(row) for row in rows)) for rule in table.rules
    )
    assert verdicts == expected
    assert all(verdict.broken for verdict in verdicts)


def test_a_report_can_be_read_by_a_person_and_holds_no_value(tmp_path: Path) -> None:
    verdicts = (Verdict("a_kept", "a <is> fine", 1200, 0), Verdict("b_broken", "b is bad", 1200, 7))
    report = Report("clients", 12, datetime(2021, 1, 2, 3, 4, 5, tzinfo=UTC), 0, verdicts, 90)
    reports.write(tmp_path, report)

    assert reports.read(tmp_path) == [report]
    assert report.broken == ["clients: b_broken: 7 of 1200 rows: b is bad"]
    page = (tmp_path / "reports" / "clients.html").read_text()
    assert "<h1>clients: 1 of 2 rules broken</h1>" in page
    assert "Data version 12, all rows, checked 2021-01-02 03:04:05 UTC." in page
    assert page.index("b_broken") < page.index("a_kept"), "what is broken comes first"
    assert "a &lt;is&gt; fine" in page
    assert not list(tmp_path.rglob("*.new"))


def test_a_fresh_report_is_asked_for_once(tmp_path: Path) -> None:
    assert not reports.take(tmp_path)
    reports.ask(tmp_path)
    reports.ask(tmp_path)
    assert reports.take(tmp_path)
    assert not reports.take(tmp_path)


@pytest.mark.spark
def test_the_reports_of_a_lake_cover_every_table_and_show_no_sample(
    connection: Connection, lander: Lander, lake: str, settings: Settings, alice: int
) -> None:
    submit(connection, alice, listen(1, SECRET, SECRET, note=SECRET))
    landing = lander.land()
    assert landing is not None
    reports.ask(settings.data_dir)
    checks, rounds = Checks(settings), 0
    while checks.wanted(landing, lambda: True):
        checks.run(lander.spark, landing)
        rounds += 1
    written = reports.read(settings.data_dir)

    assert rounds == len(TABLE_NAMES), "a landing waits for one table at most"
    assert [report.table for report in written] == TABLE_NAMES
    assert all(report.kept for report in written)
    assert next(report for report in written if report.table == "landing").verdicts[0].rows == 1
    for path in reports.folder(settings.data_dir).iterdir():
        assert SECRET not in path.read_text()

    [only, *_] = check_lake(lander.spark, settings, landing, ["listens"], beyond=landing.position)
    assert only.verdicts[0].rows == 0, "nothing beyond that position"


@pytest.mark.spark
def test_a_row_of_our_own_that_breaks_a_rule_stops_landing_until_it_is_mended(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(1), listen(2, SECRET))
    with transaction(connection) as cursor:
        cursor.execute("UPDATE listen SET additional_info = '[]' WHERE track_name = %s", (SECRET,))
    with pytest.raises(RuleBrokenError, match=r"listens: additional_info_json_object: .* not a JSON object") as told:
        lander.land()
    assert SECRET not in str(told.value)
    with pytest.raises(RuleBrokenError):
        lander.land()
    assert lander.start() is None, "no data version came of it"

    delete(connection, alice, listen(2, SECRET))
    lander.land()
    assert agree(connection, lake) == 1


def test_a_rule_kind_that_nobody_planted_for_is_an_error() -> None:
    from jobs.tables.rules import Rule

    class Fresh(Rule):
        pass

    with pytest.raises(NotImplementedError, match="Fresh"):
        breaking(Fresh("user_id"), {})


def test_planted_rows_have_the_columns_of_their_table() -> None:
    for item in PLANTED:
        assert set(item.row) == {column.name for column in EVERY_TABLE[item.table].columns}
