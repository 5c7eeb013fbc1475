"""Deleting all listens or the account: behind the log-in, confirmed by password or name, with a receipt to keep."""

import re
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from conf.postgres import Connection, transaction
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.users import create_token, find_user
from jobs.listens.write import write_submissions
from tests.pages.conftest import PASSWORD, Visitor

TRACK = {"artist_name": "Broadcast", "track_name": "Tender Buttons"}


def submit(connection: Connection, user_id: int, count: int) -> None:
    listens = tuple({"listened_at": 1_700_000_000 + n, "track_metadata": TRACK} for n in range(count))
    write_submissions(connection, [Submission(new_message_id(), user_id, time.time_ns() // 1000, listens)])


def there(connection: Connection, name: str = "rob") -> bool:
    with transaction(connection) as cursor:
        return find_user(cursor, name) is not None


def listens_of(connection: Connection, user_id: int) -> int:
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM listen WHERE user_id = %s", (user_id,))
        return int(cursor.fetchall()[0][0])


@pytest.mark.parametrize("path", ["/profile/delete", "/profile/delete-listens"])
def test_who_is_not_logged_in_is_sent_to_log_in_and_deletes_nothing(
    visitor: Visitor, connection: Connection, rob: int, path: str
) -> None:
    assert visitor.get(path).location == f"/login?next={path.replace('/', '%2F')}"
    assert visitor.post(path, "/login", password=PASSWORD).status_code == 303
    assert there(connection)


@pytest.mark.parametrize("path", ["/profile/delete", "/profile/delete-listens"])
def test_a_wrong_password_or_a_form_of_elsewhere_deletes_nothing(
    visitor: Visitor, connection: Connection, rob: int, path: str
) -> None:
    submit(connection, rob, 2)
    visitor.log_in()
    for values in ({"password": "wrong"}, {"password": ""}, {}, {"name": "rob"}):
        answer = visitor.post(path, path, **values)
        assert (answer.status_code, "nothing was deleted" in answer.text) == (400, True)
    assert visitor.client.post(path, data={"password": PASSWORD}).status_code == 400, "no CSRF token"
    assert there(connection)
    assert listens_of(connection, rob) == 2


def test_all_listens_go_and_the_account_stays(visitor: Visitor, connection: Connection, rob: int) -> None:
    submit(connection, rob, 3)
    visitor.log_in()
    assert "All 3 listens of rob go" in visitor.get("/profile/delete-listens").text
    answer = visitor.post("/profile/delete-listens", "/profile/delete-listens", password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/user/rob")
    assert listens_of(connection, rob) == 0
    assert there(connection)
    assert visitor.get("/profile/delete").status_code == 200, "still logged in"


def test_the_account_goes_its_sessions_and_tokens_end_and_the_receipt_stays(
    visitor: Visitor, other: Visitor, connection: Connection, rob: int
) -> None:
    submit(connection, rob, 3)
    with transaction(connection) as cursor:
        token = create_token(cursor, rob, "phone", None)
    headers = {"Authorization": f"Token {token}"}
    playing = {"listen_type": "playing_now", "payload": [{"track_metadata": TRACK}]}
    assert other.client.get("/1/validate-token", headers=headers).get_json()["valid"]
    other.log_in()
    visitor.log_in()

    answer = visitor.post("/profile/delete", "/profile/delete", password=PASSWORD)

    assert answer.status_code == 303
    assert re.fullmatch(r"/deletion/[0-9a-f-]{36}", answer.location)
    assert visitor.cookie() is None
    assert not there(connection)
    shown = visitor.get(answer.location)
    assert shown.status_code == 200
    assert "Your account is deleted" in shown.text
    assert "an account with 3 listens" in shown.text
    assert shown.text.count("at most by") == 2
    assert "rob" not in shown.text
    assert other.get("/profile/delete").status_code == 303, "sessions elsewhere are over"
    assert other.log_in().status_code == 401
    late = other.client.post("/1/submit-listens", headers=headers, json=playing)
    assert (late.status_code, late.get_json()["error"]) == (401, "Invalid authorization token."), "known for 5 s yet"
    assert other.client.get("/1/user/rob/listens").status_code == 404


def test_an_account_without_a_password_is_confirmed_by_its_name(
    visitor: Visitor, connection: Connection, rob: int
) -> None:
    visitor.log_in()
    with transaction(connection) as cursor:
        cursor.execute("UPDATE users SET password_hash = NULL")
    assert "type the user name rob" in visitor.get("/profile/delete").text
    assert visitor.post("/profile/delete", "/profile/delete", name="bob").status_code == 400
    assert visitor.post("/profile/delete", "/profile/delete", name=" rob ").status_code == 303
    assert not there(connection)


def test_a_receipt_is_json_for_machines_and_tells_each_stage(visitor: Visitor, connection: Connection) -> None:
    requested = datetime(2026, 1, 1, tzinfo=UTC)
    receipt = uuid4()
    insert = (
        "INSERT INTO account_deletion (id, user_id, position, listens, requested, landed, purged, bytes_gone)"
        " VALUES (%s, 7, 9, 5, %s, %s, %s, NULL)"
    )
    with transaction(connection) as cursor:
        cursor.execute(insert, (receipt, requested, requested, requested + timedelta(minutes=3)))
    answer = visitor.client.get(f"/deletion/{receipt}", headers={"Accept": "application/json"})
    document = answer.get_json()
    assert (document["listens"], document["requested"]) == (5, 1767225600)
    assert document["at_most_by"] == 1767225600 + 48 * 3600
    assert [(stage["name"], stage["at"]) for stage in document["stages"]] == [
        ("rows", 1767225600), ("lake", 1767225780), ("bytes", None),
    ]  # fmt: skip
    assert visitor.get(f"/deletion/{receipt}").text.count("at most by") == 1
    with transaction(connection) as cursor:
        cursor.execute("UPDATE account_deletion SET bytes_gone = now()")
    assert "Everything is gone" in visitor.get(f"/deletion/{receipt}").text


@pytest.mark.parametrize("number", [str(uuid4()), "x", "0", "%00"])
def test_an_unknown_receipt_is_not_found(visitor: Visitor, number: str) -> None:
    assert visitor.get(f"/deletion/{number}").status_code == 404
    assert visitor.client.get(f"/deletion/{number}").get_json()["code"] == 404
