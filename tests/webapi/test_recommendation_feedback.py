"""Ratings of recommendations over HTTP: one per user and recording, by the id it was recommended by."""

from typing import Any
from uuid import UUID

import jsonschema_rs
import orjson
import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, transaction
from jobs.listens.recommendation_feedback import RATINGS
from tests.webapi.conftest import Account, make_account

M, N, A = (UUID(f"d23f4719-9212-49f0-ad08-ddbfbfc50d6{digit}") for digit in "fea")
SUBMIT, DELETE = "/1/recommendation/feedback/submit", "/1/recommendation/feedback/delete"
OF_ROB = "/1/recommendation/feedback/user/rob"
OK = (200, {"status": "ok"})


def post(client: FlaskClient, path: str, account: Account, body: Any) -> tuple[int, Any]:
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = client.post(path, data=sent, headers=account.headers)
    return answer.status_code, answer.get_json()


def mbid(one: UUID, rating: str | None = None) -> dict[str, str]:
    return {"recording_mbid": str(one)} | ({"rating": rating} if rating else {})


def listed(client: FlaskClient, query: str = "") -> list[tuple[str | None, str | None, str]]:
    """(MBID, MSID, rating) of the items of Rob."""
    answer = client.get(OF_ROB + query)
    assert answer.status_code == 200, answer.text
    return [(one["recording_mbid"], one["recording_msid"], one["rating"]) for one in answer.get_json()["feedback"]]


def as_documented(client: FlaskClient, path: str, document: Any) -> None:
    api = client.get("/1/openapi.json").get_json()
    schema = api["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": api["components"]}, document)


@pytest.mark.parametrize("rating", RATINGS)
def test_a_recommendation_is_rated_rated_anew_and_taken_back(client: FlaskClient, rob: Account, rating: str) -> None:
    assert post(client, SUBMIT, rob, mbid(M, "like")) == OK
    assert post(client, SUBMIT, rob, mbid(M, rating)) == OK
    assert listed(client) == [(str(M), None, rating)]
    for _ in range(2):
        assert post(client, DELETE, rob, mbid(M)) == OK
        assert listed(client) == []


def test_an_msid_and_an_mbid_are_two_recordings(client: FlaskClient, rob: Account) -> None:
    post(client, SUBMIT, rob, mbid(M, "love"))
    assert post(client, SUBMIT, rob, {"recording_msid": str(M), "rating": "hate"}) == OK
    assert listed(client) == [(None, str(M), "hate"), (str(M), None, "love")]
    assert post(client, DELETE, rob, {"recording_msid": str(M)}) == OK
    assert listed(client) == [(str(M), None, "love")]


def test_the_same_again_changes_not_even_the_time(client: FlaskClient, rob: Account, connection: Connection) -> None:
    post(client, SUBMIT, rob, mbid(M, "dislike"))
    with transaction(connection) as cursor:
        cursor.execute("UPDATE recommendation_feedback SET created = to_timestamp(1604033691)")
    post(client, SUBMIT, rob, mbid(M, "dislike"))
    expected = {"recording_mbid": str(M), "recording_msid": None, "rating": "dislike", "created": 1604033691}
    assert client.get(OF_ROB).get_json() == {
        "feedback": [expected],
        "count": 1,
        "total_count": 1,
        "offset": 0,
        "user_name": "Rob",
    }


def test_ratings_come_in_pages_newest_first_and_by_kind(client: FlaskClient, rob: Account) -> None:
    ids = [UUID(int=n) for n in range(1, 31)]
    for n, one in enumerate(ids):
        post(client, SUBMIT, rob, mbid(one, RATINGS[n % 5]))
    newest_first = [(str(one), None, RATINGS[n % 5]) for n, one in enumerate(ids)][::-1]
    assert listed(client) == newest_first[:25]
    assert listed(client, "?count=7&offset=20") == newest_first[20:27]
    assert listed(client, "?rating=hate") == [one for one in newest_first if one[2] == "hate"]
    document = client.get(f"{OF_ROB}?rating=hate&count=2").get_json()
    assert (document["count"], document["total_count"]) == (2, 30), "the total ignores the rating"
    as_documented(client, "/1/recommendation/feedback/user/{user_name}", document)


