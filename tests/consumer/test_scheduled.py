"""What the schedule says is asked for once each time, whatever the scheduler goes through."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conf.broker import LONG_REQUEST, Broker
from conf.postgres import Connection, transaction
from conf.settings import Settings
from request_consumer import request_rows, requests
from request_consumer.requests import RequestOpenError
from request_consumer.schedule import read_schedule
from request_consumer.scheduled import ask_on_time
from request_consumer.scheduler import look, run
from tests.faults.parts import until

SCHEDULE = """
[similar_users]
command = "cron_request_similar_users"
when = "3 2 * * *"

[year]
command = "request_year_in_music"
when = "0 4 2 1 *"
options = { year = "last" }
"""
ENTRIES = read_schedule(SCHEDULE, "schedule.toml")
USERS = "similarity.similar_users.all"
FIRST = datetime(2020, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def _end_all(connection: Connection) -> None:
    with transaction(connection) as cursor:
        cursor.execute("UPDATE request SET state = 'done', finished = now()")


def _asked(connection: Connection) -> list[tuple[str, object]]:
    return [(row.query, row.params.get("year")) for row in reversed(request_rows.list_requests(connection))]


def test_an_entry_waits_for_its_next_time_and_is_asked_for_once_then(connection: Connection, broker: Broker) -> None:
    assert ask_on_time(connection, broker, ENTRIES, FIRST) == 0
    due = datetime(2020, 1, 2, 2, 3, tzinfo=UTC)
    assert ask_on_time(connection, broker, ENTRIES, due - timedelta(seconds=1)) == 0
    assert [ask_on_time(connection, broker, ENTRIES, due + timedelta(seconds=s)) for s in (0, 0, 30)] == [1, 0, 0]
    _end_all(connection)
    assert ask_on_time(connection, broker, ENTRIES, due + timedelta(minutes=30)) == 0
    assert broker.depth(LONG_REQUEST) == 1
    assert _asked(connection) == [(USERS, None)]


def test_what_was_missed_while_nothing_ran_is_made_up_once_and_means_its_own_time(
    connection: Connection, broker: Broker
) -> None:
    ask_on_time(connection, broker, ENTRIES, FIRST)
    assert ask_on_time(connection, broker, ENTRIES, FIRST + 400 * DAY) == 2
    _end_all(connection)
    assert ask_on_time(connection, broker, ENTRIES, FIRST + 400 * DAY + timedelta(minutes=1)) == 0
    assert _asked(connection) == [(USERS, None), ("year_in_music", 2020)]


def test_what_is_queued_or_running_is_not_asked_for_again_and_the_next_time_counts(
    connection: Connection, broker: Broker
) -> None:
    ask_on_time(connection, broker, ENTRIES[:1], FIRST)
    open_one = requests.enqueue(connection, broker, USERS, {"at": 1_700_000_000})
    requests.claim(connection, open_one.id, "somebody")
    assert ask_on_time(connection, broker, ENTRIES[:1], FIRST + DAY) == 0
    _end_all(connection)
    assert ask_on_time(connection, broker, ENTRIES[:1], FIRST + DAY + timedelta(hours=1)) == 0
    assert ask_on_time(connection, broker, ENTRIES[:1], FIRST + 2 * DAY) == 1


def test_an_entry_whose_times_were_changed_waits_for_the_next_of_them(connection: Connection, broker: Broker) -> None:
    ask_on_time(connection, broker, ENTRIES, FIRST)
    changed = read_schedule(SCHEDULE.replace("3 2 * * *", "0 10 * * *"), "schedule.toml")
    assert ask_on_time(connection, broker, changed, FIRST + timedelta(hours=1)) == 0
    assert ask_on_time(connection, broker, changed, FIRST + timedelta(hours=12)) == 0
    assert ask_on_time(connection, broker, changed[:1], FIRST + DAY) == 1


def test_a_year_to_come_is_left_out_and_the_rest_is_asked_for(connection: Connection, broker: Broker) -> None:
    """A clock that was wrong when the schedule was read must not stop the statistics."""
    ahead = read_schedule(SCHEDULE.replace('"last"', "9998"), "schedule.toml")
    ask_on_time(connection, broker, ahead, FIRST)
    assert ask_on_time(connection, broker, ahead, FIRST + 2 * DAY) == 1
    assert _asked(connection) == [(USERS, None)]


def test_the_scheduler_looks_at_the_schedule_too(connection: Connection, broker: Broker) -> None:
    assert look(connection, broker, FIRST.timestamp(), ENTRIES) == 0
    assert look(connection, broker, (FIRST + DAY).timestamp(), ENTRIES) == 2


def test_what_is_of_a_moment_is_asked_for_though_the_one_before_still_waits(
    connection: Connection, broker: Broker
) -> None:
    said = 'command = "request_similar_users"\nwhen = "0 * * * *"\noptions = { at = "now" }'
    hourly = read_schedule(f"[hourly]\n{said}", "schedule.toml")
    ask_on_time(connection, broker, hourly, FIRST)
    hours = [FIRST + timedelta(hours=1), FIRST + timedelta(hours=2, seconds=3)]
    assert [ask_on_time(connection, broker, hourly, at) for at in hours] == [1, 1]
    asked = [row.params["at"] for row in request_rows.list_requests(connection, "queued")]
    assert sorted(asked) == [int(FIRST.timestamp()) + 3600, int(FIRST.timestamp()) + 7200]


def test_the_running_scheduler_does_what_the_schedule_of_its_settings_says(
    settings: Settings, connection: Connection, broker: Broker, tmp_path: Path
) -> None:
    path, stop = tmp_path / "schedule.toml", threading.Event()
    path.write_text(SCHEDULE)
    ask_on_time(connection, broker, ENTRIES, FIRST)
    thread = threading.Thread(target=run, args=(replace(settings, schedule=str(path)), stop))
    thread.start()
    until(lambda: len(request_rows.list_requests(connection)) == 2, 20, "what was missed since then is asked for")
    stop.set()
    thread.join(10)
    assert {row.query for row in request_rows.list_requests(connection, "queued")} == {USERS, "year_in_music"}


def test_a_request_alone_is_refused_while_the_same_is_open_whatever_its_time(
    connection: Connection, broker: Broker
) -> None:
    first = requests.enqueue_alone(connection, broker, USERS, {})
    with pytest.raises(RequestOpenError, match=f"{USERS} is queued since .* UTC, request {first.id}"):
        requests.enqueue_alone(connection, broker, USERS, {"at": 1_700_000_000})
    requests.claim(connection, first.id, "somebody")
    with pytest.raises(RequestOpenError, match="is running since"):
        requests.enqueue_alone(connection, broker, USERS, {})
    assert requests.enqueue_alone(connection, broker, "stats.all", {}).query == "stats.all"
    artists, releases = ({"entity": one} for one in ("artists", "releases"))
    requests.enqueue_alone(connection, broker, "stats.user.entity", artists)
    requests.enqueue_alone(connection, broker, "stats.user.entity", releases)
    requests.cancel(connection, first.id)
    assert requests.enqueue_alone(connection, broker, USERS, {}).id != first.id
