"""Whose year in music is told anew: what changed of it, and only of it, since it was told."""

import time
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.broker import Broker
from conf.postgres import Connection, transaction
from jobs.listens.account_deletion import delete_account
from jobs.listens.exclusions import add_exclusion, exclusion_of
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.removal import delete_history, delete_listen
from jobs.listens.user_settings import set_zone
from jobs.listens.users import create_user
from jobs.listens.write import write_submissions
from request_consumer import request_rows, requests
from request_consumer.changed_years import changed_years, tell_anew

LAST_SECOND = 1_735_689_599  # 2024-12-31T23:59:59Z
"""Of the year 2024."""


@pytest.fixture
def user_id(connection: Connection) -> int:
    """A user with a listen of 2024 and one of 2019, whose years 2024 and 2022 were told yesterday."""
    made = create_user(connection, "rob")
    play(connection, made, LAST_SECOND, LAST_SECOND - 5 * 366 * 86400)
    with transaction(connection) as cursor:
        cursor.execute("SELECT max(position) FROM listen")
        [(position,)] = cursor.fetchall()
        for year in ("2024", "2022"):
            told(cursor, year, position)
    return made


def told(cursor: Cursor, year: str, position: int) -> None:
    cursor.execute(
        "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts, row_count,"
        " position, last_updated) VALUES ('year_in_music_top_genres', %s, %s, 1, 0, 1, 1, 1, %s,"
        " now() - interval '21 hours')",
        (year, str(uuid4()), position),
    )


def play(connection: Connection, user_id: int, *seconds: int) -> None:
    listens = tuple(
        {"listened_at": at, "track_metadata": {"artist_name": "Can", "track_name": f"Halleluhwah {at}"}}
        for at in seconds
    )
    write_submissions(connection, [Submission(new_message_id(), user_id, time.time_ns() // 1000, listens)])


def msid_at(connection: Connection, listened_at: int) -> UUID:
    with transaction(connection) as cursor:
        cursor.execute("SELECT recording_msid FROM listen WHERE listened_at = %s", (listened_at,))
        [(msid,)] = cursor.fetchall()
    return UUID(str(msid))


def now_us() -> int:
    return time.time_ns() // 1000


def exclude(connection: Connection, user_id: int) -> None:
    with transaction(connection) as cursor:
        add_exclusion(cursor, user_id, exclusion_of("artist", "Can"))


def move(connection: Connection, user_id: int) -> None:
    with transaction(connection) as cursor:
        set_zone(cursor, user_id, "Asia/Tokyo")


def forget_one(connection: Connection, user_id: int) -> None:
    delete_listen(connection, user_id, LAST_SECOND, msid_at(connection, LAST_SECOND), now_us())


def forget_all(connection: Connection, user_id: int) -> None:
    delete_history(connection, user_id, now_us())


def leave(connection: Connection, user_id: int) -> None:
    delete_account(connection, user_id, now_us())


def test_what_has_not_changed_is_not_told_anew(connection: Connection, user_id: int, broker: Broker) -> None:
    play(connection, user_id, LAST_SECOND + 3 * 86400, LAST_SECOND - 370 * 86400)  # in 2025 and in 2023
    assert changed_years(connection) == []
    assert tell_anew(connection, broker) == 0


@pytest.mark.parametrize(
    ("change", "years"),
    [
        (lambda connection, user: play(connection, user, LAST_SECOND - 86400), [2024]),
        (lambda connection, user: play(connection, user, LAST_SECOND + 3600), [2024]),
        (forget_one, [2024]),
        (forget_all, [2022, 2024]),
        (exclude, [2022, 2024]),
        (move, [2022, 2024]),
        (leave, [2022, 2024]),
    ],
    ids=[
        "a late listen",
        "a listen of the year on a western clock",
        "a delete",
        "a wipe",
        "an exclusion",
        "a move",
        "an account that goes",
    ],
)
def test_a_year_that_changed_is_told_anew(
    connection: Connection, user_id: int, change: Callable[[Connection, int], None], years: list[int]
) -> None:
    change(connection, user_id)
    assert changed_years(connection) == years


def test_a_year_told_without_a_deleted_account_is_not_told_anew(connection: Connection, user_id: int) -> None:
    leave(connection, user_id)
    with transaction(connection) as cursor:
        cursor.execute("UPDATE run SET position = (SELECT max(position) FROM user_delete)")
    assert changed_years(connection) == []


def test_it_is_asked_for_once_and_rests_after_it_was_told(connection: Connection, user_id: int, broker: Broker) -> None:
    exclude(connection, user_id)
    assert [tell_anew(connection, broker), tell_anew(connection, broker)] == [2, 0]
    asked = request_rows.list_requests(connection)
    assert sorted((row.query, row.params["year"]) for row in asked) == [
        ("year_in_music", 2022),
        ("year_in_music", 2024),
    ]
    with transaction(connection) as cursor:
        cursor.execute("UPDATE run SET last_updated = now()")
        cursor.execute("UPDATE request SET state = 'done', finished = now()")
    move(connection, user_id)
    assert changed_years(connection) == [], "told a moment ago: it rests"


def test_a_year_that_failed_for_good_rests_as_one_that_was_told_does(
    connection: Connection, user_id: int, broker: Broker
) -> None:
    exclude(connection, user_id)
    assert tell_anew(connection, broker) == 2
    [failed] = [row for row in request_rows.list_requests(connection) if row.params == {"year": 2022}]
    requests.claim(connection, failed.id, "worker")
    requests.fail(connection, failed.id, "worker", "no memory", 2)
    assert tell_anew(connection, broker) == 0, "the next attempt waits"
    requests.claim(connection, failed.id, "worker")
    requests.fail(connection, failed.id, "worker", "no memory", 2)
    assert tell_anew(connection, broker) == 0
    with transaction(connection) as cursor:
        cursor.execute("UPDATE request SET finished = now() - interval '21 hours' WHERE state = 'failed'")
    assert tell_anew(connection, broker) == 1
    assert sorted(row.params["year"] for row in request_rows.list_requests(connection, "queued")) == [2022, 2024]
