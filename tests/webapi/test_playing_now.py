"""The slot of what plays now: its length, its end, and the same track again."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, transaction
from tests.webapi.conftest import Account, submission
from webapi.db.playing_now import forget_expired, get_playing_now, playing_seconds, set_playing_now

SONG: dict[str, Any] = {"artist_name": "Artist", "track_name": "Song", "additional_info": {}}


def slot(connection: Connection, user_id: int) -> Any:
    with transaction(connection) as cursor:
        cursor.execute("SELECT started, expires FROM playing_now WHERE user_id = %s", (user_id,))
        return cursor.fetchone()


@pytest.mark.parametrize(
    ("info", "seconds"),
    [({}, 600), ({"duration": 200}, 200), ({"duration_ms": 200999}, 200), ({"duration_ms": 1}, 0)],
)
def test_it_plays_as_long_as_it_says_or_ten_minutes(info: dict[str, Any], seconds: int) -> None:
    assert playing_seconds(info) == seconds


def test_the_same_track_again_changes_nothing_and_another_does(connection: Connection, rob: Account) -> None:
    with transaction(connection) as cursor:
        set_playing_now(cursor, rob.id, SONG, 100)
    first = slot(connection, rob.id)
    with transaction(connection) as cursor:
        set_playing_now(cursor, rob.id, {**SONG, "additional_info": {"x": 1}}, 500)
    assert slot(connection, rob.id) == first
    with transaction(connection) as cursor:
        set_playing_now(cursor, rob.id, {**SONG, "track_name": "Other"}, 500)
    assert slot(connection, rob.id) > first


def test_a_slot_that_has_ended_is_empty_and_can_be_filled_by_the_same_track(
    connection: Connection, rob: Account
) -> None:
    with transaction(connection) as cursor:
        set_playing_now(cursor, rob.id, SONG, 0)
    with transaction(connection) as cursor:
        assert get_playing_now(cursor, rob.id) is None
        set_playing_now(cursor, rob.id, SONG, 100)
        assert get_playing_now(cursor, rob.id) == SONG
        forget_expired(cursor)
        assert get_playing_now(cursor, rob.id) == SONG


def test_nothing_playing_is_an_empty_list(client: FlaskClient, rob: Account) -> None:
    assert client.get("/1/user/ROB/playing-now").get_json() == {
        "payload": {"count": 0, "user_id": "ROB", "playing_now": True, "listens": []}
    }


def test_a_listen_does_not_play(client: FlaskClient, rob: Account) -> None:
    body = submission({"listened_at": 1443521965, "track_metadata": SONG})
    assert client.post("/1/submit-listens", json=body, headers=rob.headers).status_code == 200
    assert client.get("/1/user/Rob/playing-now").get_json()["payload"]["count"] == 0
