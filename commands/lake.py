"""`lake`: whether the rules of its tables are kept."""

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from commands.exits import NOT_RUNNING, CommandError
from commands.output import progress, remark, show_json, show_table
from commands.store import running_store
from conf.postgres import transaction
from conf.settings import load_settings
from jobs import reports
from jobs.reports import Report
from jobs.tables import METADATA_TABLES, TABLES

SILENT_SECONDS = 30


@click.group("lake")
def lake() -> None:
    """Look after the lake.

    \b
    Example:
      spark_manage.py lake check
    """


@lake.command("check")
@click.option("--timeout", type=click.IntRange(1), default=300, show_default=True, help="Most seconds to wait.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def check(timeout: int, as_json: bool) -> None:
    """Have the request consumer check every rule of every table now (Great Expectations), and print the verdicts.

    A broken rule is status 1. The reports stay as pages below DATA_DIR/reports.

    \b
    Examples:
      spark_manage.py lake check
      spark_manage.py lake check --json
    """
    with running_store() as store:
        from webapi.db.status import landing_state, parts

        with transaction(store.connection) as cursor:
            ages = [row.age for row in parts(cursor) if row.part == "request_consumer"]
            landed = landing_state(cursor).id
    if min(ages, default=SILENT_SECONDS + 1) > SILENT_SECONDS:
        raise CommandError("no request consumer is running: `make up` starts one", NOT_RUNNING)
    if landed is None:
        raise CommandError("nothing has landed yet: there is nothing to check")
    data_dir, asked = store.settings.data_dir, datetime.now(UTC)
    reports.ask(data_dir)
    _show(_fresh(data_dir, _tables(store.settings.lake), asked, timeout), data_dir, as_json)


@lake.command("report")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def report(as_json: bool) -> None:
    """Print the verdicts of the last check. Nothing needs to be running.

    \b
    Example:
      spark_manage.py lake report
    """
    data_dir = load_settings().data_dir
    found = reports.read(data_dir)
    if not found:
        raise CommandError(f"no report below {reports.folder(data_dir)} yet: `lake check` makes one")
    _show(found, data_dir, as_json)


def _tables(lake: str) -> set[str]:
    """The tables that a check looks at: those that a data version names."""
    from jobs.lake_files import newest

    return set(newest(lake).versions) & {*TABLES, *METADATA_TABLES}


def _fresh(data_dir: Path, tables: set[str], asked: datetime, timeout: int) -> list[Report]:
    """The reports of a check that began after we asked, once every table has one."""
    deadline = time.monotonic() + timeout
    with progress() as shown:
        shown.add_task("waiting for the request consumer", total=None)
        while time.monotonic() < deadline:
            found = [report for report in reports.read(data_dir) if report.checked_at >= asked]
            if tables <= {report.table for report in found}:
                return found
            time.sleep(0.2)
    raise CommandError(
        f"no report within {timeout} s: is the request consumer busy, or on another machine than DATA_DIR={data_dir}?"
    )


def _show(found: list[Report], data_dir: Path, as_json: bool) -> None:
    if as_json:
        show_json([_document(report) for report in found])
    else:
        columns = ("table", "rule", "rows", "breaking it", "verdict", "a row is refused when its")
        show_table(columns, [row for report in found for row in _rows(report)])
        remark(f"data version {found[0].data_version}, checked {found[0].checked_at:%Y-%m-%d %H:%M:%S} UTC")
        remark(f"pages: {reports.folder(data_dir)}")
    broken = sum(len(report.broken) for report in found)
    if broken:
        raise CommandError(f"{broken} rules are broken")


def _rows(report: Report) -> list[tuple[object, ...]]:
    return [(report.table, v.rule, v.rows, v.broken, "kept" if v.kept else "BROKEN", v.reason) for v in report.verdicts]


def _document(report: Report) -> dict[str, object]:
    return {
        "table": report.table,
        "data_version": report.data_version,
        "checked_at": report.checked_at,
        "kept": report.kept,
        "verdicts": [{**vars(verdict), "kept": verdict.kept} for verdict in report.verdicts],
    }


COMMANDS = (lake,)
