"""The landing thread: alarms that come and go, reports on demand, locks lost and taken again, duties in their time."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pyspark.sql import SparkSession

from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs import lake_files, reports
from jobs.landing import Landing
from jobs.lock import LakeLock
from jobs.reports import Report, Verdict
from jobs.tables import TABLES
from jobs.upkeep import FILES_PER_MONTH
from request_consumer.duties import CHECK_SECONDS, RETRY_SECONDS, Checks, Due
from request_consumer.landing import LandingLoop
from tests.landing.listens import agree, delete, listen, submit
from tests.landing.test_continued_runs import java_objects
from tests.landing.test_lock import end_session

Start = Callable[..., LandingLoop]


def until(condition: Callable[[], object], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.05)


@pytest.fixture
def start(spark: SparkSession, settings: Settings, lake: str) -> Iterator[Start]:
    """Start a LandingLoop, ended after the test."""
    running: list[LandingLoop] = []
    stop = threading.Event()

    def begin(kind: type[LandingLoop] = LandingLoop, interval: float = 0.2, batch: int = 1000) -> LandingLoop:
        quick = replace(settings, landing_interval=interval, landing_batch=batch)
        running.append(kind(spark, quick, LakeLock(settings.database_url, lake), stop))
        running[-1].start()
        return running[-1]

    yield begin
    stop.set()
    for loop in running:
        loop.join(60)
        assert not loop.is_alive()


@pytest.mark.spark
def test_who_waits_for_what_is_there_to_land_hurries_the_next_landing_and_no_other(
    start: Start, connection: Connection, alice: int
) -> None:
    submit(connection, alice, listen(1))
    loop = start(interval=3600)
    until(lambda: loop.detail()["landing_id"] == 1, "the first landing waits for nothing")
    submit(connection, alice, listen(2))
    loop.hurried = True
    until(lambda: loop.detail()["landing_id"] == 2, "it comes before its interval has passed")
    assert not loop.hurried


@pytest.mark.spark
def test_what_a_landing_made_of_its_rows_is_let_go_of_though_python_never_collects_by_itself(
    start: Start, connection: Connection, alice: int
) -> None:
    submit(connection, alice, listen(1), listen(2))
    before = {id(one) for one in java_objects()}
    gc.disable()
    try:
        loop = start(interval=3600)
        until(lambda: loop.detail()["landing_id"] == 1, "the landing")
        assert len([one for one in java_objects() if id(one) not in before]) < 20
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.spark
def test_a_backlog_that_filled_months_with_files_is_compacted_as_soon_as_it_has_landed(
    start: Start, connection: Connection, lake: str, alice: int
) -> None:
    for n in range(FILES_PER_MONTH + 3):
        submit(connection, alice, listen(n))
    start(batch=1)
    until(lambda: _last_kind(connection) == "compact", "the months are compacted")
    assert agree(connection, lake) == FILES_PER_MONTH + 3
    assert len(lake_files.open_table(lake, lake_files.newest(lake), "listens").file_uris()) == 1


def _last_kind(connection: Connection) -> str | None:
    with transaction(connection) as cursor:
        cursor.execute("SELECT kind FROM landing ORDER BY id DESC LIMIT 1")
        row = cursor.fetchone()
    return row[0] if row else None


@pytest.mark.spark
def test_a_broken_rule_is_an_alarm_a_lost_lock_is_taken_again_and_reports_come_on_demand(
    start: Start, connection: Connection, lake: str, settings: Settings, alice: int
) -> None:
    submit(connection, alice, listen(1), listen(2, "bad"))
    with transaction(connection) as cursor:
        cursor.execute("UPDATE listen SET additional_info = 'x' WHERE track_name = 'bad'")
    loop = start()
    until(lambda: loop.detail()["alarm"], "the alarm")
    detail = loop.detail()
    assert detail["alarm"].startswith("landing: RuleBrokenError: landing stopped, nothing was committed")
    assert "additional_info_json_object" in detail["alarm"]
    assert (detail["landing_id"], detail["position"], detail["writer"]) == (0, 0, True)

    delete(connection, alice, listen(2, "bad"))
    until(lambda: loop.detail()["landing_id"] == 1, "it lands once the row is gone")
    until(lambda: loop.detail()["alarm"] is None, "the alarm is over")
    assert agree(connection, lake) == 1

    end_session(connection)
    submit(connection, alice, listen(3))
    until(lambda: loop.detail()["landing_id"] == 2, "it lands with the lock taken again")
    assert loop.detail()["writer"]
    assert agree(connection, lake) == 2

    reports.ask(settings.data_dir)
    until(lambda: len(reports.read(settings.data_dir)) == len(TABLES), "a report of each table")
    assert loop.detail()["alarms"] == []
    assert {report.beyond for report in reports.read(settings.data_dir)} == {0}
    assert not reports.take(settings.data_dir), "the note was taken up"
    assert not loop.dead


class Dying(LandingLoop):
    """Ends as no loop should."""

    def round(self) -> Landing | None:
        raise SystemExit


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends_untold_ends_the_process(start: Start) -> None:
    loop = start(Dying)
    loop.join(10)
    assert loop.dead


def test_a_duty_is_due_after_its_time_and_again_soon_unless_it_was_done(settings: Settings) -> None:
    due = Due(settings)
    assert not due.take("vacuum", 100), "never seen: first due after its time"
    assert due.take("vacuum", -1)
    assert not due.take("vacuum", RETRY_SECONDS + 5), "taken, maybe failed: again after RETRY_SECONDS"
    again = Due(settings)
    again._keep("vacuum", time.time() - 3000)
    assert again.take("vacuum", 2000)
    assert not again.take("vacuum", 2000)
    again._keep("vacuum", again._done["vacuum"] - RETRY_SECONDS)
    assert Due(settings).take("vacuum", 2000), "it had failed"
    again.done("vacuum")
    assert not Due(settings).take("vacuum", 2000)


def test_what_is_new_is_checked_in_its_time_and_all_when_somebody_asks(settings: Settings) -> None:
    checks = Checks(settings)

    def wanted(*, busy: bool = False) -> bool:
        return checks.wanted(_landing(100), lambda: busy)

    assert not wanted(), "a process that has just started has other things to do"
    checks._when = time.monotonic() - CHECK_SECONDS - 1
    assert wanted()
    assert not wanted(busy=True), "who waits for a result comes first"
    checks._when -= CHECK_SECONDS
    assert wanted(busy=True), "but not for ever"
    checks._when = time.monotonic()
    assert not wanted()
    reports.ask(settings.data_dir)
    assert wanted(busy=True)
    assert wanted(busy=True), "until it was done"


def test_what_a_report_found_broken_is_an_alarm_and_looked_at_again(settings: Settings) -> None:
    verdicts = (Verdict("user_id_not_null", "user_id is missing", 10, 2),)
    reports.write(settings.data_dir, Report("listens", 3, datetime.now(UTC), 40, verdicts, 90))
    checks = Checks(settings)
    assert checks.broken == ["listens: user_id_not_null: 2 of 10 rows: user_id is missing"]
    assert checks._beyond(_landing(100)) == 40
    reports.write(settings.data_dir, Report("listens", 3, datetime.now(UTC), 40, (), 90))
    checks = Checks(settings)
    assert checks.broken == []
    assert checks._beyond(_landing(100)) == 90
    assert checks._beyond(_landing(80)) == 0, "another lake than the report's"


def _landing(position: int) -> Landing:
    return Landing(3, position, datetime.now(UTC), None, "land", "e", {}, 0, 0, 0)
