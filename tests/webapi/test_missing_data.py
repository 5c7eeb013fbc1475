"""What MusicBrainz does not know of what a user hears, from a stored document."""

import time
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from conf.postgres import Connection
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.mapping import MappingRow, delete_mapping, put_mapping
from jobs.listens.msid import recording_msid
from jobs.listens.write import delete_history, write_submissions
from tests.webapi.conftest import Account, make_account
from tests.webapi.stored_documents import store_user_documents
from tests.webapi.test_similarity import documented

A, B, C = (recording_msid("Obscure", f"Take <{number}>", "Demo", None, None) for number in (1, 2, 3))
NAMES = {A: "Take <1>", B: "Take <2>", C: "Take <3>"}
HEARD = {A: 1_690_000_000, B: 1_680_000_000, C: 1_670_000_000}
MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
ROB = "/1/missing/musicbrainz/user/rob"
PATH = "/1/missing/musicbrainz/user/{user_name}"


def named(msid: UUID) -> dict[str, Any]:
    return {"track_name": NAMES[msid], "artist_name": "Obscure", "release_name": "Demo"}


def play(connection: Connection, account: Account, heard: dict[UUID, int]) -> None:
    listens = tuple({"listened_at": at, "track_metadata": named(msid)} for msid, at in heard.items())
    write_submissions(connection, [Submission(new_message_id(), account.id, time.time_ns() // 1000, listens)])


def store(connection: Connection, account: Account) -> None:
    """A listen of each, and what was computed of them."""
    play(connection, account, HEARD)
    items = [{"listened_at": at, "recording_msid": str(msid), **named(msid)} for msid, at in HEARD.items()]
    store_user_documents(connection, "missing_musicbrainz_data", {account.id: items})


def delete(client: FlaskClient, account: Account, msid: UUID) -> None:
    key = {"listened_at": HEARD[msid], "recording_msid": str(msid)}
    assert client.post("/1/delete-listen", json=key, headers=account.headers).status_code == 200


def told(client: FlaskClient, query: str = "") -> list[str]:
    return [one["recording_msid"] for one in documented(client, PATH, ROB + query)["payload"]["data"]]


def test_it_has_the_documented_form_with_and_without_a_last_slash(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob)
    made = documented(client, PATH, f"{ROB}/?count=1")["payload"]
    assert made.pop("last_updated") > 1.7e9
    assert made == {
        "user_name": "rob",
        "count": 1,
        "total_data_count": 3,
        "offset": 0,
        "data": [
            {
                "artist_name": "Obscure",
                "listened_at": "2023-07-22T04:26:40.000Z",
                "recording_msid": str(A),
                "release_name": "Demo",
                "track_name": "Take <1>",
            }
        ],
        "data_version": 7,
    }


def test_pages_are_cut_from_where_they_begin(client: FlaskClient, rob: Account, connection: Connection) -> None:
    """The original cuts [offset:count]."""
    store(connection, rob)
    assert told(client, "?count=2&offset=1") == [str(B), str(C)]
    assert told(client, "?count=2&offset=3") == []


def test_what_is_mapped_goes_at_once_and_comes_back_with_the_mapping_taken_back(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob)
    kim = make_account(connection, "Kim")
    etag = client.get(ROB).headers["ETag"]
    assert client.get(ROB, headers={"If-None-Match": etag}).status_code == 304
    put_mapping(connection, MappingRow(rob.id, str(A), "manual", recording_mbid=MBID))
    put_mapping(connection, MappingRow(None, str(B), "automatic", recording_mbid=MBID))
    put_mapping(connection, MappingRow(kim.id, str(C), "manual", recording_mbid=MBID))
    answer = client.get(ROB, headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert told(client) == [str(C)], "what somebody else says counts for her alone"
    put_mapping(connection, MappingRow(rob.id, str(C), "manual", recording_mbid=MBID))
    assert client.get(ROB).status_code == 204
    assert delete_mapping(connection, rob.id, A, "manual")
    assert told(client) == [str(A)]


def test_what_all_listens_of_were_deleted_goes_at_once_and_the_rest_moves_up(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob)
    kim = make_account(connection, "Kim")
    play(connection, kim, HEARD)
    etag = client.get(f"{ROB}?count=1").headers["ETag"]

    delete(client, rob, A)

    answer = client.get(f"{ROB}?count=1", headers={"If-None-Match": etag})
    assert answer.status_code == 200, "what others have heard is theirs"
    payload = answer.get_json()["payload"]
    assert (payload["count"], payload["total_data_count"]) == (1, 2)
    assert [one["recording_msid"] for one in payload["data"]] == [str(B)]
    assert told(client, "?offset=1") == [str(C)]


def test_of_what_was_heard_more_often_the_time_of_a_deleted_listen_is_not_told(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob)
    play(connection, rob, {A: HEARD[C] - 60})

    delete(client, rob, A)

    data = documented(client, PATH, ROB)["payload"]["data"]
    assert [one["recording_msid"] for one in data] == [str(B), str(C), str(A)], "the last heard first"
    assert data[2]["listened_at"] == "2022-12-02T16:52:20.000Z"


def test_a_deleted_history_is_not_told_and_what_is_heard_again_is(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob)
    etag = client.get(ROB).headers["ETag"]
    delete_history(connection, rob.id, time.time_ns() // 1000)

    assert client.get(ROB, headers={"If-None-Match": etag}).status_code == 204
    play(connection, rob, {B: HEARD[A]})
    assert told(client) == [str(B)]


def test_nothing_computed_is_204_and_nobody_404(client: FlaskClient, rob: Account, connection: Connection) -> None:
    del rob
    answer = client.get(ROB)
    assert (answer.status_code, answer.data) == (204, b"")
    answer = client.get("/1/missing/musicbrainz/user/nobody")
    assert (answer.status_code, answer.get_json()["error"]) == (404, "Cannot find user: nobody")
    assert client.get(f"{ROB}?count=-1").status_code == 400
    zoe = make_account(connection, "Zoe")
    store(connection, zoe)
    assert client.get(ROB).status_code == 204
