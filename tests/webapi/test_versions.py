"""Versions are kept while a session hears of changes: whatever changes them is heard, and nothing old is kept."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from conf.postgres import Connection, Pool
from jobs.listens.mapping import MappingRow, delete_mapping, put_mapping
from jobs.listens.write import delete_history
from tests.faults.parts import until
from tests.webapi.conftest import Account, Drain, listen, make_account, submission
from webapi.db.playing_now import set_playing_now
from webapi.db.versions import Versioned
from webapi.services import EXTENSION, Services
from webapi.versions import Hearing, Versions

BASE = 1_600_000_000
MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"


@pytest.fixture
def versions(app: Flask, database_url: str) -> Iterator[Versions]:
    """Those of the application, which hears."""
    here: Services = app.extensions[EXTENSION]
    hearing = Hearing(database_url, here.versions)
    hearing.start()
    until(lambda: here.versions.hears, 10, "the session hears")
    yield here.versions
    hearing.end()
    hearing.join(10)


def silenced(connection: Connection, client: FlaskClient, path: str) -> bool:
    """Whether an answer is told while nobody may read the tables that its version is in."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE listen_totals, playing_now, run IN ACCESS EXCLUSIVE MODE")
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(client.get(path).status_code))
        asking.start()
        asking.join(3)
        told = answers == [200]
    connection.rollback()
    asking.join(10)
    return told


def test_an_answer_asked_for_twice_asks_postgresql_once(
    client: FlaskClient, rob: Account, versions: Versions, connection: Connection
) -> None:
    for path in ("/1/user/Rob/listens", "/1/user/Rob/listen-count", "/1/user/Rob/playing-now"):
        assert client.get(path).status_code == 200
        assert silenced(connection, client, path)


def test_every_change_is_heard_whoever_makes_it(
    client: FlaskClient, rob: Account, versions: Versions, connection: Connection, drain: Drain
) -> None:
    other = make_account(connection, "Other")

    def submit(track_name: str) -> None:
        client.post("/1/submit-listens", json=submission(listen(BASE, track_name)), headers=rob.headers)
        drain()

    def execute(statement: str, *values: object) -> None:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)

    submit("One")
    [one] = client.get("/1/user/Rob/listens").get_json()["payload"]["listens"]
    msid = one["recording_msid"]
    row = MappingRow(None, msid, "automatic", MBID, None, ())
    changes: list[Callable[[], Any]] = [
        lambda: submit("Two"),
        lambda: put_mapping(connection, row),
        lambda: delete_mapping(connection, None, msid, "automatic"),
        lambda: client.post(
            "/1/delete-listen", json={"listened_at": BASE, "recording_msid": msid}, headers=rob.headers
        ),
        lambda: delete_history(connection, rob.id, int(time.time() * 1e6)),
        lambda: execute("DELETE FROM listen_totals WHERE user_id = %s", rob.id),
    ]
    for change in changes:
        known = client.get("/1/user/Rob/listens").headers["ETag"]
        others = client.get("/1/user/Other/listens").headers["ETag"]
        change()
        until(lambda: client.get("/1/user/Rob/listens").headers["ETag"] != known, 20, f"heard of {change}")  # noqa: B023
        assert client.get("/1/user/Other/listens").status_code == 200
    assert others
    execute("UPDATE users SET name = 'Bob', name_key = 'bob' WHERE id = %s", other.id)
    until(lambda: client.get("/1/user/Other/listens").status_code == 404, 20, "the name is gone")


def test_a_slot_that_ends_is_not_told_from_memory(
    client: FlaskClient, rob: Account, versions: Versions, connection: Connection
) -> None:
    assert client.get("/1/user/Rob/playing-now").get_json()["payload"]["count"] == 0
    with connection, connection.cursor() as cursor:
        set_playing_now(cursor, rob.id, {"artist_name": "A", "track_name": "T", "additional_info": {}}, 2)
    # Asked all the while: what was told last is in memory when it ends.
    until(lambda: client.get("/1/user/Rob/playing-now").get_json()["payload"]["count"] == 1, 2, "it plays")
    until(lambda: client.get("/1/user/Rob/playing-now").get_json()["payload"]["count"] == 0, 20, "it has ended")


def test_what_was_read_before_a_change_was_heard_is_not_kept_after_it(database_url: str) -> None:
    versions = Versions(Pool(database_url))
    versions.hear(True)

    def read_and_hear_meanwhile(_: object) -> Versioned:
        versions.forget("listens", 7)
        return Versioned(7, ("old",))

    assert versions.find(("listens", "rob"), read_and_hear_meanwhile) == Versioned(7, ("old",))
    assert versions.find(("listens", "rob"), lambda _: Versioned(7, ("new",))) == Versioned(7, ("new",))
    assert versions.find(("listens", "rob"), lambda _: Versioned(7, ("newer",))) == Versioned(7, ("new",))
    versions.forget("playing_now", 7)
    assert versions.find(("listens", "rob"), lambda _: Versioned(7, ("newer",))) == Versioned(7, ("new",))


def test_nothing_is_believed_while_the_session_is_lost_and_it_comes_back(
    client: FlaskClient, rob: Account, versions: Versions, connection: Connection
) -> None:
    client.get("/1/user/Rob/listens")
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'listenlake-broker' AND query IN ('LISTEN changed', 'SELECT 1')"
        )
    until(lambda: not versions.hears, 20, "the loss is noticed")
    until(lambda: versions.hears, 20, "it hears again")
    assert client.get("/1/user/Rob/listens").status_code == 200
