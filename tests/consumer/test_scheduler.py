"""When statistics are asked for, told from what is served and what was asked."""

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.broker import SPARK_REQUEST, Broker
from conf.postgres import Connection, transaction
from request_consumer import request_rows, requests
from request_consumer.freshness import Served
from request_consumer.scheduler import FAILED_SECONDS, REFRESHED, is_due, look, refreshed, rest

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
FRESH = Served(
    landed=7,
    data_version=7,
    newest_listen_ts=int(NOW) - 60,
    open=False,
    last_finished=NOW - 60,
    last_seconds=2.0,
    last_failed=None,
)


def test_what_is_served_from_the_newest_landing_of_today_is_not_asked_for() -> None:
    assert not is_due(FRESH, NOW)


def test_a_new_landing_is_asked_for() -> None:
    assert is_due(replace(FRESH, landed=8), NOW)


def test_a_statistic_that_was_never_made_is_asked_for_once_something_has_landed() -> None:
    never = replace(FRESH, data_version=None, newest_listen_ts=None, last_finished=None)
    assert is_due(never, NOW)
    assert not is_due(replace(never, landed=None), NOW)


def test_a_day_that_turned_is_asked_for_though_nothing_landed() -> None:
    assert is_due(FRESH, NOW + 2 * 3600)


def test_a_day_that_turned_for_a_user_elsewhere_is_asked_for() -> None:
    """22:13 in London, 03:58 of the next day in Kathmandu, which began at 18:15."""
    elsewhere = replace(FRESH, zones=("UTC", "Asia/Kathmandu"))
    assert not is_due(elsewhere, NOW)
    before = int(NOW) - 4 * 3600  # 18:13:20
    assert is_due(replace(elsewhere, newest_listen_ts=before), NOW)
    assert not is_due(replace(elsewhere, newest_listen_ts=before + 100), NOW)
    assert not is_due(replace(FRESH, newest_listen_ts=before), NOW)


def test_a_listen_beyond_t_is_asked_for_once_time_has_passed_it_though_nothing_landed() -> None:
    """A player's clock was ten minutes ahead."""
    coming = replace(FRESH, next_listen_ts=int(NOW) + 600)
    assert not is_due(coming, NOW + 599)
    assert is_due(coming, NOW + 600)
    assert not is_due(replace(coming, open=True), NOW + 600)


def test_nothing_is_asked_for_twice() -> None:
    assert not is_due(replace(FRESH, landed=8, open=True), NOW)


@pytest.mark.parametrize(("run_seconds", "rested"), [(0, 0), (2, 4), (4.5, 9), (20, 9), (100, 9)])
def test_after_a_run_comes_a_rest_and_the_next_starts_within_ten_seconds_of_a_landing(
    run_seconds: float, rested: float
) -> None:
    assert rest(run_seconds) == rested
    state = replace(FRESH, landed=8, last_finished=NOW, last_seconds=run_seconds)
    assert not is_due(state, NOW + rested - 0.1)
    assert is_due(state, NOW + rested)


def test_after_a_failure_the_next_try_is_some_minutes_later() -> None:
    failed = replace(FRESH, landed=8, last_failed=NOW - 10)
    assert not is_due(failed, NOW)
    assert is_due(failed, NOW + FAILED_SECONDS)


@given(st.integers(1, 50), st.none() | st.integers(1, 50))
def test_in_the_end_the_newest_landing_is_always_served(landed: int, data_version: int | None) -> None:
    state = replace(FRESH, landed=landed, data_version=data_version)
    assert is_due(state, NOW) == (data_version is None or data_version < landed)


def _landing(connection: Connection, number: int, kind: str = "land") -> None:
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO landing (id, position, landed_at, newest_listen_ts, kind, rows)"
            " VALUES (%s, %s, now(), %s, %s, 1)",
            (number, number, int(NOW), kind),
        )


def _store_run(connection: Connection, data_version: int, coming: int | None = None) -> None:
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE request SET state = 'done', started = to_timestamp(%s), finished = to_timestamp(%s)", (NOW, NOW + 1)
        )
        cursor.execute("DELETE FROM run")
        for statistic in refreshed()[REFRESHED]:
            cursor.execute(
                "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
                " row_count, next_listen_ts) VALUES (%s, 'all_time', %s, %s, 0, %s, %s, 1, %s)",
                (statistic, uuid4(), data_version, int(NOW), int(NOW), coming),
            )


def test_one_request_per_landing_reaches_the_queue(connection: Connection, broker: Broker) -> None:
    assert look(connection, broker, NOW) == 0
    _landing(connection, 1)
    assert [look(connection, broker, NOW + second) for second in range(3)] == [1, 0, 0]
    [row] = request_rows.list_requests(connection)
    assert (row.query, row.params["at"]) == (REFRESHED, int(NOW))
    assert broker.depth(SPARK_REQUEST) == 1
    _store_run(connection, 1)
    assert look(connection, broker, NOW + 10) == 0
    _landing(connection, 2, "compact")
    assert look(connection, broker, NOW + 20) == 0
    _landing(connection, 3)
    assert look(connection, broker, NOW + 30) == 1


def test_what_a_run_left_out_is_asked_for_when_it_says(connection: Connection, broker: Broker) -> None:
    _landing(connection, 1)
    _store_run(connection, 1, coming=int(NOW) + 60)
    assert [look(connection, broker, NOW + second) for second in (59, 60, 61)] == [0, 1, 0]
    [row] = request_rows.list_requests(connection)
    assert row.params["at"] == int(NOW) + 60


def test_ended_requests_are_forgotten_after_two_weeks(connection: Connection, broker: Broker) -> None:
    old = requests.enqueue(connection, broker, "stats.user.entity", {"at": 1_600_000_000})
    kept = requests.enqueue(connection, broker, "stats.user.entity", {"at": 1_600_000_001})
    waiting = requests.enqueue(connection, broker, "stats.user.entity", {"at": 1_600_000_002})
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE request SET state = 'done', finished = now() - interval '15 days' WHERE id = %s", (old.id,)
        )
        cursor.execute("UPDATE request SET state = 'failed', finished = now() WHERE id = %s", (kept.id,))
        cursor.execute("UPDATE request SET created = now() - interval '1 year' WHERE id = %s", (waiting.id,))
    assert requests.forget_ended(connection) == 1
    assert {row.id for row in request_rows.list_requests(connection)} == {kept.id, waiting.id}
