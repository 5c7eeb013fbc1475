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


def stop(client: FlaskClient, account: Account, **sent: Any) -> tuple[int, Any]:
    answer = client.post("/1/playing-now/delete", headers=account.headers, **sent)
    return answer.status_code, answer.get_json()


def play(client: FlaskClient, account: Account, **info: Any) -> None:
    body = submission({"track_metadata": {**SONG, "additional_info": info}}, listen_type="playing_now")
    assert client.post("/1/submit-listens", json=body, headers=account.headers).status_code == 200


CLEARED = (200, {"status": "ok", "message": "Playing now cleared successfully"})
CLEARED_BEFORE = (200, {"status": "ok", "message": "Playing now already cleared"})


@pytest.mark.parametrize("sent", [{}, {"data": b"null"}, {"json": {}}, {"json": {"client": None}}])
def test_when_playback_stops_the_slot_is_emptied(client: FlaskClient, rob: Account, sent: dict[str, Any]) -> None:
    play(client, rob, submission_client="phone")
    assert stop(client, rob, **sent) == CLEARED
    assert client.get("/1/user/Rob/playing-now").get_json()["payload"]["count"] == 0
    assert stop(client, rob, **sent) == CLEARED_BEFORE


def test_a_client_clears_only_what_it_said_itself(client: FlaskClient, rob: Account) -> None:
    play(client, rob, submission_client="phone")
    code, document = stop(client, rob, json={"client": "desktop"})
    assert (code, document["error"]) == (404, "What plays now does not come from the client desktop.")
    assert client.get("/1/user/Rob/playing-now").get_json()["payload"]["count"] == 1
    assert stop(client, rob, json={"client": "phone"}) == CLEARED
    play(client, rob)
    assert stop(client, rob, json={"client": "phone"})[0] == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b'{"client": 5}', b'{"client": []}'])
def test_a_body_that_names_no_client_is_refused(
    standing_client: FlaskClient, standing_rob: Account, body: bytes
) -> None:
    assert stop(standing_client, standing_rob, data=body)[0] == 400


def test_only_the_owner_of_a_token_stops_playing(standing_client: FlaskClient) -> None:
    assert standing_client.post("/1/playing-now/delete").status_code == 401
