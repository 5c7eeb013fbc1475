"""What surrounds every endpoint: tokens, error shape, CORS, paths, methods."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from conf.postgres import Connection, Pool, transaction
from jobs.listens.tokens import outlive_belief
from jobs.listens.users import create_token
from tests.webapi.conftest import Account, listen, make_account, submission
from webapi.auth import TokenCache

MISSING = "You need to provide an Authorization header."
MALFORMED = "Provided Authorization header is invalid."
WRONG = "Invalid authorization token."


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (None, MISSING),
        ("", MISSING),
        ("Token", MALFORMED),
        ("Token ", WRONG),
        ("Basic x", WRONG),
        ("Token  {token}", WRONG),
        ("Token {TOKEN}", WRONG),
        ("Token " + "x" * 10_000, WRONG),
        ("Token caf\xe9", WRONG),
        ("Token ' OR 1=1 --", WRONG),
    ],
)
def test_a_missing_malformed_or_unknown_token_is_401(
    standing_client: FlaskClient, standing_rob: Account, header: str | None, text: str
) -> None:
    value = header and header.format(token=standing_rob.token, TOKEN=standing_rob.token.upper())
    headers = {} if value is None else {"Authorization": value}
    answer = standing_client.post("/1/submit-listens", json=submission(listen()), headers=headers)
    assert (answer.status_code, answer.get_json()) == (401, {"code": 401, "error": text})
    assert answer.headers["X-RateLimit-Remaining"].isdigit()
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer", ""])
def test_only_the_second_word_is_read(standing_client: FlaskClient, standing_rob: Account, scheme: str) -> None:
    header = {"Authorization": f"{scheme} {standing_rob.token} more"}
    assert standing_client.post("/1/submit-listens", json=submission(listen()), headers=header).status_code == 200


def test_a_token_in_the_query_opens_nothing_but_validate_token(client: FlaskClient, rob: Account) -> None:
    answer = client.post(f"/1/submit-listens?token={rob.token}", json=submission(listen()))
    assert answer.status_code == 401
    assert client.get(f"/1/validate-token?token={rob.token}").get_json() == {
        "code": 200,
        "message": "Token valid.",
        "valid": True,
        "user_name": "Rob",
    }


def test_validate_token_answers_200_for_a_wrong_token_and_400_for_none(
    standing_client: FlaskClient, standing_rob: Account
) -> None:
    invalid = {"code": 200, "message": "Token invalid.", "valid": False}
    assert standing_client.get("/1/validate-token?token=x").get_json() == invalid
    answer = standing_client.get("/1/validate-token", headers={"Authorization": "Token x"}, data=b"{}")
    assert (answer.status_code, answer.get_json()) == (200, invalid)
    assert standing_client.get("/1/validate-token", headers=standing_rob.headers).get_json()["user_name"] == "Rob"
    answer = standing_client.get("/1/validate-token")
    missing = {"code": 400, "error": "You need to provide an Authorization token."}
    assert (answer.status_code, answer.get_json()) == (400, missing)


def test_a_token_stops_working_when_it_is_revoked(client: FlaskClient, rob: Account, connection: Connection) -> None:
    with transaction(connection) as cursor:
        new = create_token(cursor, rob.id, "new", None)
    assert client.get("/1/validate-token", headers=rob.headers).get_json()["valid"]
    with transaction(connection) as cursor:
        cursor.execute("DELETE FROM token WHERE label = 'test'")
    outlive_belief()
    assert not client.get("/1/validate-token", headers=rob.headers).get_json()["valid"]
    assert client.get("/1/validate-token", headers={"Authorization": f"Token {new}"}).get_json()["valid"]


def test_the_use_of_a_token_is_noted_once_a_minute(database_url: str, rob: Account, connection: Connection) -> None:
    forgetful = TokenCache(Pool(database_url), None, seconds=0)
    used = []
    for _ in range(2):
        assert forgetful.find(rob.token) is not None
        with transaction(connection) as cursor:
            cursor.execute("SELECT last_used FROM token WHERE user_id = %s", (rob.id,))
            used.append(cursor.fetchone())
    assert used[0] == used[1] != (None,)


def test_an_unknown_path_is_404_in_the_error_shape(client: FlaskClient) -> None:
    answer = client.get("/1/nothing/here")
    assert (answer.status_code, answer.get_json()["code"]) == (404, 404)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-RateLimit-Remaining"] == "299"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE"])
def test_a_wrong_method_is_405_in_the_error_shape(standing_client: FlaskClient, method: str) -> None:
    answer = standing_client.open("/1/submit-listens", method=method)
    assert (answer.status_code, answer.get_json()["code"]) == (405, 405)
    assert answer.headers["Access-Control-Allow-Methods"] == "OPTIONS, POST"


@pytest.mark.parametrize("path", ["/1/submit-listens", "/1/user/a%2Fb/listens", "/1/validate-token", "/1/unknown"])
def test_options_is_answered_without_token_or_limit(standing_client: FlaskClient, path: str) -> None:
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = standing_client.options(path, headers=headers)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert answer.headers["Access-Control-Max-Age"] == "21600"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "X-RateLimit-Limit" not in answer.headers


def test_every_reply_has_cors_cache_and_four_whole_limit_headers(
    standing_client: FlaskClient, standing_rob: Account
) -> None:
    answer = standing_client.get("/1/user/rob/listens", headers=standing_rob.headers)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    names = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Reset-In"]
    assert all(re.fullmatch(r"\d+", answer.headers[name]) for name in names)
    assert answer.headers["Access-Control-Expose-Headers"] == ",".join(names)


@pytest.mark.parametrize(
    "path",
    ["/1//user/rob/listens", "/1/user/rob/listens/", "/1/user/rob//listens//"],
)
def test_double_and_trailing_slashes_are_answered_without_a_redirect(
    standing_client: FlaskClient, standing_rob: Account, path: str
) -> None:
    answer = standing_client.get(f"{path}?count=0")
    assert (answer.status_code, answer.get_json()["payload"]["user_id"]) == (200, "rob")


def test_a_post_with_a_trailing_slash_keeps_its_body(standing_client: FlaskClient, standing_rob: Account) -> None:
    answer = standing_client.post("/1/submit-listens/", json=submission(listen()), headers=standing_rob.headers)
    assert answer.get_json() == {"status": "ok"}


def test_an_unforeseen_error_is_500_in_the_error_shape(app: Flask) -> None:
    def broken() -> str:
        raise LookupError("secret detail")

    app.add_url_rule("/1/broken", view_func=broken)
    answer = app.test_client().get("/1/broken")
    assert (answer.status_code, answer.get_json()) == (500, {"code": 500, "error": "An unknown error occured."})


def test_host_and_forwarded_headers_change_no_answer(client: FlaskClient, connection: Connection) -> None:
    make_account(connection, "ann")
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "1.2.3.4"}
    answer = client.get("/1/user/ann/listens", headers=headers)
    assert answer.status_code == 200
    assert "evil" not in str(answer.headers) + answer.text
