"""POST /1/delete-listen: gone when it answers, also what is still queued; others' listens stay."""

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection
from tests.webapi.conftest import Account, Drain, listen, make_account, submission

URL = "/1/delete-listen"


def listens_of(client: FlaskClient, account: Account) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/1/user/{account.name}/listens").get_json()["payload"]["listens"]
    return found


def submit(client: FlaskClient, account: Account) -> None:
    assert client.post("/1/submit-listens", json=submission(listen()), headers=account.headers).status_code == 200


def key(row: dict[str, Any]) -> dict[str, Any]:
    return {"listened_at": row["listened_at"], "recording_msid": row["recording_msid"]}


def test_a_deleted_listen_is_gone_and_deleting_it_again_is_fine(
    client: FlaskClient, rob: Account, drain: Drain
) -> None:
    submit(client, rob)
    drain()
    [row] = listens_of(client, rob)
    for _ in range(2):
        answer = client.post(URL, json=key(row), headers=rob.headers)
        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
        assert listens_of(client, rob) == []
    assert client.get("/1/user/rob/listen-count").get_json()["payload"]["count"] == 0


def test_a_delete_overtakes_its_queued_listen_and_a_new_submission_is_a_new_listen(
    client: FlaskClient, rob: Account, drain: Drain
) -> None:
    submit(client, rob)
    drain()
    [row] = listens_of(client, rob)
    client.post(URL, json=key(row), headers=rob.headers)
    submit(client, rob)
    client.post(URL, json=key(row), headers=rob.headers)
    drain()
    assert listens_of(client, rob) == []
    submit(client, rob)
    drain()
    assert [key(found) for found in listens_of(client, rob)] == [key(row)]


def test_nobody_deletes_the_listen_of_another_user(
    client: FlaskClient, rob: Account, connection: Connection, drain: Drain
) -> None:
    mallory = make_account(connection, "mallory")
    submit(client, rob)
    drain()
    [row] = listens_of(client, rob)
    assert client.post(URL, json=key(row), headers=mallory.headers).status_code == 200
    assert listens_of(client, rob) == [row]


MSID = str(uuid4())
BAD: list[tuple[Any, str]] = [
    ({}, "Listen timestamp missing."),
    ({"recording_msid": MSID}, "Listen timestamp missing."),
    ({"listened_at": "abc", "recording_msid": MSID}, "abc: Listen timestamp invalid."),
    ({"listened_at": None, "recording_msid": MSID}, "None: Listen timestamp invalid."),
    ({"listened_at": True}, "True: Listen timestamp invalid."),
    ({"listened_at": [1]}, "[1]: Listen timestamp invalid."),
    ({"listened_at": 2**63}, f"{2**63}: Listen timestamp invalid."),
    ({"listened_at": 9999999999999, "recording_msid": MSID}, "9999999999999: Listen timestamp invalid."),
    ({"listened_at": "-253402300800", "recording_msid": MSID}, "-253402300800: Listen timestamp invalid."),
    ({"listened_at": 1e300}, "1e+300: Listen timestamp invalid."),
    ({"listened_at": 1}, "Recording MSID missing."),
    ({"listened_at": 1, "recording_msid": "x"}, "x: Recording MSID format invalid."),
    ({"listened_at": 1, "recording_msid": None}, "None: Recording MSID format invalid."),
    ([], "Invalid JSON document submitted. Top level of JSON document should be a json object."),
]


@pytest.mark.parametrize(("document", "text"), BAD)
def test_what_names_no_listen_is_refused(
    standing_client: FlaskClient, standing_rob: Account, document: Any, text: str
) -> None:
    answer = standing_client.post(URL, json=document, headers=standing_rob.headers)
    assert (answer.status_code, answer.get_json()) == (400, {"code": 400, "error": text})


def test_a_body_that_is_no_json_is_refused(standing_client: FlaskClient, standing_rob: Account) -> None:
    answer = standing_client.post(URL, data=b"{", headers=standing_rob.headers)
    assert answer.status_code == 400
    assert answer.get_json()["error"].startswith("Cannot parse JSON document: ")


def test_a_token_is_needed(standing_client: FlaskClient) -> None:
    assert standing_client.post(URL, json={"listened_at": 1, "recording_msid": MSID}).status_code == 401
