"""sql, lake, serving on a lake that a landing wrote, here by hand: no JVM."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from conf import part_status
from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs import reports
from jobs.land_guard import mirror
from jobs.landing import Landing
from jobs.reports import Report, Verdict
from tests.commands.conftest import CommandLine

EPOCH = "00000000-0000-4000-8000-000000000000"
LANDED = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def landing(settings: Settings) -> Landing:
    """Users and one data version, and a user too many in a version that no landing names."""
    users = {
        "user_id": pa.array([1, 2], pa.int32()),
        "name": pa.array(["alice", "b\x1b[2Job"]),
        "created": pa.array([LANDED, LANDED], pa.timestamp("us", "UTC")),
        "source": pa.array([None, None], pa.string()),
        "foreign_id": pa.array([None, None], pa.int64()),
        "position": pa.array([1, 2], pa.int64()),
    }
    write_deltalake(f"{settings.lake}/users", pa.table(users))
    write_deltalake(f"{settings.lake}/users", pa.table(users), mode="append")
    landing = Landing(1, 2, LANDED, None, "land", EPOCH, {"users": 0}, 0, 0, 0)
    write_deltalake(f"{settings.lake}/landing", landing.table())
    return landing


@pytest.mark.usefixtures("landing")
def test_a_select_sees_the_newest_data_version_in_every_format(cli: CommandLine, tmp_path: Path) -> None:
    statement = "SELECT user_id, name FROM users ORDER BY user_id"

    words = [line.split() for line in cli("sql", statement).out.splitlines()]
    assert words == [["user_id", "name"], ["1", "alice"], ["2", "b\N{REPLACEMENT CHARACTER}[2Job"]]
    assert cli("sql", statement, "--format", "csv").out.splitlines()[:2] == ['"user_id","name"', '1,"alice"']
    json = cli("sql", statement, "--format", "json").out.splitlines()
    assert [orjson.loads(line) for line in json] == [
        {"user_id": 1, "name": "alice"},
        {"user_id": 2, "name": "b\x1b[2Job"},
    ]
    file = tmp_path / "users.parquet"
    written = cli("sql", "-", "--output", str(file), stdin=statement.encode())
    assert (written.status, written.out) == (0, "")
    assert pq.read_table(file).num_rows == 2


@pytest.mark.usefixtures("landing")
def test_nested_values_are_json_in_csv(cli: CommandLine) -> None:
    ran = cli("sql", "SELECT versions, kind FROM landing", "--format", "csv")

    assert ran.out.splitlines()[1] == '"{""users"":0}","land"'


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("DELETE FROM users",), 2, "the lake is read-only here: expected SELECT ..., got DELETE"),
        (("SELECT 1; SELECT 2",), 2, "one statement at a time"),
        (("",), 2, "got nothing"),
        (("SELECT nothing FROM users",), 1, "tables: users, landing"),
        (("SELECT 1", "--format", "xml"), 2, "'xml' is not one of"),
        (("SELECT 1", "--output", "rows.txt"), 2, "say --format csv, json or parquet"),
        (("SELECT 1", "--format", "table", "--output", "rows.txt"), 2, "--format table is for stdout"),
        (("SELECT 1", "--output", "/no/such/folder/rows.csv"), 1, "No such file or directory"),
    ],
)
@pytest.mark.usefixtures("landing")
def test_wrong_statements_are_refused(cli: CommandLine, arguments: tuple[str, ...], status: int, said: str) -> None:
    ran = cli("sql", *arguments)

    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err


@pytest.mark.parametrize("arguments", [("sql", "SELECT 1"), ("serving", "rebuild")])
def test_an_empty_lake_is_named(cli: CommandLine, arguments: tuple[str, ...], settings: Settings) -> None:
    ran = cli(*arguments)

    assert (ran.status, ran.out) == (1, "")
    assert f"the lake {settings.lake} is empty" in ran.err


@pytest.mark.parametrize("broken", [0, 3])
def test_a_check_waits_for_fresh_reports_and_prints_the_verdicts(
    cli: CommandLine, connection: Connection, settings: Settings, landing: Landing, broken: int
) -> None:
    verdict = Verdict("name_not_null", "name is missing", 2, 0)
    old = Report(table="users", data_version=1, checked_at=LANDED, beyond=0, verdicts=(verdict,))
    reports.write(settings.data_dir, old)
    with transaction(connection) as cursor:
        mirror(cursor, landing)
        part_status.report(cursor, "request_consumer", {})

    def consumer() -> None:
        deadline = time.monotonic() + 20
        while not reports.take(settings.data_dir) and time.monotonic() < deadline:
            time.sleep(0.05)
        fresh = replace(old, checked_at=datetime.now(UTC), verdicts=(replace(verdict, broken=broken),))
        reports.write(settings.data_dir, fresh)

    thread = threading.Thread(target=consumer)
    thread.start()
    ran = cli("lake", "check", "--json")
    thread.join()

    assert ran.status == (1 if broken else 0)
    assert ran.json()[0]["verdicts"][0]["broken"] == broken
    assert ("1 rules are broken" in ran.err) == bool(broken)
    again = cli("lake", "report")
    assert ("BROKEN" in again.out) == bool(broken)
    assert again.status == ran.status


def test_a_check_needs_a_request_consumer_and_a_report_a_check(cli: CommandLine) -> None:
    check, report = cli("lake", "check"), cli("lake", "report")

    assert (check.status, check.out) == (69, "")
    assert "no request consumer is running: `make up` starts one" in check.err
    assert report.status == 1
    assert "`lake check` makes one" in report.err


def test_a_rebuild_refuses_a_database_with_users(cli: CommandLine, landing: Landing) -> None:
    cli("user", "create", "alice")

    ran = cli("serving", "rebuild")

    assert (ran.status, ran.out) == (1, "")
    assert "table users has rows" in ran.err