def test_of_given_recordings_only_the_rated_ones_are_told(client: FlaskClient, rob: Account) -> None:
    post(client, SUBMIT, rob, mbid(M, "love"))
    post(client, SUBMIT, rob, mbid(N, "bad_recommendation"))
    post(client, SUBMIT, rob, {"recording_msid": str(A), "rating": "like"})
    path = f"{OF_ROB}/recordings?mbids={N},{A},{M},{str(M).upper()}"
    document = client.get(path).get_json()
    assert [(one["recording_mbid"], one["rating"]) for one in document["feedback"]] == [
        (str(N), "bad_recommendation"), (str(M), "love"),
    ]  # fmt: skip
    assert document["user_name"] == "Rob"
    by_msid = client.get(f"{OF_ROB}/recordings?msids={A},{M}").get_json()["feedback"]
    assert [(one["recording_msid"], one["recording_mbid"]) for one in by_msid] == [(str(A), None)]
    assert client.get(f"{OF_ROB}/recordings?mbids={A}").get_json()["feedback"] == []
    as_documented(client, "/1/recommendation/feedback/user/{user_name}/recordings", document)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"recording_mbid": str(M), "rating": "great"}, "expected a rating, one of like, love"),
        ({"recording_mbid": str(M), "rating": 1}, "expected a rating"),
        ({"recording_mbid": str(M), "rating": ["love"]}, "expected a rating"),
        ({"recording_mbid": str(M)}, "expected a rating"),
        ({"rating": "love"}, "expected one of recording_mbid and recording_msid"),
        ({"recording_mbid": str(M), "recording_msid": str(A), "rating": "love"}, "expected one of"),
        ({"recording_mbid": "x", "rating": "love"}, "recording_mbid format invalid"),
        ({"recording_mbid": None, "rating": "love"}, "recording_mbid format invalid"),
        ({"recording_msid": 5, "rating": "love"}, "recording_msid format invalid"),
        ({"recording_mbid": str(M), "rating": "love", "user_id": 2}, "user_id is not a key of it"),
        ([], "Top level of JSON document should be a json object"),
        (b"{", "Cannot parse JSON document"),
    ],
)
def test_what_is_no_rating_is_refused_by_name(
    standing_client: FlaskClient, standing_rob: Account, body: Any, said: str
) -> None:
    status, document = post(standing_client, SUBMIT, standing_rob, body)
    assert (status, document["code"]) == (400, 400)
    assert said in document["error"]
    assert listed(standing_client) == []


@pytest.mark.parametrize("body", [mbid(M, "love"), {}, {"recording_mbid": "x"}, {"recording_mbid": str(M), "x": 1}])
def test_what_names_no_recording_takes_nothing_back(
    standing_client: FlaskClient, standing_rob: Account, body: Any
) -> None:
    assert post(standing_client, DELETE, standing_rob, body)[0] == 400


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/1/recommendation/feedback/user/nobody", 404, "Cannot find user: nobody"),
        (f"{OF_ROB}?rating=great", 400, "Invalid rating: great"),
        (f"{OF_ROB}?count=x", 400, "'count' should be a non-negative integer"),
        ("/1/recommendation/feedback/user/nobody/recordings", 404, "Cannot find user: nobody"),
        (f"{OF_ROB}/recordings", 400, "'mbids' is missing"),
        (f"{OF_ROB}/recordings?mbids={M},x", 400, "x mbid format invalid."),
        (f"{OF_ROB}/recordings?msids=%00", 400, " msid format invalid."),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    standing_client: FlaskClient, standing_rob: Account, path: str, status: int, said: str
) -> None:
    answer = standing_client.get(path)
    assert answer.status_code == status
    assert said in answer.get_json()["error"]


def test_nobody_rates_for_another(client: FlaskClient, rob: Account, connection: Connection) -> None:
    zoe = make_account(connection, "Zoe")
    post(client, SUBMIT, rob, mbid(M, "love"))
    post(client, DELETE, zoe, mbid(M))
    for path in (SUBMIT, DELETE):
        assert client.post(path, json=mbid(M)).status_code == 401
    assert listed(client) == [(str(M), None, "love")]
